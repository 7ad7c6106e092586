"""Tables on reference ranges: what indices are off by, and whether the probability of being outside holds."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from septum.core import MeasuredError, Place, Verdict
from septum.core.comparison import SURE, place_of
from septum.indices.definitions import DEFINITIONS
from septum.inference import open_bundle
from septum.metrics.scores_file import read_rows
from septum.metrics.table import Column, Section, Table
from septum.quality.calibration import calibration_of
from septum_study.calibration.cases import quality_cases
from septum_study.calibration.evaluation import evaluate_unseen
from septum_study.calibration.ranges import Trial, rows_of_scores, trials_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Probabilities are judged in so many bins.
BINS = 5
_DRAWS, _SEED = 2000, 1


def ranges_tables(studies: Path, model: str) -> dict[str, Table]:
    """Make every table of the page on reference ranges.

    Patients whose masks are rejected are left out: they get no probability.

    Args:
        studies: folder of the committed results.
        model: name of the shipped bundle, whose calibration is shown.

    Raises:
        ValueError: the bundle has no calibration of its networks.
    """
    calibration = calibration_of(open_bundle(model))
    if calibration is None:
        raise ValueError(
            f"the model {model} has no calibration of its networks: run tools/calibrate_quality.py fit"
        )
    cases = quality_cases(read_rows(studies / "quality" / "cases.csv"))
    rejected = {o.case.patient for o in evaluate_unseen(cases) if o.verdict is Verdict.REJECT}
    own = trials_of(read_rows(studies / "indices" / "cine.csv"), rejected)
    others = [
        trial
        for path in sorted((studies / "quality" / model).glob("fold*.csv"))
        for trial in trials_of(rows_of_scores(read_rows(path)), rejected)
    ]
    return {
        "errors": errors_table(calibration.errors),
        "own": calibration_table(own, "The shipped model, on its own test patients"),
        "others": calibration_table(others, "Shortly trained models, on patients they had not seen"),
        "flags": naive_table(own),
    }


def calibration_table(trials: Sequence[Trial], title: str) -> Table:
    """One line a bin of probability: how often the manual mask's value was outside.

    Args:
        trials: whose probabilities are judged.
        title: of the table.
    """
    lines = []
    for k in range(BINS):
        low, high = k / BINS, (k + 1) / BINS
        found = [t for t in trials if low <= t.outside < high or (k == BINS - 1 and t.outside >= 1.0)]
        lines.append(_line(f"{low:.1f} to {high:.1f}", found))
    sure = [_line(f"above {SURE:g}: flagged", [t for t in trials if t.outside > SURE])]
    sure.append(_line(f"below {1 - SURE:.1g}: inside", [t for t in trials if t.outside < 1 - SURE]))
    columns = (
        Column("P(outside)"), Column("Comparisons"), Column("Patients"), Column("Mean probability"),
        Column("Outside by the manual mask"), Column("95 % interval"),
    )  # fmt: skip
    patients = len({trial.patient for trial in trials})
    what = (
        f"{len(trials)} comparisons of {patients} patients: 7 indices with the 12 ranges of White women and "
        "men by age of the Healthy Hearts Consortium. Errors were taken from the other patients."
    )
    how = "Intervals: bootstrap over patients. The comparisons of a patient depend on each other."
    return Table(
        title,
        columns,
        (Section("", tuple(lines)), Section("", tuple(sure))),
        (what, how),
    )


def naive_table(trials: Sequence[Trial]) -> Table:
    """Compare flags by probability with those of a bare comparison of the measured value."""
    bare = [("The measured value is outside", trial.shown, trial.truly) for trial in trials]
    flagged = [("Probability above 0.9", t.outside > SURE, t.truly) for t in trials]
    lines = []
    for calls in (bare, flagged):
        wrong = sum(call and not truly for _, call, truly in calls)
        right = sum(call and truly for _, call, truly in calls)
        missed = sum(truly and not call for _, call, truly in calls)
        lines.append(
            (calls[0][0], str(right + wrong), str(wrong), f"{100 * wrong / (right + wrong):.1f}", str(missed))
        )
    unsure = sum(place_of(t.outside) is Place.CANNOT_TELL for t in trials)
    columns = (
        Column("Flag"), Column("Flagged"), Column("Wrongly"), Column("Wrongly (%)"),
        Column("Outside and not flagged"),
    )  # fmt: skip
    note = f"Of {len(trials)} comparisons {unsure} are called neither outside nor inside."
    return Table(
        "Flags with and without the error of the measurement", columns, (Section("", tuple(lines)),), (note,)
    )


def errors_table(errors: Mapping[str, MeasuredError]) -> Table:
    """List what the calibration of a model holds of each index."""
    lines = []
    for one in DEFINITIONS:
        error = errors.get(one.key)
        if error is None:
            continue
        ratio = error.kind == "ratio"
        shown = [100 * (math.exp(v) - 1) if ratio else v for v in (error.mean, error.sd)]
        lines.append(
            (one.title, "%" if ratio else "points" if one.unit == "%" else one.unit,
             f"{shown[0]:+.1f}", f"{shown[1]:.1f}", str(error.patients))
        )  # fmt: skip
    columns = (
        Column("Index"),
        Column("Unit"),
        Column("Mean error"),
        Column("Standard deviation"),
        Column("Patients"),
    )
    note = "Predicted against manual masks. In %: of the value, from the logarithm of their ratio."
    return Table("Errors that the probability rests on", columns, (Section("", tuple(lines)),), (note,))


def _line(name: str, trials: Sequence[Trial]) -> tuple[str, ...]:
    if not trials:
        return (name, "0", "0", "-", "-", "-")
    low, high = _interval(trials)
    return (
        name,
        str(len(trials)),
        str(len({trial.patient for trial in trials})),
        f"{statistics.fmean(trial.outside for trial in trials):.2f}",
        f"{statistics.fmean(trial.truly for trial in trials):.2f}",
        f"{low:.2f} to {high:.2f}",
    )


def _interval(trials: Sequence[Trial]) -> tuple[float, float]:
    """Bootstrap interval of the share outside, over patients."""
    of_patients: dict[str, list[bool]] = defaultdict(list)
    for trial in trials:
        of_patients[trial.patient].append(trial.truly)
    hits = np.array([sum(found) for found in of_patients.values()], float)
    counts = np.array([len(found) for found in of_patients.values()], float)
    drawn = np.random.default_rng(_SEED).integers(0, len(hits), (_DRAWS, len(hits)))
    shares = hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)
