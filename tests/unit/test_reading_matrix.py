"""The page of what was read is what the readers do now."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_what_was_read_has_every_row_that_the_repository_can_make():
    spec = importlib.util.spec_from_file_location("reading_matrix", ROOT / "tools" / "reading_matrix.py")
    matrix = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(matrix)
    page = matrix.PAGE.read_text(encoding="utf-8")
    made = [row.line() for row in (*matrix.repository_rows(), *matrix.made_rows())]
    assert [line for line in made if line not in page] == []
    assert page.partition("## Made")[2].count("\n| ") == len(matrix.MADE) + 1
