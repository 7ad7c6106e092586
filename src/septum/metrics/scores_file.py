"""Per-case results as they are committed: a row of text for each structure of each volume."""

from __future__ import annotations

import csv
from dataclasses import fields
from typing import TYPE_CHECKING

from septum.core import Score

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """Rows of a per-case result file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


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
