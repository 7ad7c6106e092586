"""A recipe: everything that decides what a training run does, in one TOML file."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from septum.core import RecipeError, StackKind
from septum.datasets import HeldOut, published_keys, require_known, require_published
from septum.inference import PostprocessingSettings
from septum.localisation import LocalisationSettings
from septum.methods.end_to_end import EndToEndSettings
from septum.methods.mask_rcnn_settings import MaskRCNNSettings
from septum.methods.settings import StageSettings, TrainingSettings
from septum.networks.box_detector import BoxDetectorSettings  # noqa: TC001  # pydantic reads it
from septum.networks.deeply_supervised import DeeplySupervisedSettings

if TYPE_CHECKING:
    from septum.core import LabelSchema
    from septum.networks import NetworkSettings


class Recipe(BaseModel):
    """What every recipe says.

    Attributes:
        name: of the recipe, and of the bundle that comes out.
        title: one line on what it is.
        dataset: key of ``datasets.REGISTRY``.
        seed: of every random draw.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    dataset: Annotated[str, AfterValidator(require_known)]
    seed: int = 0

    @property
    def sha256(self) -> str:
        """Hash of all settings but name and title, by which results are known again.

        Settings at their defaults are left out, so that one which a later version adds leaves the hash as it
        is. A test holds the defaults fixed.
        """
        settings = self.model_dump_json(exclude_defaults=True, exclude={"name", "title"})
        return hashlib.sha256(settings.encode()).hexdigest()

    @property
    def datasets(self) -> tuple[str, ...]:
        """Keys of the data sets that its training reads."""
        return (self.dataset,)

    def require_channels(self, stage: StageSettings, schema: LabelSchema) -> None:
        """Check that a stage has the channels of a data set: one sigmoid for one structure, else softmax.

        Raises:
            RecipeError: it has not.
        """
        structures = len(schema.structures)
        fitting = {structures + 1} | ({1} if structures == 1 else set())
        data = self.dataset if self.dataset in published_keys() else "the data"
        count = f"{structures} structure{'' if structures == 1 else 's'}"
        if stage.network.out_channels not in fitting:
            raise RecipeError(
                f"recipe {self.name}: {data} has {count}, so the segmenter needs "
                f"out_channels = {structures + 1}, got {stage.network.out_channels}."
            )
        if (stage.network.out_channels == 1) != (stage.loss == "bce_dice"):
            raise RecipeError(
                f"recipe {self.name}: the segmenter's loss is 'bce_dice' with out_channels = 1 and another "
                f"with more, got {stage.loss!r} with {stage.network.out_channels}."
            )


class RegionsAtTest(BaseModel):
    """Where the region of a test case comes from, if not from the recipe's own localisation.

    Attributes:
        evidence: as in :class:`LocalisationSettings`, or the ``truth``: an oracle.
        layer: of the localiser, at which the map is taken; a key of ``Network.map_layers``.
        threshold, margin_mm: instead of those of the localisation; the bundle has them, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    evidence: Literal["map", "coarse_mask", "soft_argmax", "truth"] = "map"
    layer: Literal["bottleneck", "decoder1", "decoder2", "decoder3"] = "decoder3"
    threshold: float | None = Field(default=None, gt=0, lt=1)
    margin_mm: float | None = Field(default=None, ge=0)


class Initial(BaseModel):
    """A bundle whose networks the training starts from.

    Results on patients that the bundle was trained on are then no results on unseen cases. Where both know
    the same structures, the whole network is taken over; otherwise all but its last layer.

    Attributes:
        bundle: name of a shipped bundle, or a bundle's folder.
        localiser, segmenter: which of its networks are taken over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: str
    localiser: bool = True
    segmenter: bool = True

    @property
    def used(self) -> bool:
        """Whether any network is taken over; none revokes the bundle of a recipe that is extended."""
        return self.localiser or self.segmenter


class TwoStageRecipe(Recipe):
    """A first network that finds the region, a second one that segments in it.

    Attributes:
        localiser_folds: number of parts for out-of-fold regions.
        localiser_fold_epochs: epochs of the localisers that make those regions; fewer than the final one's
            make regions that err a little more than those of use, which the segmenter should bear.
        localisation: from what the first network gives to the region.
        segmenter: second stage.
    """

    localiser_folds: int = Field(default=5, ge=2)
    localiser_fold_epochs: int = Field(ge=1)
    localisation: LocalisationSettings
    segmenter: StageSettings


