"""How good the quality verdict is, for patients that neither the models nor the calibration have seen."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from scipy.special import betaincinv

from septum.core import VENTRICLES as VENTRICLE_SCHEMA
from septum.core import Bias, Flag, Verdict
from septum.quality.measures import Measure
from septum.quality.verdict import concerns, judge, ventricle_verdicts, worst_of
from septum_study.calibration.fit import MOST_EF_ERROR, VENTRICLES, fit_calibration, fit_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.inference import Manifest
    from septum.quality.calibration import Calibration
    from septum_study.calibration.fit import QualityCase

#: Digits after the point of what is measured.
DIGITS = 4


@dataclass(frozen=True)
class VerdictOutcome:
    """The verdict on a case, and what is true.

    Attributes:
        case: that case.
        verdict: of it.
        raised: its flags.
        estimated_dice: see :class:`septum.core.Quality`.
        intervals: of the ejection fraction of each ventricle that has one, in percent.
        ventricles: verdict on each ventricle.
    """

    case: QualityCase
    verdict: Verdict
    raised: tuple[Flag, ...]
    estimated_dice: float
    intervals: Mapping[str, tuple[float, float]]
    ventricles: Mapping[str, Verdict]

    @property
    def flags(self) -> tuple[str, ...]:
        """Keys of its flags, each once."""
        return tuple(dict.fromkeys(flag.key for flag in self.raised))

    def flags_on(self, ventricle: str) -> frozenset[str]:
        """Keys of the flags that concern a ventricle."""
        return frozenset(flag.key for flag in self.raised if concerns(flag, ventricle))

    @property
    def stopped(self) -> bool:
        """Whether the verdict asks to look, or not to use it."""
        return self.verdict is not Verdict.FINE

    def stops(self, ventricle: str) -> bool:
        """Whether the verdict asks to look at a ventricle, or not to use its numbers."""
        return self.ventricles[ventricle] is not Verdict.FINE

    def astray(self, ventricle: str) -> bool:
        """Whether a ventricle's ejection fraction is off by more than is accepted, or is not there."""
        error = self.case.ef_error(ventricle)
        return error is None or abs(error) > MOST_EF_ERROR


def apply_to(case: QualityCase, calibration: Calibration) -> VerdictOutcome:
    """Judge a case by a calibration, as a mask is judged."""
    judgement = judge(_measures(case), case.predicted_ef, calibration)
    if judgement.estimated_dice is None:
        raise ValueError(f"{case.patient}: expected an estimate of a case with both phases, got none")
    flags = [*judgement.flags, *_basic_flags(case)]
    return VerdictOutcome(
        case=case,
        verdict=worst_of(flags),
        raised=tuple(flags),
        estimated_dice=judgement.estimated_dice,
        intervals={
            name: (interval.low_percent, interval.high_percent)
            for name, interval in judgement.ejection_fractions.items()
        },
        ventricles=ventricle_verdicts(flags, VENTRICLE_SCHEMA),
    )


def _measures(case: QualityCase) -> dict[str, Measure]:
    """Measures of a case. Of single structures a case knows the ventricles' expected overlap alone.

    Where the least is neither ventricle's, it is the myocardium's. Pieces, holes and gaps count for both
    ventricles.
    """
    measures = {key: Measure(value) for key, value in case.measures.items()}
    least = case.measures.get("least_soft_dice")
    if least is not None:
        own = {name: case.measures.get(f"{name.lower()}_soft_dice", 1.0) for name in VENTRICLES}
        of_each = own if least in own.values() else {**own, "MYO": least}
        measures["least_soft_dice"] = Measure(least, structures=of_each)
    return measures


def _basic_flags(case: QualityCase) -> list[Flag]:
    """Basic flags of a case, each with the structures that it is about, as far as a case knows them."""
    negative = tuple(name for name, percent in case.predicted_ef.items() if percent < 0)
    about = {"negative_ejection_fraction": negative, "small_lv": ("LV",), "small_myo": ("MYO",)}
    return [
        Flag(key, Verdict(verdict), "", structures=about.get(key, ())) for key, verdict in case.basic.items()
    ]


def evaluate_unseen(cases: Sequence[QualityCase]) -> list[VerdictOutcome]:
    """Each case by a calibration that was fitted without its group, and intervals fitted without itself.

    Args:
        cases: of at least three groups, for each fit takes two.
    """
    return evaluate_on(cases, cases)


def evaluate_on(cases: Sequence[QualityCase], others: Sequence[QualityCase]) -> list[VerdictOutcome]:
    """Other cases, each by a calibration that was fitted to the first ones without its group.

    The cases of a group are by one model. The intervals are fitted to the errors of that model in the other
    patients of the group, as those of a shipped bundle are.
    """
    fits = {
        case.group: fit_calibration([one for one in cases if one.group != case.group], typical=case.typical)
        for case in {case.group: case for case in others}.values()
    }
    return [apply_to(case, _with_own_widths(fits[case.group], cases, case)) for case in others]


def _with_own_widths(
    calibration: Calibration, cases: Sequence[QualityCase], case: QualityCase
) -> Calibration:
    """A calibration with the intervals that the case's own model has in other patients of its group."""
    own = [one for one in cases if one.group == case.group and one.patient != case.patient]
    if not own:
        return calibration
    return calibration.model_copy(
        update={"ejection_fractions": {name: fit_width(own, name) for name in VENTRICLES}}
    )


def shipped_calibration(
    cases: Sequence[QualityCase],
    own: Sequence[QualityCase],
    manifest: Manifest,
    typical: Mapping[str, float],
) -> Calibration:
    """The calibration of a bundle by all cases, with intervals by its own.

    Args:
        cases: by models that have not seen the patient.
        own: those of them by the bundle itself, of which the intervals and the bias of its ejection
            fractions are taken.
        manifest: of the bundle.
        typical: of the bundle, see :func:`septum_study.calibration.fit.fit_calibration`.
    """
    networks = (manifest.localiser.sha256, manifest.segmenter.sha256)
    calibration = fit_calibration(cases, networks, typical, own)
    widths = {
        name: width.model_copy(update={"bias": ejection_fraction_bias(own, name)})
        for name, width in calibration.ejection_fractions.items()
    }
    return calibration.model_copy(update={"ejection_fractions": widths})


def ejection_fraction_bias(cases: Sequence[QualityCase], ventricle: str) -> Bias | None:
    """Of a ventricle's ejection fraction, in points; ``None`` with fewer than two that are known."""
    errors = [error for case in cases if (error := case.ef_error(ventricle)) is not None]
    if len(errors) < 2:  # one has no standard deviation
        return None
    return Bias(round(fmean(errors), DIGITS), round(stdev(errors), DIGITS), len(errors))


def exact_interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a share, 0 to 1.

    Source: Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the
    binomial. Biometrika 1934; 26:404-413.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high
