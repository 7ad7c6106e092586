"""What indices are off by in unseen patients, and whether the probability of being outside of a range holds.

Both rest on the indices of the shipped model's own test patients, of predicted and of manual masks, as
``tools/measure_indices.py`` commits them. How common a value is, is taken from the manual masks of all
patients.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from septum.core import MeasuredError
from septum.core.clinical import myocardial_mass_g
from septum.indices.definitions import DEFINITIONS
from septum.interpretation.probability import p_outside_each
from septum.interpretation.references import load_reference
from septum.metrics.scores_file import read_rows
from septum_study.calibration.fit import LEAST_EXPECTED_LACK, VENTRICLES

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from pathlib import Path

    from septum.metrics.scores_file import Row

    #: Predicted and true value by index and patient.
    Pairs = Mapping[str, Mapping[str, tuple[float, float]]]

DIGITS = 5
#: So many quantiles tell how common a value is.
QUANTILES = 25
#: Errors of volumes and masses grow with the heart; those of what is a difference of volumes do not.
_RATIOS = ("lv_edv_ml", "lv_esv_ml", "lv_mass_ed_g", "lv_mass_es_g", "rv_edv_ml", "rv_esv_ml")


@dataclass(frozen=True)
class Trial:
    """One index of one patient beside one range.

    Attributes:
        patient: whose.
        index: key.
        outside: probability, by the errors of the other patients.
        truly: whether the value of the manual mask is outside.
        shown: whether the value of the predicted mask is.
    """

    patient: str
    index: str
    outside: float
    truly: bool
    shown: bool


def pairs_of(rows: Iterable[Row]) -> Pairs:
    """Collect predicted and true values by index and patient; what one mask does not give is left out.

    Args:
        rows: with ``patient``, ``index``, ``predicted`` and ``true``.
    """
    keys = {one.key for one in DEFINITIONS}
    pairs: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for row in rows:
        if row["index"] in keys and row["predicted"] and row["true"]:
            pairs[row["index"]][row["patient"]] = (float(row["predicted"]), float(row["true"]))
    return pairs


def unseen_pairs(studies: Path, model: str) -> list[Pairs]:
    """Collect the indices of patients whom the models had not seen.

    Args:
        studies: folder of the committed results.
        model: the shipped one, which comes first. Those that were shortly trained for its calibration follow.
    """
    shortly = sorted((studies / "quality" / model).glob("fold*.csv"))
    return [
        pairs_of(read_rows(studies / "indices" / f"{model}.csv")),
        *(pairs_of(rows_of_scores(read_rows(path))) for path in shortly),
    ]


def rows_of_scores(scores: Iterable[Row]) -> list[Row]:
    """Make index rows of the volumes of a unit of the study: end-diastole and end-systole of each patient.

    Args:
        scores: one row a case and structure, with ``patient``, ``phase``, ``structure``, ``predicted_ml``
            and ``true_ml``.
    """
    volumes: dict[tuple[str, str, str], tuple[float, float]] = {}
    for row in scores:
        place = (row["patient"], row["phase"], row["structure"])
        volumes[place] = (float(row["predicted_ml"]), float(row["true_ml"]))
    rows: list[Row] = []
    for patient in dict.fromkeys(patient for patient, _, _ in volumes):
        both = [_indices_of({k[1:]: v[i] for k, v in volumes.items() if k[0] == patient}) for i in (0, 1)]
        rows += [
            {"patient": patient, "index": key, "predicted": str(both[0][key]), "true": str(both[1][key])}
            for key in both[0]
        ]
    return rows


def _indices_of(volumes_ml: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Give the indices of volumes by phase and structure."""
    found = {f"lv_mass_{p.lower()}_g": myocardial_mass_g(volumes_ml[p, "MYO"]) for p in ("ED", "ES")}
    for name in ("LV", "RV"):
        full, emptied = volumes_ml["ED", name], volumes_ml["ES", name]
        stem = name.lower()
        found |= {f"{stem}_edv_ml": full, f"{stem}_esv_ml": emptied, f"{stem}_sv_ml": full - emptied}
        found[f"{stem}_ef_percent"] = 100.0 * (full - emptied) / full
    return found


