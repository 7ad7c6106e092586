"""All methods by name: what trains a recipe. An explicit dictionary: to add a method, add a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from septum.methods import mask_rcnn
from septum.training.detect import DetectThenSegmentRun
from septum.training.multi_stage import MultiStageRun
from septum.training.recipe import MaskRCNNRecipe
from septum.training.single import WholeVolumeRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.methods.pipeline import Pipeline
    from septum.training.loop import Deadline
    from septum.training.partition import TrainingData
    from septum.training.parts import Parts
    from septum.training.recipe import AnyRecipe


class Run(Protocol):
    """One run of a recipe on a partition of a data set."""

    def pipeline(self, deadline: Deadline) -> Pipeline:
        """Do what is left of the training, and give the method as it runs on test cases.

        Raises:
            Interrupted: the time budget ended first; the same call goes on.
            RecipeError: recipe, data or run folder do not fit.
        """
        ...


#: From recipe, data and parts to a run.
RUNS: dict[str, Callable[[Any, TrainingData, Parts], Run]] = {
    "multi_stage": MultiStageRun,
    "whole_volume": WholeVolumeRun,
    "end_to_end": WholeVolumeRun,
    "mask_rcnn": WholeVolumeRun,
    "detect_then_segment": DetectThenSegmentRun,
}


def unavailable(recipe: AnyRecipe) -> str | None:
    """One sentence on what a recipe's method needs that is not installed; ``None`` if all is there."""
    return mask_rcnn.unavailable() if isinstance(recipe, MaskRCNNRecipe) else None
