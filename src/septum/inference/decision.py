"""How logits become a mask beyond the largest one: what was fixed on patients whom the networks had not seen.

Two things are decided. A shift of a structure's logit takes away a bias of its volume. And for each slice and
structure there is a probability that the structure is there; an end slice where it is below one half goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from septum.core import LabelSchema, Region, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What the probability of a structure in a slice is computed of, in the order of its weights.
SIGNS = ("largest", "mean", "expected", "inner", "outer", "ratio", "basal")
#: An end slice is taken out where the structure is less probable than this.
LEAST_PROBABILITY = 0.5
#: A slice that holds more is never taken out by itself: at 10 mm a slice it would change a volume by 10 ml.
MOST_AREA_CM2 = 10.0
#: Log-odds of network probabilities are limited to this, and areas in ratios start from that many cm2.
MOST_LOG_ODDS, LEAST_AREA_CM2 = float(np.log(999.0)), 0.1
#: Mean probability that stands for a slice in which no voxel has more than one half.
NO_VOXEL = 0.3
DECIMALS = 4

#: Of each structure, the probability that it is in a slice, one a slice; ``None`` where it is not known.
Presence = tuple[tuple[float | None, ...], ...]


class SliceWeights(BaseModel):
    """A logistic regression for one structure: log-odds that it is in a slice.

    Attributes:
        intercept: log-odds where all signs are 0.
        weights: one for each of :data:`SIGNS`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    intercept: float
    weights: tuple[float, float, float, float, float, float, float]


