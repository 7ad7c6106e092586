"""Methods of one training on the whole volume: one network, two trained end to end, or Mask R-CNN."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from septum.core import RecipeError
from septum.inference import Segmenter, Stage
from septum.methods.end_to_end import EndToEnd, end_to_end_objective
from septum.methods.mask_rcnn import SliceMaskRCNN, training_objective
from septum.methods.patches import PatchSampler
from septum.methods.pipeline import Pipeline, find_whole
from septum.methods.torch_engine import TorchEngine
from septum.training.objective import LOSSES, Task, identity_of, stage_task
from septum.training.recipe import EndToEndRecipe, MaskRCNNRecipe, WholeVolumeRecipe
from septum.training.validation import scoring_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from septum.datasets import Case
    from septum.training.loop import Deadline
    from septum.training.objective import Objective
    from septum.training.partition import TrainingData
    from septum.training.parts import Parts


class WholeVolumeRun:
    """One run of a recipe whose network sees the whole volume.

    Args:
        recipe: what to do.
        data: what it learns from.
        parts: where the network is trained and kept.
    """

    def __init__(
        self, recipe: WholeVolumeRecipe | EndToEndRecipe | MaskRCNNRecipe, data: TrainingData, parts: Parts
    ) -> None:
        if not isinstance(recipe, MaskRCNNRecipe):
            recipe.require_channels(recipe.segmenter, data.store.dataset.schema)
        self.recipe, self.store, self.partition, self.parts = recipe, data.store, data.partition, parts

    def pipeline(self, deadline: Deadline) -> Pipeline:
        """Train, and give the method as it runs on test cases.

        Raises:
            Interrupted: the time budget ended first.
            RecipeError: the folder holds a part that was trained by other settings.
        """
        training, names = self._sampler(self.partition.training), self.store.dataset.schema.names
        network = self.parts.fit(
            "segmenter",
            task_of(self.recipe),
            training,
            self.recipe.seed,
            deadline,
            scoring=scoring_of(self.partition, training, self._sampler, names),
        )
        stage = Stage(TorchEngine(network), self.recipe.segmenter.preprocessing)
        return Pipeline(find_whole, Segmenter(stage, self.store.dataset.schema.values))

    def _sampler(self, cases: Sequence[Case]) -> PatchSampler:
        settings = self.recipe.segmenter
        prepared = [self.store.prepared(c, settings.preprocessing).on(self.parts.device) for c in cases]
        return PatchSampler(prepared, {}, settings)


def task_of(recipe: WholeVolumeRecipe | EndToEndRecipe | MaskRCNNRecipe) -> Task:
    """The network of a recipe and its objective."""
    if isinstance(recipe, WholeVolumeRecipe):
        return stage_task(recipe.segmenter)
    if isinstance(recipe, MaskRCNNRecipe):
        chosen = recipe.mask_rcnn
        objective = cast("Objective", training_objective)  # of this network alone
        return Task(lambda: SliceMaskRCNN(chosen), objective, identity_of("mask r-cnn", chosen))

    def build() -> nn.Module:
        try:
            return EndToEnd(recipe.first, recipe.segmenter.network)
        except ValueError as error:
            raise RecipeError(f"the recipe's network cannot be built: {error}.") from error

    stage = recipe.segmenter
    identity = identity_of(f"end-to-end {stage.loss}", recipe.first, stage.network)
    return Task(build, end_to_end_objective(LOSSES[stage.loss]), identity)
