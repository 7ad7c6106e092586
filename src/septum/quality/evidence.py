"""What the way to a mask says of it: the networks' own evidence, the regions, the model's training images.

Evidence of a frame is :class:`septum.inference.out_of_distribution.Evidence`, and how its region was found
is a :class:`septum.core.Localisation`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Flag, LocalisationPath, Orientation, Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from septum.core import Geometry, Localisation
    from septum.inference import Description
    from septum.inference.out_of_distribution import Evidence

    #: Key, value, where it was found, and the value of each structure by its tag.
    NetworkMeasure = tuple[str, float, str, Mapping[str, float]]

#: An overlap cannot be expected to be better than so much less than 1.
LEAST_LACK = 0.001


def network_measures(
    evidence: Sequence[Evidence], frames: Sequence[int], tags: Sequence[str]
) -> Iterator[NetworkMeasure]:
    """Measure what the networks made of a study; what is not known is left out.

    Args:
        evidence: one a frame; empty where no network made the mask.
        frames: those whose expected overlap counts.
        tags: of the structures, in the order of the labels.
    """
    agreements = {
        "agreement": [one.agreement for one in evidence if one.agreement is not None],
        "flip_agreement": [one.flip_agreement for one in evidence if one.flip_agreement is not None],
    }
    for key, values in agreements.items():
        if values:
            yield key, float(np.mean(values)), "", {}
    known = [
        (value, tag, t)
        for t in frames
        if t < len(evidence)
        for tag, value in zip(tags, evidence[t].soft_dice, strict=False)
        if value is not None
    ]
    if known:
        yield from _expected_overlap(known)


def _expected_overlap(known: Sequence[tuple[float, str, int]]) -> Iterator[NetworkMeasure]:
    """The Dice coefficient that the segmenter expects: mean, least, and least of each ventricle."""
    least, tag, t = min(known)
    mean = float(np.mean([value for value, _, _ in known]))
    of_each = {
        tag: min(value for value, other, _ in known if other == tag)
        for tag in dict.fromkeys(tag for _, tag, _ in known)
    }
    yield "least_soft_dice", least, f"{tag} in frame {t}", of_each
    yield "log_soft_dice_lack", _log_lack(mean), "", {}
    yield "log_least_soft_dice_lack", _log_lack(least), "", {}
    for ventricle in (Role.LV, Role.RV):
        if ventricle in of_each:
            yield f"{ventricle.lower()}_soft_dice", of_each[ventricle], "", {}


def region_flags(regions: Sequence[Localisation]) -> Iterator[Flag]:
    """Flag regions, one a frame, that were found without the map, or that cut the heart off."""
    sure = (LocalisationPath.MAP, LocalisationPath.WHOLE)  # a model that sees the whole image looks for none
    fallbacks = sum(region.path not in sure for region in regions)
    if fallbacks:
        yield Flag(
            "localisation_fallback",
            Verdict.REVIEW,
            f"The heart was not localised by the map in {fallbacks} of {len(regions)} frames; "
            "look at the mask.",
            fallbacks,
            0.0,
        )
    cut_off = [t for t, region in enumerate(regions) if region.cut_off]
    if cut_off:
        yield Flag(
            "region_cut_off",
            Verdict.REVIEW,
            f"The mask touches the border of the region of interest in {frames_listed(cut_off)} "
            "(counted from 0): the heart may be cut off there.",
            len(cut_off),
            0.0,
        )


#: Key of the flag of an image unlike those learnt from; with *reject* it is of another kind altogether.
UNLIKE_IMAGES = "unlike_training_images"
#: Late gadolinium shows one phase. Some scanners add a second one, or a scout; so many are a cine.
LEAST_PHASES_OF_CINE = 5


def unlike_training_images(
    manifest: Description, geometry: Geometry, evidence: Sequence[Evidence]
) -> Iterator[Flag]:
    """Flag an image that is unlike those that the model learnt from, as far as its bundle tells these.

    Args:
        manifest: of the model.
        geometry: native grid of one frame.
        evidence: what the model's networks make of each frame.
    """
    if manifest.reads == "late-gadolinium" and len(evidence) >= LEAST_PHASES_OF_CINE:
        yield Flag(
            "cine_for_late_gadolinium",
            Verdict.REJECT,
            f"The image is a cine of {len(evidence)} phases, and the model {manifest.name} "
            f"({manifest.title}) reads late gadolinium, which has one. Choose a model for cines, or another "
            "image.",
            len(evidence),
            LEAST_PHASES_OF_CINE - 1.0,
        )
    if manifest.training_images is None:
        return
    slice_mm = geometry.spacing_mm[Orientation.of(geometry).axes[0]]
    departures = list(manifest.training_images.departures(slice_mm, evidence))
    if departures:
        yield Flag(
            UNLIKE_IMAGES,
            Verdict.REJECT if manifest.training_images.is_other_kind(slice_mm) else Verdict.REVIEW,
            f"The image is unlike those that the model {manifest.name} ({manifest.title}) learnt from: "
            f"{'; '.join(departures)}. Check that it is the model for this image, and look at the mask.",
        )


def frames_listed(numbers: Collection[int]) -> str:
    """Name frames in words.

    >>> frames_listed([2, 1])
    'frames 1, 2'
    """
    return f"{'frame' if len(numbers) == 1 else 'frames'} {_listed(numbers)}"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _log_lack(share: float) -> float:
    """Logarithm of the difference between a share and 1."""
    return math.log(max(1.0 - share, LEAST_LACK))
