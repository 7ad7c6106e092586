"""Per-case results of one (row, fold): columns, reading, writing, and the scores that they hold."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from septum.core import InputError, Score
from septum.core.files import write_text
from septum.metrics.scores_file import read_rows, score_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from septum.metrics.scores_file import Row

_KEYS = ("row", "fold", "case", "patient", "group", "phase", "structure")
_NATIVE = tuple(field.name for field in fields(Score) if field.name != "structure")
#: On the study's grid, spacing 1, by the field of ``Score`` that each stands for.
_GRID = {
    "dice": "grid_dice",
    "missed": "grid_missed",
    "hausdorff_voxels": "grid_hausdorff_voxels",
    "asd_voxels": "grid_asd_voxels",
    "diagonal_voxels": "grid_diagonal_voxels",
}
_CASE = ("foreground_inside", "localisation", "centre_error_mm", "seconds", "peak_memory_mb")

#: Columns of a result file: one line a case and structure; an empty cell is a value that is not defined.
COLUMNS = (*_KEYS, *_NATIVE, *_GRID.values(), *_CASE)


def results_path(folder: Path, row: str, fold: int) -> Path:
    """Where the results of one unit lie below the study's results folder."""
    return folder / row / f"fold{fold}.csv"


def result_rows(
    keys: Mapping[str, object],
    native: Sequence[Score],
    grid: Sequence[Score] | None,
    case: Mapping[str, object],
) -> list[Row]:
    """The lines of one case.

    Args:
        keys: row, fold, case, patient, group, phase.
        native: its scores on the native grid, one a structure.
        grid: the same structures on the study's grid, or ``None`` where there is no such grid.
        case: foreground_inside, localisation, centre_error_mm, seconds, peak_memory_mb; what is not known
            may be ``None`` or left out.

    Returns:
        Text by column, numbers rounded to what they can carry (5 decimals).

    Raises:
        ValueError: the two grids do not hold the same structures.
    """
    if grid is not None and [s.structure for s in grid] != [s.structure for s in native]:
        raise ValueError("expected the same structures on both grids")
    lines = []
    for number, score in enumerate(native):
        values = {**keys, **asdict(score), **case}
        if grid is not None:
            on_grid = asdict(grid[number])
            values |= {column: on_grid[field] for field, column in _GRID.items()}
        lines.append({column: _text(values.get(column)) for column in COLUMNS})
    return lines


def write_results(path: Path, rows: Iterable[Row]) -> None:
    """Write result rows as CSV, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
        ValueError: a row has a column that is unknown.
    """
    write_text(path, results_text(rows))


def results_text(rows: Iterable[Row]) -> str:
    """Result rows as CSV. Raises :class:`ValueError` for a column that is unknown."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_results(path: Path) -> list[Row]:
    """Rows of a result file.

    Raises:
        InputError: the file cannot be read, or does not have the columns of a result file.
    """
    try:
        rows = read_rows(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as per-case results: {error}. Score it again.") from error
    found = set(rows[0]) if rows else set()
    if found != set(COLUMNS):
        lacking = [column for column in COLUMNS if column not in found]
        raise InputError(
            f"{path}: expected per-case results with the {len(COLUMNS)} columns of a study, got "
            f"{len(found)}{', without ' + ', '.join(lacking[:3]) if lacking else ''}. Score it again."
        )
    return rows


def native_scores(rows: Iterable[Row]) -> list[Score]:
    """The scores on the native grid, in mm and in voxels."""
    return [score_of(row) for row in rows]


def grid_scores(rows: Iterable[Row]) -> list[Score]:
    """The scores on the study's grid, for the rows that have any.

    That grid is scored with spacing 1, so that distances in mm are not defined: only what is in voxels may be
    summarised. Volumes, and the diagonal in mm, are those of the native grid.
    """
    undefined_mm = {"hausdorff_mm": "", "asd_mm": ""}
    return [
        score_of({**row, **undefined_mm, **{field: row[column] for field, column in _GRID.items()}})
        for row in rows
        if row["grid_missed"]
    ]


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(round(value, 5)) if isinstance(value, float) else str(value)
