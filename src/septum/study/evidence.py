"""What there is of each row: the results of the folds that have run, and how they were trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.study.ledger import read_entry
from septum.study.results import read_results, results_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from septum.reporting.score_table import Row as ResultRow
    from septum.study.declaration import Row, Study


@dataclass(frozen=True)
class Evidence:
    """The results of one row.

    Attributes:
        row: its declaration.
        results: lines of each fold that has run, by fold.
        capped: of the folds whose training was cut short for lack of time, which part after how many epochs.
    """

    row: Row
    results: Mapping[int, tuple[ResultRow, ...]]
    capped: Mapping[int, str]

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds that have run, ascending."""
        return tuple(self.results)

    @property
    def preliminary(self) -> bool:
        """Whether the training of any fold was cut short."""
        return bool(self.capped)

    def lines(self, structure: str | None = None, folds: Iterable[int] | None = None) -> list[ResultRow]:
        """Result lines of the given folds (of all by default), of one structure or of all."""
        chosen = self.folds if folds is None else folds
        return [
            line
            for fold in chosen
            for line in self.results[fold]
            if structure is None or line["structure"] == structure
        ]


def gather(study: Study, folder: Path) -> dict[str, Evidence]:
    """The evidence of every row of a study, by key, from its results folder; rows not run have no results.

    What the ledger has no entry of has not run.

    Raises:
        InputError: an entry or a result file cannot be used.
    """
    return {row.key: _gather_row(row, study.folds, folder) for row in study.rows}


def _gather_row(row: Row, folds: int, folder: Path) -> Evidence:
    results, capped = {}, {}
    for fold in range(folds):
        entry = read_entry(folder, row.key, fold)
        if entry is None:
            continue
        results[fold] = tuple(read_results(results_path(folder, row.key, fold)))
        if entry.preliminary:
            parts = (part for part in entry.parts if part.stopped == "capped")
            capped[fold] = ", ".join(f"{part.name} after {part.epochs} epochs" for part in parts)
    return Evidence(row, results, capped)
