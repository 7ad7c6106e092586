"""Lists of studies: CSV, TSV or Parquet with a column of paths, and what is known of each study."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from septum.cohort.parts import connected
from septum.cohort.plan import Source, place
from septum.core import InputError
from septum.io import case_name
from septum.workflows.subjects import (
    NAME,
    SETTINGS,
    cells_by_column,
    names_of_columns,
    read_lines,
    setting_of_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SUFFIXES = (".csv", ".tsv", ".parquet")
PATH = "path"
#: So like a known column is one that is misspelt, or has another unit; others are no concern of ours.
_MISSPELT = 0.76
_MOST_LENGTH = 120
_AT_ONCE = 1000


def is_list(path: Path) -> bool:
    """Tell whether a file is a list by its name.

    >>> is_list(Path("cohort.csv")), is_list(Path("heart.nii.gz"))
    (True, False)
    """
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def read_list(path: Path) -> tuple[list[Source], list[str]]:
    """Read a list of studies.

    The column ``path`` is needed; a relative path is counted from the list. ``name`` is what a study is
    called; the other columns are those of :data:`~septum.workflows.subjects.SETTINGS`, of its patient. Empty
    cells are not known.

    Returns:
        The studies, and the names of columns that say nothing to Septum.

    Raises:
        InputError: it cannot be read, a column seems to be misspelt, or a cell is not what it should be; row
            and column are named, what the cell holds is not.
    """
    sources: list[Source] = []
    names: dict[str, int] = {}
    lines = _lines(path)
    columns = names_of_columns(path, next(lines, (1, []))[1])
    unused = _unused(path, columns)
    for row, values in lines:
        place_of_row = f"{path}, row {row}"
        cells = cells_by_column(place_of_row, columns, values)
        if not cells[PATH]:
            raise InputError(
                f"{place_of_row}, column {PATH}: expected the path of a study, got an empty cell; "
                "fill it, or remove the row."
            )
        image = place(path.parent / str(cells[PATH]))
        name = _name(place_of_row, cells.get(NAME))
        if name and names.setdefault(name.casefold(), row) != row:
            raise InputError(
                f"{place_of_row}, column {NAME}: expected a name of its own for each study, and row "
                f"{names[name.casefold()]} has the same; change one, or leave out the column."
            )
        sources.append(
            Source(image, name or case_name(Path(image)), bool(name), given=_given(place_of_row, cells))
        )
    if not sources:
        raise InputError(
            f"{path} lists no study: expected a row for each below the names of columns; add them."
        )
    return sources, unused


def _unused(path: Path, columns: Sequence[str]) -> list[str]:
    """Check the names of columns; give those that say nothing to Septum."""
    if PATH not in columns:
        raise InputError(
            f"{path}, row 1: expected names of columns, and {PATH} is not there; it is where the image of a "
            "study is."
        )
    unused = [column for column in columns if column and column not in (PATH, NAME, *SETTINGS)]
    given = {SETTINGS.get(column, column) for column in columns}
    free = [column for column in (NAME, *SETTINGS) if SETTINGS.get(column, column) not in given]
    for column in unused:
        if close := get_close_matches(column, free, n=1, cutoff=_MISSPELT):
            raise InputError(
                f"{path}, row 1: expected columns that are known or unlike those, got {column!r}; write "
                f"{close[0]!r} if that is meant, or rename it."
            )
    return unused


def _lines(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """The rows of a list, one at a time with their numbers, after the names of columns."""
    try:
        if path.suffix.lower() == ".parquet":
            yield from _parquet_lines(path)
            return
        with path.open(newline="", encoding="utf-8-sig") as stream:
            yield from read_lines(stream, path, "\t" if path.suffix.lower() == ".tsv" else None)
    except (OSError, UnicodeError, duckdb.Error) as error:
        why = getattr(error, "strerror", None) or type(error).__name__  # its words may repeat a cell
        raise InputError(
            f"{path} cannot be read as a list ({why}): expected CSV in UTF-8, TSV or Parquet with a column "
            f"'{PATH}'; write it anew."
        ) from error


def _parquet_lines(path: Path) -> Iterator[tuple[int, list[Any]]]:
    with connected() as base:
        found = base.execute("SELECT * FROM read_parquet(?)", [str(path)])
        yield 0, [str(one[0]) for one in found.description or ()]
        number = 0
        while rows := found.fetchmany(_AT_ONCE):
            for row in rows:
                number += 1
                yield number, list(row)


def _name(place_of_row: str, cell: Any) -> str:
    """The name that a list gives, if it can be a file's, too."""
    name = "" if cell is None else str(cell).strip()
    bad = len(name) > _MOST_LENGTH or name.startswith(".") or not name.isprintable()
    if bad or any(sign in name for sign in '/\\:*?"<>|'):
        raise InputError(
            f"{place_of_row}, column {NAME}: expected a name that a file can have; use letters, digits, - "
            "and _."
        )
    return name


def _given(place_of_row: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    """What a row tells of the patient, checked as settings of indices are."""
    given: dict[str, Any] = {}
    for column, field in SETTINGS.items():
        cell = cells.get(column)
        text = "" if cell is None else str(cell).strip()
        if text:
            where = f"{place_of_row}, column {column}"
            given[field] = setting_of_cell(where, field, text, is_repeated=False)
    return given
