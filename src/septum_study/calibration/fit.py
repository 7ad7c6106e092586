"""Fitting the quality verdict to masks of patients that the models have not seen."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from septum.quality.calibration import Calibration, DiceEstimate, IntervalWidth, possible_percent
from septum.quality.evidence import LEAST_LACK
from septum.quality.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: What the Dice coefficient is estimated from.
FEATURES = (
    "log_soft_dice_lack", "log_least_soft_dice_lack", "agreement", "open_wall", "mass_change",
    "stroke_volume_mismatch", "slice_shift_mm", "log_lv_esv_ml", "log_rv_esv_ml",
)  # fmt: skip
#: A case is bad if any of these fails: mean Dice, Dice of each structure, error of the LV EF in points.
LEAST_MEAN_DICE = 0.80
LEAST_DICE = 0.60
MOST_EF_ERROR = 10.0
#: Of the good cases, so many may lie beyond each limit of a rule, and below that of the estimated Dice.
BEYOND_A_LIMIT = 0.03
BELOW_THE_ESTIMATE = 0.15
#: Share of studies that the interval of the ejection fraction is to hold.
LEVEL = 0.90
#: Ventricles whose ejection fraction has an interval; that of the first decides what is bad.
VENTRICLES = ("LV", "RV")
#: What an expected overlap lacks of 1 counts as at least so much for an interval.
LEAST_EXPECTED_LACK = 0.02
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
DIGITS = 5


@dataclass(frozen=True)
class QualityCase:
    """What was measured of one patient's predicted masks, and how good they are.

    Attributes:
        patient: whose; only for keeping patients apart.
        group: patients of one group are left out together when the calibration is tried.
        measures: by key, as of :func:`septum.quality.measures.measure_quality`.
        basic: keys of the basic flags with their verdict, such as ``small_lv`` to ``review``.
        mean_dice: over structures and phases; a missed structure counts as 0.
        least_dice: of a structure in a phase.
        predicted_ef, true_ef: of each ventricle, in percent; one that the mask does not give is not there.
        typical: what least expected overlap and agreement of its model typically lack of 1, by key. That
            takes images and no truth.
    """

    patient: str
    group: str
    measures: Mapping[str, float]
    basic: Mapping[str, str]
    mean_dice: float
    least_dice: float
    predicted_ef: Mapping[str, float]
    true_ef: Mapping[str, float]
    typical: Mapping[str, float] = field(default_factory=dict)

    def ef_error(self, ventricle: str = VENTRICLES[0]) -> float | None:
        """Predicted minus true ejection fraction, in points; ``None`` where there is none."""
        if ventricle not in self.predicted_ef or ventricle not in self.true_ef:
            return None
        return self.predicted_ef[ventricle] - self.true_ef[ventricle]

    @property
    def bad(self) -> bool:
        """Whether a mask should not be used; this was settled before anything was measured."""
        error = self.ef_error()
        return (
            self.mean_dice < LEAST_MEAN_DICE
            or self.least_dice < LEAST_DICE
            or error is None
            or abs(error) > MOST_EF_ERROR
        )


def fit_calibration(
    cases: Sequence[QualityCase],
    networks: tuple[str, str] = ("", ""),
    typical: Mapping[str, float] | None = None,
    own: Sequence[QualityCase] = (),
) -> Calibration:
    """Limits, estimate and intervals from cases of at least two groups.

    The limit of the estimate comes from estimates of each case by a fit without its group, for those of the
    fit itself would be too good.

    Args:
        cases: by models that have not seen the patient.
        networks: of the bundle that it is for.
        typical: of that bundle, see :class:`QualityCase`. What other models lack is given as a multiple of
            what they typically lack, so that a limit learnt from an unsure model does not excuse a sure one.
        own: cases by the networks of that bundle, to which alone the intervals are fitted: the errors of
            other models say nothing about its own. Without any, all cases count.

    Raises:
        ValueError: there are fewer than two groups, or no good case.
    """
    good = [case for case in cases if not case.bad]
    if len({case.group for case in cases}) < 2 or not good:
        raise ValueError("expected cases of at least two groups, and a good one among them")
    estimates = unseen_estimates(cases)
    limits = {}
    for rule in RULES:
        values = [_as_of(case, rule.measure, typical or {}) for case in good if rule.measure in case.measures]
        if rule.calibrated and values:
            limits[rule.key] = _outward(limit_of(values, BEYOND_A_LIMIT, low=rule.low), low=rule.low)
    of_good = [e for e, case in zip(estimates, cases, strict=True) if not case.bad]
    return Calibration(
        networks=networks,
        cases=len(cases),
        limits=limits,
        dice=fit_dice(cases),
        rejected_below=LEAST_MEAN_DICE,
        reviewed_below=_outward(limit_of(of_good, BELOW_THE_ESTIMATE, low=True), low=True),
        ejection_fractions={name: fit_width(own or cases, name) for name in VENTRICLES},
    )


def fit_width(cases: Sequence[QualityCase], ventricle: str) -> IntervalWidth:
    """The interval of a ventricle's ejection fraction, by the errors of one model in unseen patients."""
    width = IntervalWidth(level=LEVEL, multiple=100.0, least_lack=LEAST_EXPECTED_LACK)
    key = f"{ventricle.lower()}_soft_dice"
    known = [case for case in cases if case.ef_error(ventricle) is not None and key in case.measures]
    if not known:
        return width
    errors = [possible_percent(case.predicted_ef[ventricle]) - case.true_ef[ventricle] for case in known]
    centre = statistics.median(errors)
    scores = [
        abs(error - centre) / width.difficulty(case.measures[key])
        for error, case in zip(errors, known, strict=True)
    ]
    found = {"multiple": conformal_quantile(scores, LEVEL), "centre": centre}
    return width.model_copy(update={name: round(value, DIGITS) for name, value in found.items()})


