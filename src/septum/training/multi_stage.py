"""The multi-stage method, trained: a localiser, the region that its map gives, a segmenter in the region."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from septum.core import RecipeError
from septum.inference import Segmenter, Stage
from septum.inference.bundle import open_bundle
from septum.inference.mirroring import MirrorEngine
from septum.methods.pipeline import find_by_localiser, find_by_truth, prepared_now
from septum.methods.torch_engine import TorchEngine
from septum.methods.transfer import HEADS, take_over, weights_of
from septum.training.objective import stage_task
from septum.training.two_stage import TwoStageRun

if TYPE_CHECKING:
    from torch import nn

    from septum.core import LabelSchema
    from septum.inference.bundle import StageManifest
    from septum.localisation import LocalisationSettings
    from septum.methods.pipeline import Finder, Pipeline, Preparation
    from septum.networks import Network
    from septum.training.loop import Deadline, Initial
    from septum.training.objective import Task
    from septum.training.partition import TrainingData
    from septum.training.parts import Parts
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

    def __init__(self, recipe: MultiStageRecipe, data: TrainingData, parts: Parts) -> None:
        super().__init__(recipe, data, parts)
        for (take, _), task in (
            (self.first_initial(), self.first_task()),
            (self._from_bundle("segmenter"), self.segmenter_task()),
        ):
            if take is not None:
                take(task.build())  # a bundle that does not fit is refused before anything is trained

    def run(self, deadline: Deadline) -> Trained:
        """Do what is left. Raises as :meth:`TwoStageRun.train`."""
        localiser, segmenter = self.train(deadline)
        return Trained(cast("Network", localiser), cast("Network", segmenter), self.localisation_at_test())

    def pipeline(self, deadline: Deadline) -> Pipeline:
        """See :meth:`TwoStageRun.pipeline`; regions are widened and masks cleaned as the product does it."""
        plain = super().pipeline(deadline)
        stage = plain.segmenter.stage
        if self.recipe.flips_at_test:
            stage = replace(stage, engine=MirrorEngine(stage.engine))
        segmenter = Segmenter(stage, self.values, self.localisation_at_test(), self.recipe.postprocessing)
        return replace(plain, segmenter=segmenter)

    def first_initial(self) -> tuple[Initial | None, str]:
        """See :meth:`TwoStageRun.first_initial`."""
        return self._from_bundle("localiser")

    def initial_weights(self, deadline: Deadline) -> tuple[Initial | None, str]:  # noqa: ARG002
        """See :meth:`TwoStageRun.initial_weights`."""
        return self._from_bundle("segmenter")

    def _from_bundle(self, stage: Literal["localiser", "segmenter"]) -> tuple[Initial | None, str]:
        """What puts the weights of the recipe's bundle into a network of this stage, and their hash."""
        initial = self.recipe.initial
        if initial is None or not getattr(initial, stage):
            return None, ""
        bundle = open_bundle(initial.bundle)
        manifest: StageManifest = getattr(bundle.two_stage, stage)
        schema = self.store.dataset.schema
        same = stage == "localiser" or names_of(bundle.manifest.labels) == names_of(schema)

        def take(network: nn.Module) -> None:
            fresh = take_over(network, weights_of(bundle.graph(manifest)), with_heads=same)
            if any(name.split(".")[0] not in HEADS for name in fresh):
                raise RecipeError(
                    f"recipe {self.recipe.name}: the {stage} of bundle {initial.bundle} has another "
                    f"architecture or other filters, so that {fresh[0]} and more would stay fresh; give the "
                    "recipe the bundle's network, or leave that stage out of initial."
                )

        return take, manifest.sha256

    def first_task(self) -> Task:
        """See :meth:`TwoStageRun.first_task`."""
        return stage_task(self.recipe.localiser)

    def find_with(self, first: nn.Module, prepared: Preparation = prepared_now) -> Finder:
        """The map of equation (1), as the recipe's localisation says."""
        stage = Stage(TorchEngine(first), self.recipe.localiser.preprocessing)
        return find_by_localiser(stage, self.localisation(), prepared)

    def localisation_at_test(self) -> LocalisationSettings:
        """As :meth:`localisation`, with what ``regions_at_test`` has of its own."""
        own = self.recipe.regions_at_test.model_dump(include={"threshold", "margin_mm"}, exclude_none=True)
        return self.localisation().model_copy(update=own)

    def find_at_test(self, first: nn.Module) -> Finder:
        """As ``regions_at_test`` says."""
        at_test, settings = self.recipe.regions_at_test, self.localisation_at_test()
        if at_test.evidence == "truth":
            return find_by_truth(settings, self.values, self.recipe.segmenter.preprocessing)
        if at_test.evidence != "map":
            settings = settings.model_copy(update={"evidence": at_test.evidence})
        stage = Stage(TorchEngine(first, at_test.layer), self.recipe.localiser.preprocessing)
        return find_by_localiser(stage, settings)


def names_of(schema: LabelSchema) -> tuple[str, ...]:
    """Its structures, in channel order."""
    return tuple(structure.name for structure in schema.structures)
