"""Rows that no publication prints: Dice with its interval, distances, what was missed, volumes' errors."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from septum.metrics import Mean, summarise
from septum.metrics.bootstrap import mean_interval
from septum.metrics.table import Column, Section, Table
from septum.metrics.volume_table import INDICES
from septum_study.results import native_scores
from septum_study.table_cells import NOTHING, label_cell, mean_cell, models_cell, notes_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.metrics.scores_file import Row as ResultRow
    from septum.metrics.volume_table import Volumes
    from septum_study.declaration import Declaration
    from septum_study.row_results import RowResults

#: A structure with a lower Dice is grossly wrong.
GROSS = 0.5
SEED = 0
#: Indices whose errors are shown.
ERRORS = ("LV ejection fraction (points)", "LV mass at end-diastole (g)")
COLUMNS = (
    Column("Method"),
    Column("Models"),
    Column("Patients"),
    Column("n"),
    Column("mean [95 % interval]", "Dice"),
    Column("by structure", "Dice"),
    Column("mean ± SD", "HD (mm)"),
    Column("mean ± SD", "ASD (mm)"),
    Column("Missed"),
    Column(f"Dice < {GROSS}"),
    *(Column(name, "Mean absolute error") for name in ERRORS),
)
NOTE = (
    "Native grid, true spacing. n structures were scored; a missed one counts as Dice 0 and with the "
    f"volume's diagonal as its distance. Intervals: bootstrap over patients. Dice < {GROSS}: structures that "
    "are grossly wrong, missed ones among them."
)


def summary_table(study: Declaration, name: str, found: Mapping[str, RowResults]) -> Table:
    """One line a row, in the order of presentation."""
    rows = [found[row.key] for row in study.shown_in(name)]
    lines = tuple(_line(row, study.folds) for row in rows)
    return Table(study.tables[name].title, COLUMNS, (Section("", lines),), (NOTE, *notes_on(rows)))


def _line(found: RowResults, folds: int) -> tuple[str, ...]:
    head = (label_cell(found), models_cell(found.folds, folds))
    if not found.folds:
        return (*head, *[""] * (len(COLUMNS) - len(head)))
    rows = found.lines()
    scores = native_scores(rows)
    whole = summarise(scores)
    structures = dict.fromkeys(row["structure"] for row in rows)
    gross = sum(score.missed or (score.dice is not None and score.dice < GROSS) for score in scores)
    return (
        *head,
        str(len({row["patient"] for row in rows})),
        str(whole.dice.n),
        _dice_cell(rows),
        ", ".join(f"{s} {summarise(native_scores(found.lines(s))).dice.mean:.3f}" for s in structures),
        mean_cell(whole.penalised_hausdorff_mm, 2),
        mean_cell(whole.penalised_asd_mm, 3),
        str(whole.missed),
        str(gross),
        *(_error_cell(index_errors(rows, name)) for name in ERRORS),
    )


def _dice_cell(rows: Sequence[ResultRow]) -> str:
    """Mean with its interval. A structure that neither mask has is not scored."""
    scored = [
        (score.dice, row["patient"])
        for row, score in zip(rows, native_scores(rows), strict=True)
        if score.dice is not None
    ]
    values, patients = [value for value, _ in scored], [patient for _, patient in scored]
    interval = mean_interval(values, patients, np.random.default_rng(SEED))
    if not values:
        return NOTHING
    spread = "" if interval is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
    return f"{sum(values) / len(values):.3f}{spread}"


def _error_cell(errors: Sequence[float]) -> str:
    mean = Mean.of(abs(error) for error in errors).mean
    return NOTHING if mean is None else f"{mean:.1f}"


def index_errors(rows: Sequence[ResultRow], name: str) -> list[float]:
    """Automatic minus manual index of each model's patients, where there are the phases that it needs."""
    found: dict[tuple[str, str], tuple[Volumes, Volumes]] = {}
    for row in rows:
        automatic, manual = found.setdefault((row["fold"], row["patient"]), ({}, {}))
        key = row["structure"], row["phase"]
        automatic[key], manual[key] = float(row["predicted_ml"]), float(row["true_ml"])
    errors = []
    for automatic, manual in found.values():
        with suppress(KeyError, ZeroDivisionError):  # no such phase, or no cavity: it counts as missed
            errors.append(INDICES[name](automatic) - INDICES[name](manual))
    return errors