def _as_of(case: QualityCase, key: str, typical: Mapping[str, float]) -> float:
    """A measure as it would be of a model that typically lacks so much of 1."""
    value = case.measures[key]
    if key not in typical or not case.typical.get(key):
        return value
    return 1.0 - (1.0 - value) * typical[key] / case.typical[key]


def unseen_estimates(cases: Sequence[QualityCase]) -> list[float]:
    """Estimated Dice of each case by a fit without its group."""
    fits = {
        group: fit_dice([case for case in cases if case.group != group])
        for group in dict.fromkeys(case.group for case in cases)
    }
    return [fits[case.group].estimate(case.measures) for case in cases]


def fit_dice(cases: Sequence[QualityCase]) -> DiceEstimate:
    """Ridge regression, on standardised measures, of the logarithm of what the mean Dice lacks of 1.

    Measures that are missing count as their mean.

    Of the penalties, the one with the least leave-one-out error is taken, which for ridge regression has a
    closed form (Allen, The Relationship between Variable Selection and Data Augmentation, Technometrics 16,
    1974).
    """
    known = [[case.measures.get(key, math.nan) for key in FEATURES] for case in cases]
    table = np.asarray(known, dtype=np.float64)
    present = ~np.isnan(table)
    count = np.maximum(present.sum(axis=0), 1)
    centre = np.where(present, table, 0.0).sum(axis=0) / count
    away = np.where(present, table - centre, 0.0)
    scale = np.sqrt((away**2).sum(axis=0) / count)
    scale[scale == 0] = 1.0
    target = np.log([max(1.0 - case.mean_dice, LEAST_LACK) for case in cases])
    coefficients = _ridge(away / scale, target - target.mean())
    return DiceEstimate(
        features=FEATURES,
        centre=_rounded(centre),
        scale=_rounded(scale),
        coefficients=_rounded(coefficients),
        intercept=round(float(target.mean()), DIGITS),
    )


def _ridge(design: Floats, target: Floats) -> Floats:
    """Coefficients with the penalty of the least leave-one-out error."""
    best: tuple[float, Floats] | None = None
    for penalty in PENALTIES:
        solved = np.linalg.solve(design.T @ design + penalty * np.eye(design.shape[1]), design.T)
        found = solved @ target
        leverage = np.einsum("ij,ji->i", design, solved) + 1.0 / len(target)
        error = float((((target - design @ found) / (1.0 - np.minimum(leverage, 0.99))) ** 2).mean())
        if best is None or error < best[0]:
            best = (error, found)
    if best is None:
        raise ValueError("expected at least one penalty, got none")
    return best[1]


def conformal_quantile(scores: Sequence[float], level: float) -> float:
    """The ceil((n + 1) level)-th smallest of n scores, the largest if there are too few.

    A new score, exchangeable with these, is at most that with a probability of at least ``level``.

    Source: Lei J et al. Distribution-free predictive inference for regression. J Am Stat Assoc 2018; 113.
    """
    rank = math.ceil(round((len(scores) + 1) * level, 9))
    return sorted(scores)[min(rank, len(scores)) - 1]


def limit_of(values: Sequence[float], share: float, *, low: bool) -> float:
    """The limit beyond which a new value lies with a probability of at most ``share``."""
    sign = -1.0 if low else 1.0
    return sign * conformal_quantile([sign * value for value in values], 1 - share)


def _outward(limit: float, *, low: bool) -> float:
    """Rounded away from what is accepted, so that the case that gave the limit stays accepted."""
    factor = 10.0**DIGITS
    return (math.floor(limit * factor) if low else math.ceil(limit * factor)) / factor


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), DIGITS) for value in values)
