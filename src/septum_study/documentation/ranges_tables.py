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
from septum_study.calibration.ranges import (
    Trial,
    difficulties_of,
    trials_of,
    truths_of,
    unseen_pairs,
)

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
    rows = read_rows(studies / "quality" / "cases.csv")
    rejected = {o.case.patient for o in evaluate_unseen(quality_cases(rows)) if o.verdict is Verdict.REJECT}
    models, difficulties = unseen_pairs(studies, model), difficulties_of(rows)
    truths = truths_of(models)

    def tried(*, by_mask: bool = True, by_patients: bool = True) -> tuple[list[Trial], list[Trial]]:
        own, *shortly = (
            trials_of(pairs, difficulties, truths, rejected, by_mask=by_mask, by_patients=by_patients)
            for pairs in models
        )
        return own, [trial for trials in shortly for trial in trials]

    own, others = tried()
    return {
        "errors": errors_table(calibration.errors),
        "all": calibration_table([*own, *others], "All models, on patients they had not seen"),
        "own": calibration_table(own, "The shipped model, on its own test patients"),
        "others": calibration_table(others, "Shortly trained models, on patients they had not seen"),
        "parts": parts_table(
            {
                "Error alone": tried(by_mask=False, by_patients=False),
                "Error by mask": tried(by_patients=False),
                "Error, and how common a value is": tried(by_mask=False),
                "Error by mask, and how common a value is": (own, others),
            }
        ),
        "flags": naive_table(own),
    }


def calibration_table(trials: Sequence[Trial], title: str) -> Table:
    """One line a bin of probability: how often the manual mask's value was outside.

    Args:
        trials: whose probabilities are judged.
        title: of the table.
    """
    lines = [
        _line(f"{k / BINS:.1f} to {(k + 1) / BINS:.1f}", found) for k, found in enumerate(_binned(trials))
    ]
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
    worst = f"Largest difference of mean probability and share in the five rows: {_worst(trials):.1f} points."
    return Table(
        title,
        columns,
        (Section("", tuple(lines)), Section("", tuple(sure))),
        (what, worst, how),
    )


def parts_table(tried: Mapping[str, tuple[Sequence[Trial], Sequence[Trial]]]) -> Table:
    """Say what each part of the probability gives.

    Args:
        tried: by what the probability rests on, comparisons of the shipped model and of the others.
    """
    lines = tuple(
        (name, *(cell for trials in both for cell in (f"{_brier(trials):.4f}", f"{_worst(trials):.1f}")))
        for name, both in tried.items()
    )
    heads = ("The probability rests on", "Shipped: Brier score", "Largest difference (points)",
             "Others: Brier score", "Largest difference (points)")  # fmt: skip
    notes = (
        "Brier score: mean square of probability less truth, 0 or 1; the less, the better.",
        "Largest difference: of mean probability and share in one of five rows.",
    )
    return Table("What each part gives", tuple(map(Column, heads)), (Section("", lines),), notes)


def _binned(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Part comparisons by their probability."""
    return [[t for t in trials if min(int(t.outside * BINS), BINS - 1) == k] for k in range(BINS)]


def _worst(trials: Sequence[Trial]) -> float:
    """Give the largest difference of mean probability and share of a bin, in points."""
    return 100.0 * max(
        abs(statistics.fmean(t.outside - t.truly for t in found)) for found in _binned(trials) if found
    )


def _brier(trials: Sequence[Trial]) -> float:
    return statistics.fmean((t.outside - t.truly) ** 2 for t in trials)


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
