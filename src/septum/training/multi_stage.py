"""The multi-stage method, trained: a localiser, the region that its map gives, a segmenter in the region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from septum.inference import Stage
from septum.methods.pipeline import find_by_localiser, find_by_truth, prepared_now
from septum.methods.torch_engine import TorchEngine
from septum.training.objective import stage_task
from septum.training.two_stage import TwoStageRun

if TYPE_CHECKING:
    from torch import nn

    from septum.localisation import LocalisationSettings
    from septum.methods.pipeline import Finder, Preparation
    from septum.networks import Network
    from septum.training.loop import Deadline
    from septum.training.objective import Task
    from septum.training.recipe import MultiStageRecipe


@dataclass(frozen=True)
class Trained:
    """What a finished run has made."""

    localiser: Network
    segmenter: Network
    localisation: LocalisationSettings


class MultiStageRun(TwoStageRun):
    """One run of a multi-stage recipe; arguments as of :class:`TwoStageRun`."""

    recipe: MultiStageRecipe

    def run(self, deadline: Deadline) -> Trained:
        """Do what is left. Raises as :meth:`TwoStageRun.train`."""
        localiser, segmenter = self.train(deadline)
        return Trained(cast("Network", localiser), cast("Network", segmenter), self.localisation())

    def first_task(self) -> Task:
        """See :meth:`TwoStageRun.first_task`."""
        return stage_task(self.recipe.localiser)

    def find_with(self, first: nn.Module, prepared: Preparation = prepared_now) -> Finder:
        """The map of equation (1), as the recipe's localisation says."""
        stage = Stage(TorchEngine(first), self.recipe.localiser.preprocessing)
        return find_by_localiser(stage, self.localisation(), prepared)

    def find_at_test(self, first: nn.Module) -> Finder:
        """As ``regions_at_test`` says."""
        at_test, settings = self.recipe.regions_at_test, self.localisation()
        if at_test.evidence == "truth":
            return find_by_truth(settings, self.values, self.recipe.segmenter.preprocessing)
        if at_test.evidence != "map":
            settings = settings.model_copy(update={"evidence": at_test.evidence})
        stage = Stage(TorchEngine(first, at_test.layer), self.recipe.localiser.preprocessing)
        return find_by_localiser(stage, settings)
