"""How far a mask is to be trusted: flags with reasons, a verdict, and what the numbers may be off by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import EjectionFractionInterval, Flag, Quality, Verdict
from septum.indices.volumes import volume_curve
from septum.quality.measures import NetworkEvidence, measure_quality
from septum.quality.plausibility import plausibility_flags
from septum.quality.regions import region_flags
from septum.quality.rules import rule_flags
from septum.quality.structures import is_empty, structure_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from septum.core import Geometry, Indices, Segmentation, VolumeCurve
    from septum.quality.calibration import Calibration
    from septum.quality.measures import Measure
    from septum.quality.regions import FoundRegion

#: Flags of stacks as the calibration had none.
UNLIKE_STACKS = frozenset({"few_slices", "slice_distance"})
_ORDER = (Verdict.FINE, Verdict.REVIEW, Verdict.REJECT)


def assess_quality(
    segmentation: Segmentation,
    indices: Indices,
    regions: Sequence[FoundRegion] = (),
    evidence: NetworkEvidence | None = None,
    calibration: Calibration | None = None,
    unlike: Sequence[str] = (),
) -> Quality:
    """The verdict on a mask.

    Args:
        segmentation: the mask, (T, Z, Y, X).
        indices: of that mask.
        regions: of interest, one a frame; none if it was not localised.
        evidence: what the networks made of each frame, as far as it is known.
        calibration: of the model; without one there are flags by rules alone, and nothing is estimated.
        unlike: sentences that say why the image is unlike those that the model learnt from. A calibration
            says nothing of such an image, and nothing is estimated; nor of :data:`UNLIKE_STACKS`.
    """
    curve = volume_curve(segmentation)
    flags = list(basic_flags(curve, regions, segmentation.geometry))
    flags += [Flag("unlike_training_images", Verdict.REVIEW, sentence) for sentence in unlike]
    estimated, measures = None, {}
    if not is_empty(curve):
        measures = measure_quality(segmentation, indices, evidence or NetworkEvidence())
        found, estimated = judge(measures, calibration, beats=indices.phases is not None)
        flags += found
    verdict = worst_of(flags)
    flags.sort(key=lambda flag: _ORDER.index(flag.verdict), reverse=True)
    strange = unlike or any(flag.key in UNLIKE_STACKS for flag in flags)
    if estimated is None or calibration is None or strange:
        return Quality(verdict, tuple(flags))
    intervals = ejection_fraction_intervals(measures, indices, calibration)
    return Quality(verdict, tuple(flags), estimated, intervals)


def ejection_fraction_intervals(
    measures: Mapping[str, Measure], indices: Indices, calibration: Calibration
) -> dict[str, EjectionFractionInterval]:
    """The interval of each ventricle that has an ejection fraction and an expected overlap."""
    values = {item.key: item.value for item in indices.items}
    found = {}
    for name, width in calibration.ejection_fractions.items():
        fraction, overlap = (
            values.get(f"{name.lower()}_ef_percent"),
            measures.get(f"{name.lower()}_soft_dice"),
        )
        if fraction is not None and overlap is not None:
            low, high = width.interval(fraction, overlap.value)
            found[name] = EjectionFractionInterval(low, high, width.measured_coverage, width.bias)
    return found


def judge(
    measures: Mapping[str, Measure], calibration: Calibration | None, *, beats: bool = True
) -> tuple[list[Flag], float | None]:
    """Flags by rules, and by the estimated Dice, which is the second.

    Args:
        measures: by key.
        calibration: without one there are the rules' own limits, and no estimate.
        beats: whether there is an end-diastole and an end-systole, without which nothing is estimated.
    """
    flags = list(rule_flags(measures, calibration.limits if calibration else {}))
    if calibration is None or not beats:
        return flags, None
    estimated = calibration.dice.estimate({key: one.value for key, one in measures.items()})
    return [*flags, *_about_estimate(estimated, calibration)], estimated


def basic_flags(curve: VolumeCurve, regions: Sequence[FoundRegion], geometry: Geometry) -> Iterator[Flag]:
    """What is missing or cannot be, and how the region was found; an empty mask has one flag alone.

    Args:
        curve: volumes of the mask.
        regions: one a frame.
        geometry: native grid of one frame.
    """
    yield from structure_flags(curve)
    if not is_empty(curve):
        yield from region_flags(regions)
        yield from plausibility_flags(curve, geometry)


def worst_of(flags: Iterable[Flag]) -> Verdict:
    """The worst verdict; fine without flags."""
    return max((flag.verdict for flag in flags), key=_ORDER.index, default=Verdict.FINE)


def _about_estimate(estimated: float, calibration: Calibration) -> Iterator[Flag]:
    limit = max(calibration.reviewed_below, calibration.rejected_below)
    if estimated >= limit:
        return
    rejected = estimated < calibration.rejected_below
    yield Flag(
        "low_estimated_dice",
        Verdict.REJECT if rejected else Verdict.REVIEW,
        f"By all signs together the mean Dice of this mask is estimated at {estimated:.2f}, and less than "
        f"{calibration.rejected_below if rejected else limit:.2f} "
        f"{'is too little' if rejected else 'is rare'}: "
        f"{'do not use its numbers' if rejected else 'look at the mask'}.",
        estimated,
        calibration.rejected_below if rejected else limit,
    )
