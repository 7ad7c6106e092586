"""How well each way of localising finds the heart, and what Dice that comes to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from septum.datasets import REGISTRY
from septum.metrics import Mean, summarise
from septum.metrics.table import Column, Section, Table
from septum_study.results import native_scores
from septum_study.table_cells import (
    NOTHING,
    cases_cell,
    difference_cell,
    label_cell,
    mean_cell,
    models_cell,
    notes_on,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from septum.metrics.scores_file import Row as ResultRow
    from septum_study.declaration import Declaration
    from septum_study.row_results import RowResults

COLUMNS = (
    Column("Method"),
    Column("Models"),
    Column("Cases"),
    Column("n"),
    Column("mean (%)", "Foreground inside"),
    Column("lowest (%)", "Foreground inside"),
    Column("cases under 100 %", "Foreground inside"),
    Column("Found by"),
    Column("mean ± SD (mm)", "Centre error"),
    Column("largest (mm)", "Centre error"),
    Column("Seconds a case"),
    Column("ours", "Dice"),
    Column("region from the truth", "Dice"),
    Column("difference", "Dice"),
)
NOTE = (
    "n regions: one a model and case. Foreground inside is the share of the true foreground that the "
    "region holds. The centre error is in plane, from the middle of the region to that of the box about "
    "the truth. Dice is the mean ± SD over structures on the native grid, a missed structure counting 0. "
    "Dice with the region from the truth, and the difference from it, are over the folds that both rows "
    "have."
)


def localisation_table(study: Declaration, name: str, found: Mapping[str, RowResults]) -> Table:
    """The regions of a table's rows, each data set under its own heading."""
    rows = study.shown_in(name)
    sections = []
    for dataset in dict.fromkeys(row.dataset for row in rows):
        oracle = study.oracles.get(dataset)
        lines = [
            _line(found[row.key], found[oracle] if oracle else None, study.folds)
            for row in rows
            if row.dataset == dataset
        ]
        sections.append(Section(REGISTRY[dataset].title, tuple(lines)))
    notes = notes_on(found[row.key] for row in rows)
    return Table(study.tables[name].title, COLUMNS, tuple(sections), (NOTE, *notes))


def _line(found: RowResults, oracle: RowResults | None, folds: int) -> tuple[str, ...]:
    name = (label_cell(found), models_cell(found.folds, folds))
    if not found.folds:
        return (*name, *[""] * (len(COLUMNS) - len(name)))
    regions = list({(line["fold"], line["case"]): line for line in found.lines()}.values())
    inside = _numbers(regions, "foreground_inside")
    errors = _numbers(regions, "centre_error_mm")
    ways = Counter(line["localisation"] for line in regions if line["localisation"])
    common = [fold for fold in found.folds if oracle and fold in oracle.folds]
    ours, best = (_dice(one, common) if one else None for one in (found, oracle))
    return (
        *name,
        cases_cell(found),
        str(len(regions)),
        f"{100 * sum(inside) / len(inside):.2f}" if inside else NOTHING,
        f"{100 * min(inside):.2f}" if inside else NOTHING,
        str(sum(share < 1 for share in inside)) if inside else NOTHING,
        ", ".join(f"{way} {count}" for way, count in ways.most_common()) or NOTHING,
        mean_cell(Mean.of(errors), 1),
        f"{max(errors):.1f}" if errors else NOTHING,
        mean_cell(Mean.of(_numbers(regions, "seconds")), 2),
        mean_cell(summarise(native_scores(found.lines())).dice, 3),
        NOTHING if best is None else f"{best:.3f}",
        NOTHING if found is oracle else difference_cell(ours, best, 3),
    )


def _numbers(lines: Iterable[ResultRow], column: str) -> list[float]:
    return [float(line[column]) for line in lines if line[column]]


def _dice(found: RowResults, folds: Iterable[int]) -> float | None:
    return summarise(native_scores(found.lines(folds=folds))).dice.mean
