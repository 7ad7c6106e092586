"""Whether an image is unlike those that a model learnt from: out-of-distribution detection.

The evidence is the image's slice spacing and what the model's own two networks make of it. Nothing is taken
from names.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from septum.inference.channels import largest_channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from septum.inference.decision import Presence

#: Slices may be so many times as near, or as far apart, as those of any training case.
SLICE_FACTOR = 4.0
#: What a header's rounding explains of that.
SLICE_TOLERANCE = 1.01
#: What confidence and agreement lack of 1 may be so many times what they lack in any training case.
LACK_FACTOR = 1.5
DECIMALS = 4
#: A voxel counts as background where all structures' logits are so far below: their probability is 6e-6 each.
NEGLIGIBLE = 12.0


@dataclass(frozen=True)
class Evidence:
    """What the two networks of a model make of one frame; ``None`` where the segmenter labels nothing.

    Attributes:
        confidence: mean, over the labelled voxels of the region, of the largest softmax probability, 0 to 1
            (Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples in
            Neural Networks, ICLR 2017). It is not the probability that the mask is right.
        agreement: Dice coefficient, 0 to 1, of the localiser's mask and all that the segmenter labels, in the
            region. Networks that learnt apart agree on what they know, and by chance only elsewhere.
            ``None``, too, in a frame that the localiser has not seen.
        soft_dice: one value a structure, in the order of the labels: the Dice coefficient that the segmenter
            itself expects of its mask, 0 to 1. With its probabilities p and its mask m it is
            2 sum(p m) / (sum(p) + sum(m)) (Borges, Pacheco and Silva, Soft Dice Confidence, 2024,
            arXiv:2402.10665). ``None`` for a structure without a voxel.
        flip_agreement: Dice coefficient, 0 to 1, of the mask of a mirror image with that of the mean over
            all four, averaged over structures and images; ``None`` where there were no mirror images, too.
        presence: of each structure, in the order of the labels, the probability that it is in a slice, one
            value for each slice of the image; empty where the model does not know. See
            :mod:`septum.inference.decision`.
    """

    confidence: float | None
    agreement: float | None
    soft_dice: tuple[float | None, ...] = ()
    flip_agreement: float | None = None
    presence: Presence = ()


class TrainingImages(BaseModel):
    """What a model makes of the cases that it learnt from, as it stands in the bundle.

    Attributes:
        cases: number of them.
        slice_mm: least and greatest distance of their slices, in mm.
        least_confidence, least_agreement: see :class:`Evidence`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: int = Field(ge=1)
    slice_mm: tuple[float, float]
    least_confidence: float = Field(ge=0, le=1)
    least_agreement: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, slices_mm: Sequence[float], evidence: Sequence[Evidence]) -> TrainingImages | None:
        """From the cases' slice spacings, in mm, and evidence; ``None`` if no case has a label."""
        labelled = [(e.confidence, e.agreement) for e in evidence]
        confidences = [c for c, _ in labelled if c is not None]
        agreements = [a for _, a in labelled if a is not None]
        if not confidences or not agreements:
            return None
        return cls(
            cases=len(evidence),
            slice_mm=(round(min(slices_mm), 4), round(max(slices_mm), 4)),
            least_confidence=round(min(confidences), 4),
            least_agreement=round(min(agreements), 4),
        )

    def is_other_kind(self, slice_mm: float) -> bool:
        """Tell whether slices lie so much closer or farther apart that it is another kind of image.

        >>> known = TrainingImages(cases=9, slice_mm=(5.0, 10.0), least_confidence=0.9, least_agreement=0.8)
        >>> known.is_other_kind(0.625), known.is_other_kind(14.0)
        (True, False)
        """
        low, high = self.slice_mm
        factor = SLICE_FACTOR * SLICE_TOLERANCE
        return not low / factor <= slice_mm <= high * factor

    def departures(self, slice_mm: float, frames: Sequence[Evidence]) -> Iterator[str]:
        """How an image departs from the training cases, beyond a margin that none of these reached.

        The median of the frames counts, so that a few bad frames of a cine make no other image of it.

        Args:
            slice_mm: distance of the image's slices, in mm.
            frames: evidence of each.

        Yields:
            A clause each, with the number found and those of the training cases.
        """
        if self.is_other_kind(slice_mm):
            yield f"slices {slice_mm:.3g} mm apart instead of {_range(*self.slice_mm)} mm"
        confidence = [e.confidence for e in frames if e.confidence is not None]
        if confidence and 1 - median(confidence) > LACK_FACTOR * (1 - self.least_confidence):
            yield (
                f"a mean confidence of {median(confidence):.2f} in what is labelled instead of at least "
                f"{self.least_confidence:.2f}"
            )
        agreement = [e.agreement for e in frames if e.agreement is not None]
        if agreement and 1 - median(agreement) > LACK_FACTOR * (1 - self.least_agreement):
            yield (
                f"an agreement of {median(agreement):.2f} of localiser and segmenter instead of at least "
                f"{self.least_agreement:.2f}"
            )


