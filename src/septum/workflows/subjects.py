"""A table of subjects: what is known of the patient of each study, in a row by the study's name."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from septum.core import InputError
from septum.interpretation.names import ETHNICITIES, SEXES
from septum.workflows.options import IndexSettings, believed, disbelief

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

#: The column by which a row finds its study: what its results are called.
NAME = "name"
#: The other columns, none of which is needed, with the setting that a cell gives.
COLUMNS = {
    "sex": "sex",
    "age": "age_years",
    "height": "height_m",
    "weight": "weight_kg",
    "heart_rate": "heart_rate_bpm",
    "ethnicity": "ethnicity",
}
#: Settings by every name that a column may have: an option's, or the setting's own.
SETTINGS = {**COLUMNS, **{field: field for field in COLUMNS.values()}}
_CHOICES = {"sex": SEXES, "ethnicity": ETHNICITIES}
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Subjects:
    """How indices are taken of each study, by what a table says of its patient.

    Attributes:
        settings: for all studies; a cell of the table comes before them.
        path: of the table, for messages.
        rows: settings by the name of a study; those of empty cells are not there.
        lines: of the file, counted from 1, by the name of a study.
    """

    settings: IndexSettings
    path: Path
    rows: Mapping[str, Mapping[str, Any]]
    lines: Mapping[str, int]

    def of(self, name: str, settings: IndexSettings | None = None) -> IndexSettings:
        """Give the settings for a study: the table's where it has a cell, and else those for all.

        Args:
            name: of the study's results.
            settings: for all studies, instead of its own.
        """
        return (settings or self.settings).model_copy(update=self.rows.get(name, {}))

    def unmatched(self, names: Collection[str]) -> Iterator[str]:
        """Say which studies have no row, and which rows no study; nobody is named.

        Args:
            names: of all studies.
        """
        known = set(names)
        without = len(known - self.rows.keys())
        if without:
            yield f"{self.path}: {without} of {len(names)} studies have no row there."
        idle = [str(self.lines[name]) for name in self.rows if name not in known]
        if idle:
            yield f"{self.path}: no study has the name in {_rows(idle)}; {NAME} is that of its results."


def read_subjects(path: Path, settings: IndexSettings | None = None) -> Subjects:
    """Read a table of subjects: CSV in UTF-8, with commas, semicolons or tabs, and one line of column names.

    Args:
        path: of the table.
        settings: for all studies.

    Raises:
        InputError: it cannot be read, or a cell is none; the first fault is named by row and column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InputError(f"{path}: expected a table of subjects, and {reason}; give a CSV file.") from error
    lines = read_lines(io.StringIO(text, newline=""), path)
    rows: dict[str, Mapping[str, Any]] = {}
    found: dict[str, int] = {}
    columns = _columns(path, next(lines, (1, []))[1])
    for number, values in lines:
        name, given = _row(f"{path}, row {number}", columns, values)
        if name in rows:
            raise InputError(
                f"{path}, row {number}, column {NAME}: expected each study once, and row {found[name]} has "
                "the same name; remove one."
            )
        rows[name], found[name] = given, number
    return Subjects(settings or IndexSettings(), path, rows, found)


