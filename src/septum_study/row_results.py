"""What there is of each row: the results of the folds that have run, and how they were trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import InputError
from septum_study.ledger import read_entry
from septum_study.results import read_results, results_path

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path

    from septum.metrics.scores_file import Row as ResultRow
    from septum_study.declaration import Declaration, Row


@dataclass(frozen=True)
class RowResults:
    """The results of one row.

    Attributes:
        row: its declaration.
        results: lines of each fold that has run, by fold.
        capped: of the folds whose training was cut short for lack of time, which part after how many epochs.
        stale: folds whose results are left out, since recipe, split or training have changed since.
    """

    row: Row
    results: Mapping[int, tuple[ResultRow, ...]]
    capped: Mapping[int, str]
    stale: tuple[int, ...] = ()

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


def gather(study: Declaration, folder: Path, stale: Container[tuple[str, int]] = ()) -> dict[str, RowResults]:
    """The results of every row of a study, by key, from its results folder; rows not run have no results.

    What the ledger has no entry of has not run.

    Args:
        study: its declaration.
        folder: of the ledger and the results.
        stale: (row, fold) of units whose results are left out.

    Raises:
        InputError: an entry or a result file cannot be used.
    """
    return {row.key: _gather_row(study, row, folder, stale) for row in study.rows}


def _gather_row(study: Declaration, row: Row, folder: Path, stale: Container[tuple[str, int]]) -> RowResults:
    results, capped, tested = {}, {}, {}
    left_out = tuple(fold for fold in study.fold_numbers if (row.key, fold) in stale)
    for fold in study.fold_numbers:
        entry = None if fold in left_out else read_entry(folder, row.key, fold)
        if entry is None:
            continue
        tested[entry.data_sha256] = fold
        results[fold] = tuple(read_results(results_path(folder, row.key, fold)))
        if entry.preliminary:
            parts = (part for part in entry.parts if part.stopped == "capped")
            capped[fold] = ", ".join(f"{part.name} after {part.epochs} epochs" for part in parts)
    if len(tested) > 1 and not study.cross_validates:
        folds_text = " and ".join(str(fold) for fold in tested.values())
        raise InputError(
            f"{folder / row.key}: expected one set of test cases for all folds, but folds {folds_text} were "
            "tested on others, or on other files; run one of them again."
        )
    return RowResults(row, results, capped, left_out)
