"""The parts of a cohort's table: what a row may hold."""

from __future__ import annotations

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

import duckdb

from septum.cohort.parts import write_part
from septum.cohort.rows import TYPES, State


def test_a_part_holds_where_a_value_lies_among_healthy_people(tmp_path):
    places = {name: "cannot_tell" for name in TYPES if name.endswith("_place")}
    assert places
    row = {**dict.fromkeys(TYPES), "study": "a", "number": 1, "state": State.DONE.value, **places}
    write_part(tmp_path / "part.parquet", [row])
    query = f"SELECT {', '.join(places)} FROM '{tmp_path / 'part.parquet'}'"  # noqa: S608  # our own names
    with duckdb.connect() as base:
        assert base.execute(query).fetchall() == [tuple(places.values())]
