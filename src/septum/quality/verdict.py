"""How far a mask is to be trusted: flags with reasons, verdicts, and what the numbers may be off by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from septum.core import EjectionFractionInterval, Flag, Quality, Role, Verdict
from septum.quality.calibration import calibration_of
from septum.quality.evidence import region_flags, unlike_training_images
from septum.quality.measures import measure_quality
from septum.quality.rules import interval_flags, is_empty, plausibility_flags, rule_flags, structure_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from septum.core import Indices, LabelSchema, Localisation, Segmentation
    from septum.inference import Bundle
    from septum.inference.out_of_distribution import Evidence
    from septum.quality.calibration import Calibration
    from septum.quality.measures import Measure

#: Flags of stacks as the calibration had none.
UNLIKE_STACKS = frozenset({"few_slices", "slice_distance"})
#: Structures that each ventricle's numbers rest on.
PARTS = {"LV": frozenset({"LV", "MYO"}), "RV": frozenset({"RV"})}
_ORDER = (Verdict.FINE, Verdict.REVIEW, Verdict.REJECT)


@dataclass(frozen=True)
class Judgement:
    """What measures come to.

    Attributes:
        flags: by rules, by the estimated Dice, and by the width of the intervals.
        estimated_dice: ``None`` without a calibration, or without both phases.
        ejection_fractions: interval of each ventricle that has one; empty likewise.
        overlaps: expected of each ventricle that has an interval.
    """

    flags: tuple[Flag, ...]
    estimated_dice: float | None = None
    ejection_fractions: Mapping[str, EjectionFractionInterval] = field(default_factory=dict)
    overlaps: Mapping[str, float] = field(default_factory=dict)


def study_quality(
    segmentation: Segmentation,
    indices: Indices,
    evidence: Sequence[Evidence],
    regions: Sequence[Localisation],
    bundle: Bundle,
) -> Quality:
    """Judge a mask that a model made.

    Args:
        segmentation: masks of all frames, (T, Z, Y, X).
        indices: of these, as they are shown.
        evidence: what the networks made of each frame.
        regions: of interest, one a frame.
        bundle: the model; it brings its calibration, if it has one, and what it learnt from.

    Raises:
        BundleError: its calibration cannot be read.
    """
    unlike = tuple(unlike_training_images(bundle.manifest, segmentation.geometry, evidence))
    return assess_quality(
        segmentation, indices, evidence, regions, calibration=calibration_of(bundle), unlike=unlike
    )


def assess_quality(
    segmentation: Segmentation,
    indices: Indices,
    evidence: Sequence[Evidence] = (),
    regions: Sequence[Localisation] = (),
    *,
    calibration: Calibration | None = None,
    unlike: Sequence[Flag] = (),
) -> Quality:
    """Judge a mask by all that is known of it.

    Phases and ejection fractions are those of the indices: what is shown is what is judged.

    Args:
        segmentation: the mask, (T, Z, Y, X).
        indices: of that mask, as they are shown.
        evidence: what the networks made of each frame; none for a mask of another origin.
        regions: of interest, one a frame; none if it was not localised.
        calibration: of the model; without one there are flags by rules alone, and nothing is estimated.
        unlike: why the image is unlike those that the model learnt from, as of
            :func:`septum.quality.evidence.unlike_training_images`. A calibration says nothing of such an
            image, and nothing is estimated; nor of :data:`UNLIKE_STACKS`.
    """
    flags = [*unlike, *basic_flags(segmentation, indices, regions)]  # the cause before what comes of it
    judgement = Judgement(())
    if not is_empty(indices):
        judgement = judge(
            measure_quality(segmentation, indices, evidence),
            indices.ejection_fractions_percent,
            calibration,
            beats=indices.phases is not None,
            known=not any(flag.key in UNLIKE_STACKS for flag in flags) and not unlike,
        )
    flags += judgement.flags
    flags.sort(key=lambda flag: _ORDER.index(flag.verdict), reverse=True)
    return Quality(
        worst_of(flags),
        tuple(flags),
        judgement.estimated_dice,
        judgement.ejection_fractions,
        ventricle_verdicts(flags, segmentation.schema),
        judgement.overlaps,
    )


def judge(
    measures: Mapping[str, Measure],
    fractions: Mapping[str, float],
    calibration: Calibration | None,
    *,
    beats: bool = True,
    known: bool = True,
) -> Judgement:
    """Judge measures by rules, and by a calibration.

    A negative ejection fraction is rejected elsewhere: here it has no interval, and stroke volumes below 0
    are not compared.

    Args:
        measures: by key.
        fractions: ejection fraction in percent of each ventricle that has one.
        calibration: without one there are the rules' own limits, and nothing is estimated.
        beats: whether there is an end-diastole and an end-systole, without which nothing is estimated.
        known: whether the image is like those of the calibration. Of another, a low estimate is still a
            flag, but neither the estimate nor an interval is given.
    """
    if any(percent < 0 for percent in fractions.values()):
        measures = {key: one for key, one in measures.items() if key != "stroke_volume_mismatch"}
    flags = list(rule_flags(measures, calibration.limits if calibration else {}))
    if calibration is None or not beats:
        return Judgement(tuple(flags))
    estimated = calibration.dice.estimate({key: one.value for key, one in measures.items()})
    flags += _about_estimate(estimated, calibration)
    if not known:
        return Judgement(tuple(flags))
    intervals = ejection_fraction_intervals(measures, fractions, calibration)
    overlaps = {name: measures[_overlap_of(name)].value for name in intervals}
    return Judgement((*flags, *interval_flags(fractions, intervals)), estimated, intervals, overlaps)


def ejection_fraction_intervals(
    measures: Mapping[str, Measure], fractions: Mapping[str, float], calibration: Calibration
) -> dict[str, EjectionFractionInterval]:
    """Give the interval of each ventricle that has an ejection fraction and an expected overlap.

    Args:
        measures: by key, with the expected overlap of each ventricle.
        fractions: ejection fraction of each ventricle, in percent; a negative one has no interval.
        calibration: of the model that made the mask.
    """
    found = {}
    for name, width in calibration.ejection_fractions.items():
        overlap = measures.get(_overlap_of(name))
        if fractions.get(name, -1.0) >= 0 and overlap is not None:
            low, high = width.interval(fractions[name], overlap.value)
            found[name] = EjectionFractionInterval(low, high, width.level, width.bias)
    return found


def _overlap_of(ventricle: str) -> str:
    """Name the measure of the overlap that is expected of a ventricle's mask."""
    return f"{ventricle.lower()}_soft_dice"