@dataclass(frozen=True)
class Foreground:
    """Probabilities of the voxels of a region that are not surely background, n of them.

    Attributes:
        places: of the voxels in the region, flat and rising.
        probability: (K, n), background first.
        channel: of the largest one, n.
    """

    places: NDArray[np.intp]
    probability: NDArray[np.float32]
    channel: NDArray[np.uint8]


def foreground_of(logits: NDArray[np.float32]) -> Foreground:
    """Take probabilities from logits (K, Z, Y, X), background first; K = 1 means one sigmoid channel."""
    if len(logits) == 1:
        logits = np.concatenate([np.zeros_like(logits), logits])
    flat = logits.reshape(len(logits), -1)
    places = np.flatnonzero(flat[1:].max(axis=0) - flat[0] > -NEGLIGIBLE)
    return Foreground(places, *_softmax(np.take(flat, places, axis=1)))


def evidence_of(found: Foreground, coarse: NDArray[np.bool_] | None) -> Evidence:
    """Confidence, agreement and expected overlap of one frame.

    Args:
        found: the segmenter's probabilities.
        coarse: the localiser's mask, (Z, Y, X), on the same grid; ``None`` if it has not seen the frame,
            which then has no agreement.
    """
    probability, mask = found.probability, found.channel
    labelled = mask > 0
    count = np.count_nonzero(labelled)
    if count == 0:
        return Evidence(None, None, (None,) * (len(probability) - 1))
    confidence = round(float(probability.max(axis=0)[labelled].mean()), DECIMALS)
    expected = tuple(_soft_dice(probability[k], mask == k) for k in range(1, len(probability)))
    if coarse is None:
        return Evidence(confidence, None, expected)
    both = np.count_nonzero(coarse.reshape(-1)[found.places[labelled]])
    return Evidence(confidence, round(2 * both / (count + np.count_nonzero(coarse)), DECIMALS), expected)


def _softmax(logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Probabilities, in place of logits (K, n), and the channel of the largest, which decides."""
    best, mask = largest_channel(logits)
    probability = np.exp(np.subtract(logits, best, out=logits), out=logits)
    probability /= np.add.reduce(probability, axis=0)
    return probability, mask


def _soft_dice(probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> float | None:
    size = np.count_nonzero(mask)
    if size == 0:
        return None
    total = float(probability.sum(dtype=np.float64))
    return round(2 * float(probability[mask].sum(dtype=np.float64)) / (total + size), DECIMALS)


def flip_agreement(images: Iterable[NDArray[np.float32]], mean: NDArray[np.float32]) -> float | None:
    """Mean Dice coefficient of the masks of mirror images with that of their mean.

    Args:
        images: logits of each image, (K, Z, Y, X), turned back; K as of :func:`evidence_of`.
        mean: of these.

    Returns:
        Averaged over the structures that either mask has, and over images; ``None`` if none has any.
    """
    together, count = _channels(mean), max(len(mean), 2)
    dices = []
    for image in images:
        alone = _channels(image)
        for k in range(1, count):
            sizes = np.count_nonzero(alone == k) + np.count_nonzero(together == k)
            if sizes:
                dices.append(2 * np.count_nonzero((alone == k) & (together == k)) / sizes)
    return round(float(np.mean(dices)), DECIMALS) if dices else None


def _channels(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    """Channel that decides, background first."""
    return (logits[0] > 0).astype(np.intp) if len(logits) == 1 else logits.argmax(axis=0)


def _range(low: float, high: float) -> str:
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
