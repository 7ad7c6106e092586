"""Per-case results as they are committed: a row of text for each structure of each volume."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING

from septum.core import Score
from septum.core.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """Rows of a per-case result file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows that have the same keys as a table, whole or not at all; its folder is made.

    Args:
        path: of the CSV.
        rows: at least one.

    Raises:
        OutputError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def score_of(row: Row) -> Score:
    """The score that a row of text holds; an empty cell is a value that is not defined."""
    values: dict[str, object] = {}
    for field in fields(Score):
        text = row[field.name]
        if field.name == "structure":
            values[field.name] = text
        elif field.name == "missed":
            values[field.name] = text == "True"
        else:
            values[field.name] = float(text) if text else None
    return Score(**values)  # type: ignore[arg-type]
