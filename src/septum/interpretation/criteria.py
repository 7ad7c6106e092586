"""The criteria by which ACDC's patients were put into groups, each beside the value that was measured.

Source: the description of the data set, creatis.insa-lyon.fr/Challenge/acdc/databasesClassification.html, and
Bernard O et al. Deep learning techniques for automatic MRI cardiac multi-structures segmentation and
diagnosis: is the problem solved? IEEE Trans Med Imaging 2018; 37:2514-2525. "Several segments" is taken here
as two at least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core.comparison import Place, place_of
from septum.core.pattern import GROUP_TITLES, Criterion, Met
from septum.interpretation.probability import p_outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from septum.core import MeasuredError
    from septum.core.pattern import Group

#: "Several" segments.
SEVERAL = 2
#: A wall that is thicker at end-diastole, in mm, is hypertrophic.
THICK_MM = 15.0
#: Whether a rule is met, by where the value lies of its limit; without a probability nothing can be told.
_MET = {
    Place.OUTSIDE: Met.MET,
    Place.INSIDE: Met.NOT_MET,
    Place.CANNOT_TELL: Met.CANNOT_TELL,
    None: Met.CANNOT_TELL,
}


@dataclass(frozen=True)
class Rule:
    """One published rule.

    Attributes:
        group: whose rule it is.
        text: in words.
        feature: what is compared, as of :mod:`septum.interpretation.features`, or ``thick_segments``.
        above: whether the value must be above the limit, else below.
        limit: in ``unit``.
        unit: of the value.
        index: whose measured error holds for the feature; empty where none was measured.
    """

    group: Group
    text: str
    feature: str
    above: bool
    limit: float
    unit: str
    index: str = ""


RULES = (
    Rule("MINF", "LV ejection fraction below 40 %", "lv_ef_percent", False, 40.0, "%", "lv_ef_percent"),
    Rule(
        "MINF", "several segments that thicken by less than 20 %", "weak_segments", True, SEVERAL - 0.5,
        "segments",
    ),
    Rule(
        "DCM", "LV end-diastolic volume above 100 ml/m²", "lv_edv_ml_m2", True, 100.0, "ml/m²", "lv_edv_ml"
    ),
    Rule("DCM", "LV ejection fraction below 40 %", "lv_ef_percent", False, 40.0, "%", "lv_ef_percent"),
    Rule("HCM", "LV mass above 110 g/m²", "lv_mass_g_m2", True, 110.0, "g/m²", "lv_mass_ed_g"),
    Rule(
        "HCM", "several segments thicker than 15 mm at end-diastole", "thick_segments", True, SEVERAL - 0.5,
        "segments",
    ),
    Rule("HCM", "LV ejection fraction above 55 %", "lv_ef_percent", True, 55.0, "%", "lv_ef_percent"),
    Rule(
        "RV", "RV end-diastolic volume above 110 ml/m²", "rv_edv_ml_m2", True, 110.0, "ml/m²", "rv_edv_ml"
    ),
    Rule("RV", "RV ejection fraction below 40 %", "rv_ef_percent", False, 40.0, "%", "rv_ef_percent"),
)  # fmt: skip
#: Groups of which one criterion is enough; of the others all are needed.
ANY = frozenset({"RV"})


def criteria_of(
    features: Mapping[str, float | None],
    errors: Mapping[str, MeasuredError],
    area_m2: float | None,
    rules: Iterable[Rule] = RULES,
) -> tuple[tuple[Criterion, ...], dict[Group, Met]]:
    """Compare each criterion with its value, and say of which groups the criteria are met together.

    ``NOR`` is met where no other group's criteria are.

    Args:
        features: by name.
        errors: of the measurement, by index; none where they are not known.
        area_m2: body surface area, by which errors of volumes in ml become those of indexed ones.
        rules: of the groups.
    """
    found = tuple(
        _criterion(rule, features.get(rule.feature), errors.get(rule.index), area_m2) for rule in rules
    )
    groups: dict[Group, Met] = {}
    for group in GROUP_TITLES:
        of_group = [one.met for one in found if one.group == group]
        if of_group:
            groups[group] = _any(of_group) if group in ANY else _all(of_group)
    others = _any(groups.values())
    return found, {"NOR": _not(others), **groups}


def _criterion(
    rule: Rule, value: float | None, error: MeasuredError | None, area_m2: float | None
) -> Criterion:
    if value is None:
        return Criterion(rule.group, rule.text, None, rule.unit, Met.CANNOT_TELL)
    if error is None:
        met = value > rule.limit if rule.above else value < rule.limit
        return Criterion(rule.group, rule.text, value, rule.unit, Met.MET if met else Met.NOT_MET)
    size = (area_m2 or 1.0) if rule.unit.endswith("m²") else 1.0
    below, above = p_outside(value * size, rule.limit * size, rule.limit * size, error)
    probability = above if rule.above else below
    return Criterion(rule.group, rule.text, value, rule.unit, _MET[place_of(probability)], probability)


def _all(found: Iterable[Met]) -> Met:
    several = list(found)
    if Met.NOT_MET in several:
        return Met.NOT_MET
    return Met.CANNOT_TELL if Met.CANNOT_TELL in several else Met.MET


def _any(found: Iterable[Met]) -> Met:
    return _not(_all(map(_not, found)))


def _not(met: Met) -> Met:
    return {Met.MET: Met.NOT_MET, Met.NOT_MET: Met.MET}.get(met, met)
