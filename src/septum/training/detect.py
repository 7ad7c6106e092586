"""Yang et al. (2018), trained: a detector's region, an encoder-decoder in it, with its refinements or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from septum.core import RecipeError, Region
from septum.inference import Stage
from septum.losses.boxes import box_objective
from septum.losses.composite import composite_objective
from septum.methods.patches import PatchSampler
from septum.methods.pipeline import find_by_detector, prepared_now
from septum.methods.torch_engine import BoxEngine
from septum.methods.transfer import take_over
from septum.networks.box_detector import BoxDetector
from septum.networks.deeply_supervised import DeeplySupervised
from septum.training.objective import Task, identity_of
from septum.training.two_stage import TwoStageRun
from septum.training.validation import FOREGROUND, scoring_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from septum.datasets import Case
    from septum.methods.pipeline import Finder, Preparation
    from septum.methods.samples import PreparedCase
    from septum.training.loop import Deadline, Initial
    from septum.training.objective import Objective
    from septum.training.recipe import DetectThenSegmentRecipe, Transfer


def _agreement(network: nn.Module, image: Tensor, classes: Tensor) -> dict[int, float]:
    """Score the box, the higher, the closer: the loss with its sign changed."""
    return {1: -float(box_objective(network, image, classes))}


class DetectThenSegmentRun(TwoStageRun):
    """One run of a recipe whose first stage is a box detector; arguments as of :class:`TwoStageRun`."""

    recipe: DetectThenSegmentRecipe
    first_measure = staticmethod(_agreement)
    first_quantity = "agreement"

    def first_task(self) -> Task:
        """See :meth:`TwoStageRun.first_task`."""
        settings = self.recipe.localiser.network
        return Task(lambda: BoxDetector(settings), box_objective, identity_of("box detector", settings))

    def find_with(self, first: nn.Module, prepared: Preparation = prepared_now) -> Finder:
        """About the middle of the detected box."""
        stage = Stage(BoxEngine(first), self.recipe.localiser.preprocessing)
        return find_by_detector(stage, self.localisation(), prepared)

    def segmenter_task(self) -> Task:
        """The plain network, or the refined one with its composite loss."""
        refinements = self.recipe.refinements
        if refinements is None:
            return super().segmenter_task()
        settings = refinements.network_settings(self.recipe.segmenter.network)
        objective = cast("Objective", composite_objective)  # of this network alone
        return Task(lambda: DeeplySupervised(settings), objective, identity_of("composite", settings))

    def initial_weights(self, deadline: Deadline) -> tuple[Initial | None, str]:
        """The weights of the same network, trained on another data set first."""
        transfer = self.recipe.transfer
        if transfer is None:
            return None, ""
        source, name = self._trained_elsewhere(transfer, deadline), _part_of(transfer)
        identity = f"{self.parts.identities[name]} {self.parts.cap(name)}"  # capped, the weights are others
        return lambda network: _take_over(network, source), identity

    def _trained_elsewhere(self, transfer: Transfer, deadline: Deadline) -> nn.Module:
        """Trained on regions about the truth of the other data set, all of its foreground as one."""
        if self.data.of_other is None:
            raise RecipeError(
                f"recipe {self.recipe.name}: its transfer needs data set {transfer.dataset}; none is given."
            )
        other = self.data.of_other(transfer.dataset)

        def sampler_of(part: Sequence[Case]) -> PatchSampler:
            settings = transfer.training
            cases = [other.store.prepared(c, settings.preprocessing).on(self.parts.device) for c in part]
            return PatchSampler(cases, {c.name: _middle_of_truth(c) for c in cases}, settings)

        training = sampler_of(other.partition.training)
        scoring = scoring_of(other.partition, training, sampler_of, (FOREGROUND,))
        name, seed = _part_of(transfer), self.recipe.seed
        return self.parts.fit(name, self.segmenter_task(), training, seed, deadline, scoring=scoring)


def _part_of(transfer: Transfer) -> str:
    return f"transfer/{transfer.dataset}"


def _middle_of_truth(case: PreparedCase) -> tuple[float, float]:
    """In-plane middle of the box about all foreground; of the image where there is none."""
    box = Region.bounding((case.classes > 0).cpu().numpy()) or Region.whole(case.geometry.shape)
    return ((box.start[1] + box.stop[1] - 1) / 2, (box.start[2] + box.stop[2] - 1) / 2)


def _take_over(network: nn.Module, source: nn.Module) -> None:
    take_over(network, source.state_dict())