class MultiStageRecipe(TwoStageRecipe):
    """A coarse network, the region that its map gives, a fine network in the region.

    Attributes:
        input: what images the data has and the bundle reads: ``cine`` or ``late-gadolinium``; ``None`` takes
            it from the data set. Of data without a published split only, like the next two.
        patient_pattern: regular expression at the beginning of a case's name, whose first group is the
            patient; ``None`` counts each case as a patient.
        held_out: which patients of such data test.
        fold: which fold validates; ``None`` trains on all patients that do not test.
        initial: what the networks start from; ``None`` for fresh weights.
        localiser: first stage, one foreground channel.
        regions_at_test: another source of the regions of test cases; it changes nothing of what is trained.
        postprocessing: of the mask.
        flips_at_test: whether a test case's mask comes from the mean over mirror images; it changes nothing
            of what is trained, and of a bundle its user decides.
    """

    method: Literal["multi_stage"] = "multi_stage"
    input: StackKind | None = None
    patient_pattern: str | None = None
    held_out: HeldOut = HeldOut()
    fold: int | None = Field(default=None, ge=0, le=4)
    initial: Initial | None = None
    localiser: StageSettings
    regions_at_test: RegionsAtTest = RegionsAtTest()
    postprocessing: PostprocessingSettings = PostprocessingSettings()
    flips_at_test: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> MultiStageRecipe:
        if self.localiser.network.out_channels != 1 or self.localiser.loss != "bce_dice":
            raise ValueError("the localiser has one sigmoid channel: out_channels = 1, loss = 'bce_dice'")
        if self.regions_at_test.evidence == "soft_argmax" and self.localisation.fixed is None:
            raise ValueError(
                "regions_at_test: 'soft_argmax' knows no extent: localisation needs a fixed size"
            )
        return self

    @model_validator(mode="after")
    def _patients(self) -> MultiStageRecipe:
        own = self.input or self.patient_pattern is not None or self.held_out != HeldOut()
        if own and self.dataset in published_keys():
            raise ValueError(
                f"images, patients and split of {self.dataset} are published: leave out input, "
                "patient_pattern and held_out"
            )
        if self.patient_pattern is not None and not _groups(self.patient_pattern):
            raise ValueError(
                "patient_pattern: expected a regular expression with a group for the patient, such as "
                f"'(patient\\d+)_', got {self.patient_pattern!r}"
            )
        return self


class WholeVolumeRecipe(Recipe):
    """One network on the whole volume, without localisation."""

    method: Literal["whole_volume"]
    segmenter: StageSettings


class EndToEndRecipe(Recipe):
    """Two networks on the whole volume, trained together.

    Attributes:
        first: the first network and how its output reaches the second.
        segmenter: the second network; its loss is added to the first one's.
    """

    method: Literal["end_to_end"]
    first: EndToEndSettings
    segmenter: StageSettings

    @model_validator(mode="after")
    def _whole(self) -> EndToEndRecipe:
        if self.segmenter.side_weights:
            raise ValueError("end_to_end has no deep supervision; leave segmenter.side_weights out")
        return self


class MaskRCNNRecipe(Recipe):
    """Mask R-CNN, slice by slice.

    Attributes:
        mask_rcnn: the network.
        segmenter: what it is shown.
    """

    method: Literal["mask_rcnn"]
    mask_rcnn: MaskRCNNSettings
    segmenter: TrainingSettings


class DetectorSettings(TrainingSettings):
    """A box detector and how it is trained."""

    network: BoxDetectorSettings


class Transfer(BaseModel):
    """A training on another data set, whose weights the segmenter starts from.

    Attributes:
        dataset: key of a published data set of ``datasets.REGISTRY``.
        training: regions about the truth of that data set, all its foreground as one structure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Annotated[str, AfterValidator(require_published)]
    training: TrainingSettings


class Refinements(BaseModel):
    """What Yang et al. add to the plain segmenter; with them its loss is their composite one.

    Attributes:
        passes: how often the network runs, each time with the probability of the pass before.
        side_weights: of the side outputs, deepest first.
        transfer: where the weights start from; ``None`` for fresh ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    passes: int = Field(default=2, ge=1)
    side_weights: tuple[float, ...] = (0.4, 0.8)
    transfer: Transfer | None = None

    def network_settings(self, network: NetworkSettings) -> DeeplySupervisedSettings:
        """The refined network about the segmenter's own. Raises ``ValueError`` where they do not fit."""
        return DeeplySupervisedSettings(network=network, passes=self.passes, side_weights=self.side_weights)


class DetectThenSegmentRecipe(TwoStageRecipe):
    """Yang et al. (2018): the region of a box detector, an encoder-decoder in it.

    Attributes:
        localiser: the detector.
        refinements: deep supervision, composite loss, recursion and transfer, or none of them.
    """

    method: Literal["detect_then_segment"]
    localiser: DetectorSettings
    refinements: Refinements | None = None

    @model_validator(mode="after")
    def _fitting(self) -> DetectThenSegmentRecipe:
        if self.refinements is not None:
            if self.segmenter.side_weights:
                raise ValueError("refinements have side_weights of their own; leave the segmenter's out")
            self.refinements.network_settings(self.segmenter.network)
        return self

    @property
    def transfer(self) -> Transfer | None:
        """The training that the segmenter's weights start from, if there is one."""
        return None if self.refinements is None else self.refinements.transfer

    @property
    def datasets(self) -> tuple[str, ...]:
        """As of every recipe, and the one that it learns from first."""
        return (self.dataset,) if self.transfer is None else (self.dataset, self.transfer.dataset)


AnyRecipe = Annotated[
    MultiStageRecipe | WholeVolumeRecipe | EndToEndRecipe | MaskRCNNRecipe | DetectThenSegmentRecipe,
    Field(discriminator="method"),
]


def _groups(pattern: str) -> int:
    """Number of groups of a regular expression; 0 if it is none."""
    try:
        return re.compile(pattern).groups
    except re.error:
        return 0
