"""What the training of a row's networks takes, in floating-point operations (FLOP).

Counted are convolutions and matrix products of one forward pass, by torch's own counter and without computing
them; a multiplication with its addition is 2 FLOP. A training step is taken as three forward passes: the
backward pass has two products of the same size for each one of the forward pass. Left out are the passes by
which the regions of training cases are found, one a case beside the many epochs of each network.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from septum.datasets import facts_of
from septum.methods.end_to_end import EndToEnd, EndToEndSettings
from septum.networks import NetworkSettings
from septum.networks.box_detector import BoxDetector, BoxDetectorSettings
from septum.networks.deeply_supervised import DeeplySupervised, DeeplySupervisedSettings
from septum.training.objective import built
from septum.training.parts import digest
from septum.training.recipe import (
    DetectThenSegmentRecipe,
    EndToEndRecipe,
    MaskRCNNRecipe,
    TwoStageRecipe,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import nn

    from septum.methods.mask_rcnn_settings import MaskRCNNSettings
    from septum.methods.settings import TrainingSettings
    from septum.training.recipe import AnyRecipe

    #: What a network is built from.
    Architecture = (
        NetworkSettings
        | tuple[EndToEndSettings, NetworkSettings]
        | DeeplySupervisedSettings
        | BoxDetectorSettings
    )

#: Forward passes that a training step costs.
PASSES_OF_A_STEP = 3

# Mask R-CNN's number of operations depends on what it finds, so it cannot be counted without computing it.
# These were counted on torchvision 0.29's network while it computed slices of 256 x 256.
#: Of backbone, pyramid and region proposals: 24.58 GFLOP a slice.
MASK_RCNN_PIXEL_FLOP = 24.58e9 / 256**2
#: Of the box head for one proposal: 2 (256 7 7 1024 + 1024 1024 + 1024 5 4) for four classes.
MASK_RCNN_PROPOSAL_FLOP = 27.83e6
#: Of the mask head for one instance: four 3 x 3 convolutions, an up-convolution and the last layer.
MASK_RCNN_INSTANCE_FLOP = 1.029e9
#: Share of the proposals that are instances in training, at most; torchvision's ``box_positive_fraction``.
MASK_RCNN_POSITIVE = 0.25


class CaseNumbers(NamedTuple):
    """Cases of a data set in one fold: those that validate, and those that test."""

    validation: int
    test: int


@dataclass(frozen=True)
class PartCost:
    """What the training of one network takes at most.

    Attributes:
        name: as in the ledger: ``localiser/fold0`` and so on, ``localiser/final``, ``transfer/acdc``,
            ``segmenter``.
        key: the same for rows that share the network of a fold.
        forward_flop: of one sample.
        samples: that train, an epoch.
        validation_samples: an epoch.
        epochs: the largest number.
    """

    name: str
    key: str
    forward_flop: float
    samples: int
    validation_samples: int
    epochs: int

    @property
    def epoch_flop(self) -> float:
        """Of one epoch, training and validation."""
        return self.forward_flop * (PASSES_OF_A_STEP * self.samples + self.validation_samples)


def cost_of(recipe: AnyRecipe, cases: Mapping[str, CaseNumbers]) -> tuple[PartCost, ...]:
    """The networks that a unit of this recipe trains, in the order of training.

    Args:
        recipe: of the row.
        cases: by data set.
    """
    first = tuple(_first_stages(recipe, cases)) if isinstance(recipe, TwoStageRecipe) else ()
    transfer = tuple(_transfer(recipe, cases)) if isinstance(recipe, DetectThenSegmentRecipe) else ()
    also = recipe.model_dump_json(
        include={"mask_rcnn", "first", "localisation", "refinements"}, exclude_defaults=True
    )
    segmenter = _part(
        "segmenter",
        recipe.segmenter,
        _segmenter_flop(recipe, recipe.segmenter, recipe.dataset),
        cases[recipe.dataset].validation,
        (recipe.dataset, str(recipe.seed), also, *(part.key for part in first)),
    )
    return (*first, *transfer, segmenter)


def case_flop(parts: Iterable[PartCost]) -> float:
    """FLOP of the networks on one test case: the final localiser, where there is one, and the segmenter."""
    return sum(part.forward_flop for part in parts if part.name in {"localiser/final", "segmenter"})


def _first_stages(recipe: Any, cases: Mapping[str, CaseNumbers]) -> Iterator[PartCost]:
    settings, dataset = recipe.localiser, recipe.dataset
    flop = forward_flop(settings.network, _sample_size(settings, dataset))
    source = (dataset, str(recipe.seed))
    shorter = settings.with_epochs(recipe.localiser_fold_epochs)
    for fold in range(recipe.localiser_folds):
        yield _part(f"localiser/fold{fold}", shorter, flop, 0, (*source, f"of {recipe.localiser_folds}"))
    yield _part("localiser/final", settings, flop, cases[dataset].validation, source)


def _transfer(recipe: DetectThenSegmentRecipe, cases: Mapping[str, CaseNumbers]) -> Iterator[PartCost]:
    """The training on another data set, of the segmenter's own network."""
    if recipe.transfer is None:
        return
    dataset, settings = recipe.transfer.dataset, recipe.transfer.training
    also = recipe.model_dump_json(include={"seed": True, "segmenter": {"network"}, "refinements": True})
    flop = _segmenter_flop(recipe, settings, dataset)
    yield _part(f"transfer/{dataset}", settings, flop, cases[dataset].validation, (dataset, also))


