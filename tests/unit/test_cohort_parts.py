"""The parts of a cohort's table: what a row may hold."""

from __future__ import annotations

import errno
import os

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

import duckdb

from septum.cohort.parts import is_full, write_part
from septum.cohort.rows import TYPES, State
from septum.core import OutputError
from septum.core.errors import UnexpectedError
from support.full_disk import full_disk


def test_a_part_holds_where_a_value_lies_among_healthy_people(tmp_path):
    places = {name: "cannot_tell" for name in TYPES if name.endswith("_place")}
    assert places
    row = {**dict.fromkeys(TYPES), "study": "a", "number": 1, "state": State.DONE.value, **places}
    write_part(tmp_path / "part.parquet", [row])
    query = f"SELECT {', '.join(places)} FROM '{tmp_path / 'part.parquet'}'"  # noqa: S608  # our own names
    with duckdb.connect() as base:
        assert base.execute(query).fetchall() == [tuple(places.values())]


def test_only_a_disk_without_room_asks_for_room(tmp_path):
    number = {**dict.fromkeys(TYPES), "study": "a", "number": 1, "state": State.DONE.value}
    with pytest.raises(UnexpectedError) as told:
        write_part(tmp_path / "part.parquet", [number | {"lv_ef_percent": "no number"}])
    assert "room" not in str(told.value)
    with full_disk(10), pytest.raises(OutputError, match="room"):
        write_part(tmp_path / "part.parquet", [number])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("system", [errno.ENOSPC, errno.EDQUOT])
def test_the_database_tells_of_a_full_disk_in_the_words_of_the_system(system):
    told = f'Could not write file "a": {os.strerror(system)}'
    assert is_full(duckdb.IOException(told))
    assert not is_full(duckdb.IOException('Could not read from file "a": Input/output error'))
    assert not is_full(duckdb.BinderException(told))
