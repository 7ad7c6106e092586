"""What indices are off by in unseen patients, and whether the probability of being outside of a range holds.

Both rest on the indices of the shipped model's own test patients, of predicted and of manual masks, as
``tools/measure_indices.py`` commits them.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import MeasuredError
from septum.core.clinical import myocardial_mass_g
from septum.indices.definitions import DEFINITIONS
from septum.interpretation.ranges import p_outside
from septum.interpretation.references import load_reference

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from septum.metrics.scores_file import Row

DIGITS = 5
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


def pairs_of(rows: Iterable[Row]) -> dict[str, dict[str, tuple[float, float]]]:
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
    found: dict[str, float] = {"lv_mass_ed_g": myocardial_mass_g(volumes_ml["ED", "MYO"])}
    for name in ("LV", "RV"):
        full, emptied = volumes_ml["ED", name], volumes_ml["ES", name]
        stem = name.lower()
        found |= {f"{stem}_edv_ml": full, f"{stem}_esv_ml": emptied, f"{stem}_sv_ml": full - emptied}
        found[f"{stem}_ef_percent"] = 100.0 * (full - emptied) / full
    return found


def measured_error(pairs: Sequence[tuple[float, float]], key: str) -> MeasuredError:
    """Summarise the errors of an index.

    Args:
        pairs: predicted and true value of each patient, two at least.
        key: of the index, by which errors are ratios or differences.
    """
    ratio = key in _RATIOS
    errors = [math.log(a / b) if ratio else a - b for a, b in pairs]
    return MeasuredError(
        "ratio" if ratio else "difference",
        round(statistics.fmean(errors), DIGITS),
        round(statistics.stdev(errors), DIGITS),
        len(errors),
    )


def measured_errors(rows: Iterable[Row]) -> dict[str, MeasuredError]:
    """Summarise the errors of every index that has ten patients at least.

    Args:
        rows: as of :func:`pairs_of`.
    """
    return {
        key: measured_error(list(of_patients.values()), key)
        for key, of_patients in pairs_of(rows).items()
        if len(of_patients) >= 10
    }


def trials_of(rows: Iterable[Row], without: Container[str] = ()) -> list[Trial]:
    """Set each patient's absolute indices beside the ranges of White women and men of every age.

    ACDC does not give sex and age, so that nobody's own range is known. All are tried: what is judged is the
    probability, not the patient. The errors are those of the other patients.

    Args:
        rows: as of :func:`pairs_of`.
        without: patients that are left out, because their masks are rejected and get no probability.
    """
    ranges = [r for r in load_reference("hhc2024").ranges if r.ethnicity == "white" and not r.by_area]
    trials = []
    for key, found in pairs_of(rows).items():
        of_patients = {patient: pair for patient, pair in found.items() if patient not in without}
        for patient, (predicted, true) in of_patients.items():
            error = measured_error([pair for other, pair in of_patients.items() if other != patient], key)
            trials += [
                Trial(
                    patient, key, sum(p_outside(predicted, one.low, one.high, error)),
                    not one.low <= true <= one.high, not one.low <= predicted <= one.high,
                )
                for one in ranges if one.index == key
            ]  # fmt: skip
    return trials
