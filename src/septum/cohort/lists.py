"""Lists of studies: CSV, TSV or Parquet with a column of paths, and what is known of each study."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from septum.cohort.parts import connected
from septum.cohort.plan import Source, place
from septum.core import InputError
from septum.io import case_name
from septum.workflows.subjects import COLUMNS, setting_of_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SUFFIXES = (".csv", ".tsv", ".parquet")
#: Fields of a study by the names that a column may have.
_COLUMNS = {**COLUMNS, **{field: field for field in COLUMNS.values()}}
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
    called; ``sex``, ``age_years``, ``height_m``, ``weight_kg``, ``heart_rate_bpm`` and ``ethnicity`` are
    those of its patient. Empty cells are not known.

    Returns:
        The studies, and the names of columns that say nothing to Septum.

    Raises:
        InputError: it cannot be read, or a cell is not what it should be; its row is named, its content is
            not.
    """
    sources: list[Source] = []
    names: dict[str, int] = {}
    unused: list[str] = []
    for row, cells in enumerate(_rows(path), start=1):
        if row == 1:
            unused = [name for name in cells if name not in _COLUMNS and name not in ("path", "name")]
        if "path" not in cells or not cells["path"]:
            raise InputError(
                f"{path}: expected a path in the column 'path' of every row, and found none in row {row}; "
                "name the column so, and fill it."
            )
        image = place(path.parent / str(cells["path"]))
        name = _name(path, row, cells.get("name"))
        if name and names.setdefault(name.casefold(), row) != row:
            raise InputError(
                f"{path}: expected a name of its own for each study, and rows {names[name.casefold()]} and "
                f"{row} have the same; change one, or leave out the column 'name'."
            )
        sources.append(
            Source(image, name or case_name(Path(image)), bool(name), given=_given(path, row, cells))
        )
    if not sources:
        raise InputError(
            f"{path} lists no study: expected a row for each below the names of columns; add them."
        )
    return sources, unused


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a list, one at a time, by the names of columns in lower case."""
    try:
        if path.suffix.lower() == ".parquet":
            yield from _parquet_rows(path)
            return
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            for row, cells in enumerate(reader, start=1):
                if None in cells:
                    raise InputError(
                        f"{path}: row {row} has more cells than there are columns: expected one for each; "
                        "put a cell that holds a comma in quotes."
                    )
                yield {str(k).strip().lower(): v.strip() for k, v in cells.items() if isinstance(v, str)}
    except (OSError, UnicodeError, csv.Error, duckdb.Error) as error:
        why = getattr(error, "strerror", None) or type(error).__name__  # its words may repeat a cell
        raise InputError(
            f"{path} cannot be read as a list ({why}): expected CSV in UTF-8, TSV or Parquet with a column "
            "'path'; write it anew."
        ) from error


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    with connected() as base:
        found = base.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [str(one[0]).strip().lower() for one in found.description or ()]
        while rows := found.fetchmany(_AT_ONCE):
            yield from (dict(zip(names, row, strict=True)) for row in rows)


def _name(path: Path, row: int, cell: Any) -> str:
    """The name that a list gives, if it can be a file's, too."""
    name = "" if cell is None else str(cell).strip()
    bad = len(name) > _MOST_LENGTH or name.startswith(".") or not name.isprintable()
    if bad or any(sign in name for sign in '/\\:*?"<>|'):
        raise InputError(
            f"{path}: expected names that files can have, and that of row {row} cannot be one; use letters, "
            "digits, - and _."
        )
    return name


def _given(path: Path, row: int, cells: Mapping[str, Any]) -> dict[str, Any]:
    """What a row tells of the patient, checked as settings of indices are."""
    given: dict[str, Any] = {}
    for column, name in _COLUMNS.items():
        cell = cells.get(column)
        if cell is None or str(cell).strip() == "":
            continue
        try:
            given[name] = setting_of_cell(f"row {row}", name, str(cell).strip())
        except InputError as error:
            raise InputError(
                f"{path}: the column '{column}' of row {row} is not what it should be: expected sex as F or "
                "M, age in years, height in m, weight in kg and heart rate in beats a minute; correct it, "
                "or leave it empty."
            ) from error
    return given