def difficulties_of(cases: Iterable[Row]) -> dict[str, dict[str, float]]:
    """Give how difficult each patient's mask is, by ventricle and patient.

    Args:
        cases: with ``patient`` and the overlap that is expected of each ventricle.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in VENTRICLES}
    for row in cases:
        for name in VENTRICLES:
            overlap = row[f"{name.lower()}_soft_dice"]
            if overlap:
                found[name][row["patient"]] = math.sqrt(max(1.0 - float(overlap), LEAST_EXPECTED_LACK))
    return found


def usual_values(truths: Iterable[float]) -> tuple[float, ...]:
    """Give quantiles of true values at even steps.

    >>> usual_values([0.0, 100.0])[::12]
    (2.0, 50.0, 98.0)
    """
    steps = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return tuple(round(float(one), 2) for one in np.quantile(list(truths), steps))


def measured_error(
    key: str,
    pairs: Mapping[str, tuple[float, float]],
    difficulties: Mapping[str, float],
    usual: tuple[float, ...],
) -> MeasuredError:
    """Summarise the errors of an index.

    An error's spread is proportional to the difficulty of the mask. So errors are weighted by its square.

    Args:
        key: of the index, by which errors are ratios or differences.
        pairs: predicted and true value by patient, of two patients at least.
        difficulties: by patient.
        usual: quantiles of true values.
    """
    ratio = key in _RATIOS
    errors = np.array([math.log(a / b) if ratio else a - b for a, b in pairs.values()])
    hard = np.array([difficulties[patient] for patient in pairs])
    mean = float(np.average(errors, weights=hard**-2.0))
    typical = float(np.median(hard))
    sd = typical * math.sqrt(float((((errors - mean) / hard) ** 2).sum()) / (len(errors) - 1))
    kind: Literal["ratio", "difference"] = "ratio" if ratio else "difference"
    return MeasuredError(
        kind, round(mean, DIGITS), round(sd, DIGITS), len(errors), round(typical, DIGITS), usual
    )


def measured_errors(models: Sequence[Pairs], cases: Iterable[Row]) -> dict[str, MeasuredError]:
    """Summarise the errors of every index that has ten patients at least.

    Args:
        models: as of :func:`unseen_pairs`. Errors are those of the first. True values of the patients of all
            tell how common a value is.
        cases: as of :func:`difficulties_of`.
    """
    truths, difficulties = truths_of(models), difficulties_of(cases)
    return {
        key: measured_error(key, found, difficulties[_ventricle(key)], usual_values(truths[key].values()))
        for key, found in models[0].items()
        if len(found) >= 10
    }


def truths_of(several: Iterable[Pairs]) -> dict[str, dict[str, float]]:
    """Collect the true values of several models' patients, by index and patient."""
    truths: dict[str, dict[str, float]] = defaultdict(dict)
    for pairs in several:
        for key, of_patients in pairs.items():
            truths[key] |= {patient: true for patient, (_, true) in of_patients.items()}
    return truths


def trials_of(
    pairs: Pairs,
    difficulties: Mapping[str, Mapping[str, float]],
    truths: Mapping[str, Mapping[str, float]],
    without: Container[str] = (),
    *,
    by_mask: bool = True,
    by_patients: bool = True,
) -> list[Trial]:
    """Set each patient's absolute indices beside the ranges of White women and men of every age.

    ACDC does not give sex and age, so that nobody's own range is known. All are tried: what is judged is the
    probability, not the patient. Errors and what values are usual are those of the other patients.

    Args:
        pairs: of one model, as of :func:`pairs_of`.
        difficulties: as of :func:`difficulties_of`.
        truths: as of :func:`truths_of`.
        without: patients that are left out, because their masks are rejected and get no probability.
        by_mask: whether errors depend on the difficulty of the mask.
        by_patients: whether it counts how common a value is.
    """
    ranges = [r for r in load_reference("hhc2024").ranges if r.ethnicity == "white" and not r.by_area]
    trials = []
    for key in dict.fromkeys(one.index for one in ranges):
        limits = [(one.low, one.high) for one in ranges if one.index == key]
        of_patients = {patient: pair for patient, pair in pairs[key].items() if patient not in without}
        hard = difficulties[_ventricle(key)] if by_mask else dict.fromkeys(of_patients, 1.0)
        for patient, (predicted, true) in of_patients.items():
            others = {other: pair for other, pair in of_patients.items() if other != patient}
            usual = [value for other, value in truths[key].items() if other != patient]
            error = measured_error(key, others, hard, usual_values(usual) if by_patients else ())
            found = p_outside_each(predicted, limits, error.at(hard[patient]))
            trials += [
                Trial(patient, key, sum(outside), not low <= true <= high, not low <= predicted <= high)
                for outside, (low, high) in zip(found, limits, strict=True)
            ]
    return trials


def _ventricle(key: str) -> str:
    """Name the ventricle that an index is of; the LV's mass is of the LV."""
    return key.split("_", 1)[0].upper()