def _part(
    name: str, settings: TrainingSettings, flop: float, validation: int, depends_on: tuple[str, ...]
) -> PartCost:
    optimisation = settings.optimisation
    return PartCost(
        name=name,
        key=digest(name, settings.model_dump_json(exclude_defaults=True), *depends_on),
        forward_flop=flop,
        samples=optimisation.steps_per_epoch * optimisation.batch,
        validation_samples=validation,
        epochs=optimisation.epochs,
    )


def _segmenter_flop(recipe: AnyRecipe, settings: TrainingSettings, dataset: str) -> float:
    """Of the segmenter's network on a sample of these settings and this data set."""
    size = _sample_size(settings, dataset)
    if isinstance(recipe, MaskRCNNRecipe):
        return size[0] * _slice_flop(recipe.mask_rcnn, size[1] * size[2])
    network = recipe.segmenter.network
    if isinstance(recipe, EndToEndRecipe):
        return forward_flop((recipe.first, network), size)
    if isinstance(recipe, DetectThenSegmentRecipe) and recipe.refinements is not None:
        return forward_flop(recipe.refinements.network_settings(network), size)
    return forward_flop(network, size)


def _slice_flop(settings: MaskRCNNSettings, pixels: int) -> float:
    """Of Mask R-CNN on a slice in training, at most; at test, with torchvision's defaults, it is less."""
    a_proposal = MASK_RCNN_PROPOSAL_FLOP + MASK_RCNN_POSITIVE * MASK_RCNN_INSTANCE_FLOP
    return pixels * MASK_RCNN_PIXEL_FLOP + settings.proposals_per_slice * a_proposal


def _sample_size(settings: TrainingSettings, dataset: str) -> tuple[int, int, int]:
    """(Z, Y, X) of what the network is shown; the data set's most slices where the recipe leaves them."""
    size = settings.preprocessing.size
    return (facts_of(dataset).most_slices if size is None else size[0], *settings.patch.size)


@cache
def forward_flop(architecture: Architecture, size: tuple[int, int, int]) -> float:
    """Of one volume (1, 1, Z, Y, X), padded to what the network needs.

    On the meta device nothing is computed, and convolutions stay 3-D operations, which count their padding.
    """
    with torch.device("meta"):
        network: Any = _build(architecture).eval()
        z, y, x = (-(-n // m) * m for n, m in zip(size, network.multiple, strict=True))
        image = torch.empty(1, 1, z, y, x)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return float(counter.get_total_flops())


def _build(architecture: Architecture) -> nn.Module:
    if isinstance(architecture, NetworkSettings):
        return built(architecture)
    if isinstance(architecture, BoxDetectorSettings):
        return BoxDetector(architecture)
    if isinstance(architecture, DeeplySupervisedSettings):
        return DeeplySupervised(architecture)
    return EndToEnd(*architecture)