def read_lines(stream: TextIO, path: Path, delimiter: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Read the lines of a CSV table that are not empty, the names of columns first.

    Args:
        stream: of the table, opened with ``newline=""``, at its beginning.
        path: of the table, for messages.
        delimiter: between cells; by default the comma, semicolon or tab that the first line has most often.

    Yields:
        The row of the file, from 1, and its cells without spaces at their ends.

    Raises:
        InputError: it is no CSV.

    >>> from pathlib import Path
    >>> text = chr(10).join(["name;age", "", "a; 54"])
    >>> list(read_lines(io.StringIO(text), Path("people.csv")))
    [(1, ['name', 'age']), (3, ['a', '54'])]
    """
    head = stream.readline()
    stream.seek(0)
    lines = csv.reader(stream, delimiter=delimiter or max(_DELIMITERS, key=head.count), strict=True)
    try:
        for cells in lines:
            values = [cell.strip() for cell in cells]
            if any(values) or lines.line_num == 1:
                yield lines.line_num, values
    except csv.Error as error:
        place = f"{path}, row {lines.line_num}"
        raise InputError(f"{place}: expected cells of a CSV file, and {error}; mend the row.") from error


def names_of_columns(path: Path, cells: Sequence[str]) -> list[str]:
    """Make names of columns of the first line, in lower case; none gives a setting that another gives.

    Args:
        path: of the table, for messages.
        cells: of the line.

    Raises:
        InputError: a known column is there twice.
    """
    columns = [cell.strip().lower() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    seen: dict[str, str] = {}
    for column in columns:
        setting = SETTINGS.get(column, column)
        if column and setting in seen:
            got = f"{column} twice" if seen[setting] == column else f"{seen[setting]} and {column}"
            raise InputError(f"{path}, row 1: expected each column once, got {got}; remove one.")
        seen[setting] = column
    return columns


def _columns(path: Path, cells: Sequence[str]) -> list[str]:
    """Check the line of column names."""
    columns = names_of_columns(path, cells)
    known = ", ".join((NAME, *COLUMNS))
    if NAME not in columns:
        raise InputError(
            f"{path}, row 1: expected names of columns ({known}), and {NAME} is not there; it is "
            "what a study's results are called."
        )
    for column in columns:
        if column != NAME and column not in SETTINGS:
            raise InputError(
                f"{path}, row 1: expected columns of {known}, got {column!r}; rename it, or leave it out."
            )
    return columns


def cells_by_column(place: str, columns: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Give the cells of a row by their columns.

    Args:
        place: of the row, for the message.
        columns: their names.
        values: of the cells; empty ones beyond the columns are left out.

    Raises:
        InputError: there are more cells or fewer.
    """
    cells = list(values)
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    if len(cells) != len(columns):
        raise InputError(
            f"{place}: expected {len(columns)} cells, one a column, got {len(cells)}; mend the row."
        )
    return dict(zip(columns, cells, strict=True))


def _row(place: str, columns: Sequence[str], values: list[str]) -> tuple[str, dict[str, Any]]:
    """Make settings of a line: the study's name, and a value for each cell that is not empty."""
    cells = cells_by_column(place, columns, values)
    name = cells.pop(NAME)
    if not name:
        expected = "expected the name of a study's results, got an empty cell"
        raise InputError(f"{place}, column {NAME}: {expected}; name the study, or remove the row.")
    return name, {
        SETTINGS[column]: setting_of_cell(f"{place}, column {column}", SETTINGS[column], cell)
        for column, cell in cells.items()
        if cell
    }


def setting_of_cell(place: str, field: str, cell: str, *, is_repeated: bool = True) -> str | float:
    """Make a setting of a cell.

    Args:
        place: of the cell, for the message.
        field: of the settings, one of the values of :data:`COLUMNS`.
        cell: its text, not empty.
        is_repeated: whether a message may repeat the cell, which may tell whose it is.

    Raises:
        InputError: it is none.

    >>> setting_of_cell("a.csv, row 2", "sex", "f"), setting_of_cell("a.csv, row 2", "height_m", "1.76")
    ('F', 1.76)
    """
    got = f", got {cell!r}" if is_repeated else ""
    choices = _CHOICES.get(field)
    if choices is not None:
        for choice in choices:
            if choice.casefold() == cell.casefold():
                return choice
        raise InputError(
            f"{place}: expected one of {', '.join(choices)}{got}; mend the cell, or leave it empty."
        )
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if disbelief(field, number) is not None:
        raise InputError(f"{place}: {believed(field)}{got}; mend the cell, or leave it empty.")
    return number


def _rows(lines: Sequence[str]) -> str:
    shown = ", ".join(lines[:5]) + (" and others" if len(lines) > 5 else "")
    return f"row {shown}" if len(lines) == 1 else f"rows {shown}"