def basic_flags(
    segmentation: Segmentation, indices: Indices, regions: Sequence[Localisation] = ()
) -> Iterator[Flag]:
    """Flag what is missing or cannot be, and how the region was found; an empty mask has one flag alone.

    Args:
        segmentation: the mask.
        indices: of that mask, as they are shown.
        regions: one a frame.
    """
    yield from structure_flags(indices, segmentation.schema)
    if not is_empty(indices):
        yield from region_flags(regions)
        yield from plausibility_flags(indices, segmentation.schema, segmentation.geometry)


def worst_of(flags: Iterable[Flag]) -> Verdict:
    """Take the worst verdict; fine without flags.

    >>> worst_of([]).value
    'fine'
    """
    return max((flag.verdict for flag in flags), key=_ORDER.index, default=Verdict.FINE)


def ventricle_verdicts(flags: Iterable[Flag], schema: LabelSchema) -> dict[str, Verdict]:
    """Give each ventricle of a mask the worst verdict of the flags that concern its numbers.

    The LV's numbers rest on its cavity and on the myocardium. A flag without structures concerns both.
    """
    raised = tuple(flags)
    return {
        name: worst_of(flag for flag in raised if concerns(flag, name))
        for name in PARTS
        if Role(name) in schema.roles
    }


def concerns(flag: Flag, ventricle: str) -> bool:
    """Tell whether a flag concerns the numbers of a ventricle, ``LV`` or ``RV``.

    >>> flag = Flag("open_wall", Verdict.REVIEW, "Look there.", structures=("MYO",))
    >>> concerns(flag, "LV"), concerns(flag, "RV")
    (True, False)
    """
    return not flag.structures or not PARTS[ventricle].isdisjoint(flag.structures)


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