class Decision(BaseModel):
    """What is decided of a mask beyond the largest logit, as it stands in a bundle.

    Attributes:
        patients: on so many it was fixed, none of whom the networks had seen.
        logit_shift: what is added to a structure's logit, by its name.
        slices: weights by structure; a structure without any keeps all its slices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: int = Field(ge=1)
    logit_shift: dict[str, float] = Field(default_factory=dict)
    slices: dict[str, SliceWeights] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_something_is_decided(self) -> Decision:
        if not self.logit_shift and not self.slices:
            raise ValueError("expected a shift of a logit or weights of slices, got neither")
        return self

    def check_structures(self, schema: LabelSchema) -> None:
        """Refuse structures that masks do not have. Raises :class:`ValueError`."""
        unknown = sorted({*self.logit_shift, *self.slices} - set(schema.names))
        if unknown:
            raise ValueError(f"expected structures of {', '.join(schema.names)}, got {unknown[0]}")


@dataclass(frozen=True)
class SliceEvidence:
    """What the segmenter makes of each slice of its region; arrays (structures, slices).

    Attributes:
        largest: largest probability of a voxel.
        mean: mean probability of the voxels that have more than one half; 0 where none has.
        expected: sum of all probabilities, in voxels.
    """

    largest: NDArray[np.float64]
    mean: NDArray[np.float64]
    expected: NDArray[np.float64]

    @classmethod
    def of(
        cls, probability: NDArray[np.float32], places: NDArray[np.intp], slices: int, voxels: int
    ) -> SliceEvidence:
        """Take it from the probabilities of the voxels that are not surely background.

        Args:
            probability: (K, n), background first.
            places: of the voxels in the region, flat and rising, n of them.
            slices: of the region.
            voxels: of each slice.

        >>> half = np.array([[0.25, 0.5], [0.75, 0.5]], np.float32)
        >>> one = SliceEvidence.of(half, np.array([0, 5]), slices=3, voxels=2)
        >>> one.largest.tolist(), one.mean.tolist(), one.expected.tolist()
        ([[0.75, 0.0, 0.5]], [[0.75, 0.0, 0.0]], [[0.75, 0.0, 0.5]])
        """
        found = np.zeros((3, len(probability) - 1, slices))
        bounds = np.searchsorted(places, np.arange(slices + 1) * voxels)
        filled = np.flatnonzero(np.diff(bounds))
        if len(filled):
            starts, own = bounds[filled], probability[1:]
            sure = own > 0.5  # one half
            count = np.add.reduceat(sure, starts, axis=1, dtype=np.int64)
            found[0][:, filled] = np.maximum.reduceat(own, starts, axis=1)
            found[1][:, filled] = np.add.reduceat(own * sure, starts, axis=1, dtype=np.float64) / np.maximum(
                count, 1
            )
            found[2][:, filled] = np.add.reduceat(own, starts, axis=1, dtype=np.float64)
        largest, mean, expected = found
        return cls(largest, mean, expected)

    def on(self, slices: int, first: int) -> SliceEvidence:
        """Bring it from a region to an image.

        Args:
            slices: of the image.
            first: number in the image of the region's first slice; below 0 where it begins before.
        """
        own = np.arange(slices) - first
        there = (own >= 0) & (own < self.largest.shape[1])

        def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
            out = np.zeros((len(values), slices))
            out[:, there] = values[:, own[there]]
            return out

        return SliceEvidence(spread(self.largest), spread(self.mean), spread(self.expected))


@dataclass(frozen=True)
class Decider:
    """A decision, bound to the structures of a model's masks.

    Attributes:
        decision: shifts and weights.
        schema: structures in the order of the network's channels.
    """

    decision: Decision
    schema: LabelSchema

    def shift(self, logits: NDArray[np.float32]) -> None:
        """Add the shifts to logits (K, Z, Y, X) with background first, in place.

        >>> from septum.core import VENTRICLES
        >>> logits = np.zeros((4, 1, 1, 1), np.float32)
        >>> Decider(Decision(patients=20, logit_shift={"MYO": -0.5}), VENTRICLES).shift(logits)
        >>> logits.ravel().tolist()
        [0.0, 0.0, -0.5, 0.0]
        """
        for k, name in enumerate(self.schema.names, start=1):
            if name in self.decision.logit_shift:
                logits[k] += np.float32(self.decision.logit_shift[name])

    def decide(
        self, labels: NDArray[np.uint8], evidence: SliceEvidence, *, pixel_cm2: float, voxel_cm2: float
    ) -> Presence:
        """Take improbable end slices out of a mask, in place.

        Args:
            labels: mask (Z, Y, X).
            evidence: on its slices.
            pixel_cm2: area of a pixel of the mask.
            voxel_cm2: that of a voxel of the evidence.

        Returns:
            Probability that a structure is in a slice.
        """
        areas = areas_cm2(labels, self.schema, pixel_cm2)
        signs = slice_signs(evidence, areas, self.schema, voxel_cm2=voxel_cm2)
        probability = slice_probabilities(self.decision, signs, self.schema)
        for k, z in np.argwhere(improbable_ends(probability, areas)):
            labels[z][labels[z] == self.schema.values[k]] = 0
        return tuple(
            tuple(None if np.isnan(one) else round(float(one), DECIMALS) for one in of_structure)
            for of_structure in probability
        )


def areas_cm2(labels: NDArray[np.uint8], schema: LabelSchema, pixel_cm2: float) -> NDArray[np.float64]:
    """Area of each structure in each slice of a mask (Z, Y, X); the result is (structures, Z)."""
    box = Region.bounding(labels > 0)
    areas = np.zeros((len(schema.values), len(labels)))
    if box is not None:
        near = box.crop(labels).reshape(box.size[0], -1)
        counts = [np.count_nonzero(near == value, axis=1) for value in schema.values]
        areas[:, box.start[0] : box.stop[0]] = np.asarray(counts) * pixel_cm2
    return areas


def slice_signs(
    evidence: SliceEvidence, areas: NDArray[np.float64], schema: LabelSchema, *, voxel_cm2: float
) -> NDArray[np.float64]:
    """Signs that a structure is in a slice: (structures, slices, 7), in the order of :data:`SIGNS`.

    Log-odds of the largest and of the mean probability; logarithms of 1 + area: that which the probabilities
    expect here, and the larger and the smaller one drawn in the two neighbouring slices; the logarithm of
    the first to the second of these; and whether the slice lies in the half of the base.

    Args:
        evidence: on the slices of the mask.
        areas: drawn, in cm2, (structures, slices).
        schema: structures of the mask.
        voxel_cm2: area of a voxel of ``evidence``.
    """
    expected = evidence.expected * voxel_cm2
    outside = np.pad(areas, ((0, 0), (1, 1)))
    before, after = outside[:, :-2], outside[:, 2:]
    inner, outer = np.maximum(before, after), np.minimum(before, after)
    basal = np.broadcast_to(_basal_half(areas, schema), areas.shape)
    signs = (
        _log_odds(evidence.largest),
        _log_odds(np.where(evidence.mean > 0, evidence.mean, NO_VOXEL)),
        np.log1p(expected),
        np.log1p(inner),
        np.log1p(outer),
        np.log((expected + LEAST_AREA_CM2) / (inner + LEAST_AREA_CM2)),
        basal,
    )
    return np.stack(signs, axis=-1)


def slice_probabilities(
    decision: Decision, signs: NDArray[np.float64], schema: LabelSchema
) -> NDArray[np.float64]:
    """Probability that a structure is in a slice: (structures, slices); not a number where none is known."""
    found = np.full(signs.shape[:2], np.nan)
    for k, name in enumerate(schema.names):
        if name in decision.slices:
            weights = decision.slices[name]
            found[k] = 1 / (1 + np.exp(-(signs[k] @ np.asarray(weights.weights) + weights.intercept)))
    return found


def improbable_ends(probability: NDArray[np.float64], areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which drawn slices go: (structures, slices).

    At most one goes at either end of a structure, none of a large area, and never the last one that it has.

    Args:
        probability: that the structure is in the slice, (structures, slices).
        areas: drawn, in cm2, of the same shape.

    >>> improbable_ends(np.array([[0.1, 0.2, 0.9, 0.3]]), np.array([[2.0, 3.0, 4.0, 0.0]])).tolist()
    [[True, False, False, False]]
    """
    gone = np.zeros(areas.shape, dtype=bool)
    for k, drawn in enumerate(areas > 0):
        places = np.flatnonzero(drawn)
        for z in (places[0], places[-1]) if len(places) > 1 else ():
            gone[k, z] = probability[k, z] < LEAST_PROBABILITY and areas[k, z] <= MOST_AREA_CM2
        if gone[k].sum() == len(places) > 0:
            gone[k, max(places, key=lambda z: probability[k, z])] = False
    return gone


def _basal_half(areas: NDArray[np.float64], schema: LabelSchema) -> NDArray[np.float64]:
    """1 for each slice in the half of the left ventricle where it is wide, 0 for the others."""
    left = [k for k, structure in enumerate(schema.structures) if structure.role in (Role.LV, Role.MYO)]
    heart = areas[left].sum(axis=0) if left else areas.sum(axis=0)
    places = np.flatnonzero(heart)
    if len(places) == 0:
        return np.zeros(areas.shape[1])
    begins_wide = heart[places[:2]].sum() > heart[places[-2:]].sum()
    first_half = np.arange(areas.shape[1]) < (places[0] + places[-1]) / 2
    return (first_half == begins_wide).astype(np.float64)


def _log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    limited = np.clip(probability, 1e-3, 1 - 1e-3)
    return np.log(limited / (1 - limited))
