"""Rules: what must be there, and which number beyond which limit is a reason to look at a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import Flag, Orientation, Role, Verdict
from septum.inference.decision import LEAST_PROBABILITY
from septum.quality.evidence import frames_listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from septum.core import EjectionFractionInterval, Geometry, Indices, LabelSchema
    from septum.quality.measures import Measure

#: Bounds of a frame's volumes. Among the 200 masks that experts drew in ACDC (100 adults, healthy and ill, at
#: end-diastole and end-systole) the least are 0.389, 19.4 ml and 32.6 ml.
LEAST_MYO_OF_LV = 0.35
LEAST_LV_ML = 15.0
LEAST_MYO_ML = 20.0
#: Bounds of a short-axis stack; there, 6 to 18 slices of 5 to 10 mm.
LEAST_SLICES = 4
SLICE_MM = (3.0, 15.0)
#: Without a shunt or regurgitation stroke volumes differ by 10 to 15 % in clinical practice. Twice as much
#: leaves room for the errors of four volumes; what is beyond is mostly a mask's.
USUAL_MISMATCH = 0.15
MOST_STROKE_MISMATCH = 2 * USUAL_MISMATCH
#: An interval of so many points holds a severely reduced ejection fraction (below 30 %) and a normal one
#: (from 55 to 60 % on) at once, so that the number answers no clinical question.
WIDEST_EF_INTERVAL = 30.0
#: A given phase whose volume is farther from the extreme one than this share of the largest is doubted.
FARTHEST_PHASE = 0.1
#: The structure that all numbers of the ventricles hang on, for it tells the phases.
_DECISIVE = Role.LV.value
#: What makes sure of an ejection fraction, by ventricle.
_TO_BE_SURE = {
    "LV": "Look at its outline in the basal slices at end-diastole and end-systole, and correct it by hand. "
    "To be sure, compare its stroke volume with the flow in the aorta.",
    "RV": "Look at its outline in the basal slices, above all at end-systole, and correct it by hand. To be "
    "sure, compare its stroke volume with the LV's, or with the flow in the pulmonary artery.",
}


@dataclass(frozen=True)
class Rule:
    """One flag.

    Attributes:
        key: of the flag.
        measure: key of the number that it judges.
        limit: what is still accepted without a calibration; ``None`` for no flag without one.
        sentence: the reason, with ``{value}``, ``{limit}`` and ``{where}``.
        form: how value and limit are written.
        low: whether it is small numbers that are a fault.
        calibrated: whether a calibration has a limit of its own.
        structures: that it is about, where the measure tells none; empty for all.
    """

    key: str
    measure: str
    limit: float | None
    sentence: str
    form: str = "percent"
    low: bool = False
    calibrated: bool = False
    structures: tuple[str, ...] = ()

    def flag(self, measures: Mapping[str, Measure], limits: Mapping[str, float]) -> Flag | None:
        """Make the flag, if the number lies beyond the limit.

        Args:
            measures: by key.
            limits: of a calibration, by key of the flag; empty without one.
        """
        found, limit = measures.get(self.measure), limits.get(self.key, self.limit)
        if found is None or limit is None or not self.beyond(found.value, limit):
            return None
        told = {"value": self._written(found.value), "limit": self._written(limit), "where": found.where}
        about = tuple(tag for tag, value in found.structures.items() if self.beyond(value, limit))
        reason = self.sentence.format(**told)
        return Flag(self.key, Verdict.REVIEW, reason, found.value, limit, about or self.structures)

    def beyond(self, value: float, limit: float) -> bool:
        """Whether a number is no longer accepted."""
        return value < limit if self.low else value > limit

    def _written(self, value: float) -> str:
        return f"{100.0 * value:.3g} %" if self.form == "percent" else f"{value:{self.form}}"


#: Limits without a calibration, but for that of the stroke volumes, are what (nearly) none of the 200 masks
#: reaches that experts drew in ACDC; see docs/explanation/quality.md.
RULES = (
    Rule(
        "stroke_volume_mismatch", "stroke_volume_mismatch", MOST_STROKE_MISMATCH,
        "The stroke volumes of the ventricles ({where}) differ by {value} of the larger one. Without a shunt "
        "or regurgitation 10 to 15 % is usual, and more than {limit} is mostly a fault of a mask. Look at "
        "the basal slices of both ventricles, above all the RV's at end-systole. To be sure, correct them by "
        "hand, or measure the flow in the aorta and the pulmonary artery.",
        structures=("LV", "RV"),
    ),
    Rule(
        "mass_not_constant", "mass_change", 0.35,
        "The myocardial mass differs by {value} between end-diastole and end-systole ({where}), and muscle "
        "hardly shrinks: more than {limit} is rare. Look at both frames.",
        calibrated=True, structures=("MYO",),
    ),
    Rule(
        "mass_varies", "mass_spread", 0.35,
        "The myocardial mass of {where} is {value} away from the median of all frames, and more than {limit} "
        "is rare: look at that frame.",
        structures=("MYO",),
    ),
    Rule(
        "curve_jump", "curve_jump", 0.35,
        "The volume of the {where} jumps: it is {value} of the stroke volume away from the mean of the "
        "frames before and after, and more than {limit} is not how a heart moves. Look at these frames.",
    ),
    Rule(
        "open_wall", "open_wall", 0.1,
        "{value} of the border of the LV cavity does not lie on myocardium, most of it in {where}, and more "
        "than {limit} is rare: look at the wall there.",
        calibrated=True, structures=("LV", "MYO"),
    ),
    Rule(
        "pieces", "pieces", 0.05,
        "{where}: {value} of the structure lies apart from its main piece, and more than {limit} is rare: "
        "look for specks, or for a slice that is missing.",
    ),
    Rule(
        "holes", "holes", 0.01,
        "{where}: the mask has holes of {value} of its size (limit {limit}); fill them by hand.",
    ),
    Rule(
        "missing_slices", "gaps", 0,
        "{where}: there is nothing of it, though there is in slices on both sides. Look there.",
        form=".0f",
    ),
    Rule(
        "short_ventricle", "ventricle_length", 0.7,
        "The left ventricle is {value} times as long as it is wide in {where}, and less than {limit} is "
        "rare: look whether slices at base or apex are missing, from the stack or from the mask.",
        form=".2f", low=True, calibrated=True,
    ),
    Rule(
        "apex_not_covered", "apex_cut", 0.5,
        "In the last slice of the stack at the apex the left ventricle still has {value} of its largest area "
        "({where}), and more than {limit} is rare: the stack does not hold the apex.",
        structures=("LV", "MYO"),
    ),
    Rule(
        "apex_not_found", "apex_stopped", 0.6,
        "Towards the apex the mask stops at {value} of its largest area, though the stack goes on ({where}), "
        "and more than {limit} is rare: look at the next slice.",
        structures=("LV", "MYO"),
    ),
    Rule(
        "slice_shift", "slice_shift_mm", 15.0,
        "The centre of the left ventricle in {where} is {value} mm away from where its neighbours say, and "
        "more than {limit} mm is rare: a breath-hold at another depth, or a mask that went astray.",
        form=".1f",
    ),
    Rule(
        "growing_slice", "slice_growth_cm2", 3.0,
        "The LV cavity in {where}, at end-systole, is {value} cm² larger than in that slice at end-diastole, "
        "and more than {limit} cm² is rare: a ventricle shrinks. Look whether the slice shows the atrium or "
        "the aorta.",
        form=".1f", structures=("LV",),
    ),
    Rule(
        "improbable_slice", "end_probability", LEAST_PROBABILITY,
        "The {where} is an end slice in which the model gives it a probability of {value} only. It was kept: "
        "at most one slice is taken out at either end, and no large one. Look whether it shows the "
        "ventricle.",
        low=True,
    ),
    Rule(
        "at_image_edge", "on_edge", 0,
        "The mask reaches the edge of the image ({where}, {value} voxels): the heart may be cut off.",
        form=".0f",
    ),
    Rule(
        "low_confidence", "least_soft_dice", None,
        "For the {where} the segmenter itself expects an overlap (Dice coefficient) of only {value}, and "
        "less than {limit} is rare in masks that are right: look at it.",
        form=".3f", low=True, calibrated=True,
    ),
    Rule(
        "low_agreement", "agreement", None,
        "Localiser and segmenter agree by a Dice coefficient of {value}, and less than {limit} is rare in "
        "masks that are right: look at the mask.",
        form=".3f", low=True, calibrated=True,
    ),
    Rule(
        "low_flip_agreement", "flip_agreement", 0.85,
        "Masks of mirror images agree with their mean by a Dice coefficient of {value}, and less than "
        "{limit} is rare: look at the mask.",
        form=".3f", low=True, calibrated=True,
    ),
)  # fmt: skip


def rule_flags(measures: Mapping[str, Measure], limits: Mapping[str, float]) -> Iterator[Flag]:
    """Raise the flags of all rules, in their order.

    Args:
        measures: by key.
        limits: of a calibration, by key of the flag; empty without one.
    """
    for rule in RULES:
        flag = rule.flag(measures, limits)
        if flag is not None:
            yield flag


def interval_flags(
    fractions: Mapping[str, float], intervals: Mapping[str, EjectionFractionInterval]
) -> Iterator[Flag]:
    """Flag ejection fractions whose interval is too wide to tell a severely reduced from a normal one.

    Args:
        fractions: ejection fraction in percent, by ventricle.
        intervals: about them.
    """
    for name, interval in intervals.items():
        points = interval.high_percent - interval.low_percent
        if points > WIDEST_EF_INTERVAL:
            yield Flag(
                "wide_ef_interval",
                Verdict.REVIEW,
                f"The {name} ejection fraction of {fractions[name]:.0f} % may be anything from "
                f"{interval.low_percent:.0f} to {interval.high_percent:.0f} %: {points:.0f} points, and more "
                f"than {WIDEST_EF_INTERVAL:.0f} do not tell a severely reduced from a normal one. "
                f"{_TO_BE_SURE[name]}",
                points,
                WIDEST_EF_INTERVAL,
                (name,),
            )


def is_empty(indices: Indices) -> bool:
    """Tell whether no frame has any structure."""
    return not any(any(volumes) for volumes in indices.volumes_ml.values())


def structure_flags(indices: Indices, schema: LabelSchema) -> Iterator[Flag]:
    """Flag what is missing, and an ejection fraction that cannot be.

    A mask without anything, without one of its structures, or without an LV in some frames gives no numbers,
    and neither does a negative ejection fraction.

    Args:
        indices: of the mask, with the phases and the ejection fractions that are shown.
        schema: its structures.
    """
    if is_empty(indices):
        yield Flag(
            "nothing_found",
            Verdict.REJECT,
            "No structure was found: the mask is empty. Check that the image shows the heart.",
        )
        return
    volumes_ml = {structure.tag: indices.volumes_ml[structure.name] for structure in schema.structures}
    yield from _missing(volumes_ml)
    yield from _still(volumes_ml, indices)
    yield from _given_phases(volumes_ml, indices)
    for name, percent in indices.ejection_fractions_percent.items():
        if percent < 0:
            yield Flag(
                "negative_ejection_fraction",
                Verdict.REJECT,
                f"The ejection fraction of {name} is negative: it is larger at end-systole than at "
                "end-diastole. Check the frames of both phases, and look at the mask.",
                percent,
                0.0,
                (name,),
            )


def _given_phases(volumes_ml: Mapping[str, tuple[float, ...]], indices: Indices) -> Iterator[Flag]:
    """Flag a phase that the user gave and whose volume is far from the largest or the smallest one."""
    timing = next((volumes_ml[role] for role in (Role.LV, Role.RV) if role in volumes_ml), ())
    phases = indices.phases
    if phases is None or not timing:
        return
    for phase, frame, extreme in (
        ("end_diastole", phases.end_diastole, max(timing)),
        ("end_systole", phases.end_systole, min(timing)),
    ):
        distance = abs(timing[frame] - extreme) / max(timing) if max(timing) > 0 else 0.0
        if phase in phases.given and distance > FARTHEST_PHASE:
            yield Flag(
                f"unlikely_{phase}",
                Verdict.REVIEW,
                f"Frame {frame}, given as {phase.replace('_', '-')}, holds {timing[frame]:.0f} ml, and "
                f"frame {timing.index(extreme)} holds {extreme:.0f} ml. Check the frame that was given.",
                distance,
                FARTHEST_PHASE,
            )


def _still(volumes_ml: Mapping[str, tuple[float, ...]], indices: Indices) -> Iterator[Flag]:
    """A cine whose phases do not differ."""
    timing = next((role.value for role in (Role.LV, Role.RV) if role in volumes_ml), next(iter(volumes_ml)))
    volumes, phases = volumes_ml[timing], indices.phases
    where = "all frames" if phases is None else "both frames"
    shown = volumes if phases is None else (volumes[phases.end_diastole], volumes[phases.end_systole])
    if len(volumes) > 1 and len(set(shown)) == 1:
        yield Flag(
            "no_beat",
            Verdict.REVIEW,
            f"The volume of the {timing}, which tells end-diastole from end-systole, is the same in {where}: "
            "there is no ejection fraction to use.",
        )


def _missing(volumes_ml: Mapping[str, tuple[float, ...]]) -> Iterator[Flag]:
    frames = set(range(len(next(iter(volumes_ml.values())))))
    empty = {t for t in frames if not any(volumes[t] for volumes in volumes_ml.values())}
    if empty:
        yield Flag(
            "empty_frames",
            Verdict.REVIEW,
            f"No structure was found in {frames_listed(empty)} (counted from 0).",
            len(empty),
            0.0,
        )
    missing = [name for name, volumes in volumes_ml.items() if not any(volumes)]
    if missing:
        were = "was" if len(missing) == 1 else "were"
        yield Flag(
            "missing_structure",
            Verdict.REJECT,
            f"{' and '.join(missing)} {were} found in no frame.",
            structures=() if _DECISIVE in missing else tuple(missing),
        )
    for name, volumes in volumes_ml.items():
        gaps = {t for t in frames if not volumes[t]} - empty
        if gaps and name not in missing:
            yield Flag(
                "structure_comes_and_goes",
                Verdict.REJECT if name == _DECISIVE else Verdict.REVIEW,
                f"{name} was found in some frames and not in {frames_listed(gaps)} (counted from 0): look "
                "at the mask before you use volumes and ejection fractions.",
                len(gaps),
                0.0,
                () if name == _DECISIVE else (name,),
            )


def plausibility_flags(indices: Indices, schema: LabelSchema, geometry: Geometry) -> Iterator[Flag]:
    """Flag volumes at end-diastole (or of a single frame) and a stack that no heart gives.

    Args:
        indices: of a mask that is not empty. Without both MYO and LV there is nothing to compare with.
        schema: its structures.
        geometry: native grid of one frame.

    Yields:
        One flag each. A structure that is missing altogether is not flagged here.
    """
    names = [schema.name_of(role) for role in (Role.MYO, Role.LV)]
    frame = 0 if indices.phases is None else indices.phases.end_diastole
    volumes_ml = [indices.volumes_ml[name][frame] for name in names if name is not None]
    if len(volumes_ml) < len(names):
        return
    myo, lv = volumes_ml
    if lv > 0 and 0 < myo < LEAST_MYO_OF_LV * lv:
        yield Flag(
            "little_myocardium",
            Verdict.REVIEW,
            f"MYO is {myo / lv:.2f} times as large as LV at end-diastole or in the only frame, and that of a "
            f"heart is at least {LEAST_MYO_OF_LV:g}: check that the image is a short-axis cine.",
            myo / lv,
            LEAST_MYO_OF_LV,
            ("LV", "MYO"),
        )
    for name, volume, least in (("LV", lv, LEAST_LV_ML), ("MYO", myo, LEAST_MYO_ML)):
        if 0 < volume < least:
            yield Flag(
                f"small_{name.lower()}",
                Verdict.REVIEW,
                f"{name} has {volume:.1f} ml at end-diastole or in the only frame, and an adult's at least "
                f"{least:g} ml: check that the image shows the whole heart.",
                volume,
                least,
                (name,),
            )
    yield from _about_stack(geometry)


def _about_stack(geometry: Geometry) -> Iterator[Flag]:
    axis = Orientation.of(geometry).axes[0]
    slices, slice_mm = geometry.shape[axis], geometry.spacing_mm[axis]
    if slices < LEAST_SLICES:
        yield Flag(
            "few_slices",
            Verdict.REVIEW,
            f"The number of slices is {slices}: volumes of fewer than {LEAST_SLICES} slices are not those of "
            "a heart.",
            slices,
            LEAST_SLICES,
        )
    low, high = SLICE_MM
    if slices > 1 and not low <= slice_mm <= high:
        yield Flag(
            "slice_distance",
            Verdict.REVIEW,
            f"The slices are {slice_mm:.4g} mm apart, and those of a short-axis cine mostly 5 to 10 mm: "
            "check the spacing, and look at the mask.",
            slice_mm,
            low if slice_mm < low else high,
        )
