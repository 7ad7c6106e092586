"""What the page, the table and the status of a cohort say of its rows."""

from __future__ import annotations

import csv

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

import duckdb

from septum.cohort.beginning import unfinished
from septum.cohort.looking import status, write_table
from septum.cohort.parts import write_part
from septum.cohort.plan import studies_of
from septum.cohort.rows import State, other_row
from septum.cohort.summary import facts_of, write_page
from septum.workflows.record import SOFTWARE
from support.cohort_parts import begun, write_some


def rows_of_table(folder):
    write_table(folder, folder.path / "table.csv")
    with (folder.path / "table.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_of_few_studies_no_outlier_is_told_and_the_page_says_so(tmp_path):
    folder = begun(write_some(tmp_path / "in", 8), tmp_path / "out", chunk=30).folder
    (chunk,) = unfinished(folder)
    made = [
        other_row(one, State.DONE, "", "")
        | {"lv_ef_percent": value, "verdict": "review", "flags": "open_wall"}
        for one, value in zip(
            studies_of(folder, chunk), [60.0, 61.0, 62.0, 63.0, 64.0, 60.0, 61.0, 12.0], strict=True
        )
    ]
    write_part(folder.part(chunk), made)
    facts = facts_of(folder, folder.path)
    assert (facts.outliers, facts.flags) == ([], {"open_wall": 8})
    write_page(folder, folder.path / "report.html")
    page = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "20 studies or more" in page
    assert "prefers-color-scheme: dark" in page
    assert page.count('class="wide"') == page.count("<table")
    assert dict(facts.made_with)["Septum"] == SOFTWARE.version
    assert dict(facts.made_with)["Model"].startswith("cine (")


def test_studies_with_the_image_of_an_earlier_one_are_told(septum, tmp_path):
    folder = begun(write_some(tmp_path / "in", 4), tmp_path / "out", chunk=2).folder
    first, second = unfinished(folder)
    made = [
        other_row(one, State.DONE, "", "") | {"input_sha256": image}
        for chunk, images in ((first, "ab"), (second, "ba"))
        for one, image in zip(studies_of(folder, chunk), images, strict=True)
    ]
    write_part(folder.part(first), made[:2])
    write_part(folder.part(second), made[2:])
    assert [row["duplicate_of"] for row in rows_of_table(folder)] == ["", "", "study-000002", "study-000001"]
    assert status(folder)["duplicates"] == facts_of(folder, folder.path).duplicates == 2
    assert "duplicates: 2" in septum("cohort", "status", folder.path).out
    write_page(folder, folder.path / "report.html")
    assert "2 of them with the image" in (folder.path / "report.html").read_text(encoding="utf-8")
    assert write_table(folder, folder.path / "table.parquet", sources=True) == 4
    assert duckdb.read_parquet(str(folder.path / "table.parquet")).columns[-3:] == [
        "duplicate_of", "record", "source",
    ]  # fmt: skip
