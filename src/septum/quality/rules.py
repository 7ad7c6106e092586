"""Rules: which number, beyond which limit, is a reason to look at a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import Flag, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from septum.quality.measures import Measure


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
    """

    key: str
    measure: str
    limit: float | None
    sentence: str
    form: str = "percent"
    low: bool = False
    calibrated: bool = False

    def flag(self, measures: Mapping[str, Measure], limits: Mapping[str, float]) -> Flag | None:
        """The flag, if the number lies beyond the limit.

        Args:
            measures: by key.
            limits: of a calibration, by key of the flag; empty without one.
        """
        found, limit = measures.get(self.measure), limits.get(self.key, self.limit)
        if found is None or limit is None or not self.beyond(found.value, limit):
            return None
        told = {"value": self._written(found.value), "limit": self._written(limit), "where": found.where}
        return Flag(self.key, Verdict.REVIEW, self.sentence.format(**told), found.value, limit)

    def beyond(self, value: float, limit: float) -> bool:
        """Whether a number is no longer accepted."""
        return value < limit if self.low else value > limit

    def _written(self, value: float) -> str:
        return f"{100.0 * value:.3g} %" if self.form == "percent" else f"{value:{self.form}}"


#: Limits without a calibration are what (nearly) none of the 200 masks reaches that experts drew in ACDC; see
#: docs/explanation/quality.md.
RULES = (
    Rule(
        "stroke_volume_mismatch", "stroke_volume_mismatch", 0.65,
        "The stroke volumes of the ventricles ({where}) differ by {value} of the larger one, and more than "
        "{limit} is rare without a shunt or regurgitation: look at the basal slices of both.",
    ),
    Rule(
        "mass_not_constant", "mass_change", 0.35,
        "The myocardial mass differs by {value} between end-diastole and end-systole ({where}), and muscle "
        "hardly shrinks: more than {limit} is rare. Look at both frames.",
        calibrated=True,
    ),
    Rule(
        "mass_varies", "mass_spread", 0.35,
        "The myocardial mass of {where} is {value} away from the median of all frames, and more than {limit} "
        "is rare: look at that frame.",
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
        calibrated=True,
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
    ),
    Rule(
        "apex_not_found", "apex_stopped", 0.6,
        "Towards the apex the mask stops at {value} of its largest area, though the stack goes on ({where}), "
        "and more than {limit} is rare: look at the next slice.",
    ),
    Rule(
        "slice_shift", "slice_shift_mm", 15.0,
        "The centre of the left ventricle in {where} is {value} mm away from where its neighbours say, and "
        "more than {limit} mm is rare: a breath-hold at another depth, or a mask that went astray.",
        form=".1f",
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
    """Flags of all rules, in their order."""
    for rule in RULES:
        flag = rule.flag(measures, limits)
        if flag is not None:
            yield flag
