"""A cohort on workers of Dask: killed workers, a killed scheduler, and a study that ends its worker."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")
pytest.importorskip("distributed", reason="needs septum[cohort]")
if sys.platform == "win32":
    pytest.skip("needs SIGKILL", allow_module_level=True)

from support.cohort_kills import kill_loop


def test_workers_and_the_scheduler_are_killed_and_each_study_is_in_the_table_once(tmp_path):
    found = kill_loop(tmp_path, studies=12, kills=2, chunk=4, clock_s=0.5, pause_s=0.5, whole_every=2)
    assert found["kills"] == sum(found["killed"].values()) == 2
    assert found["killed"]["scheduler"] == 1
    assert (found["rows"], found["distinct"], found["done"]) == (12, 12, 11)
    assert len(found["set_aside"]) == 1
    assert found["failed"] == []
    assert found["journals_left"] == 0
    assert found["segmented_more_than_once"] < found["kills"] * found["chunk"]
