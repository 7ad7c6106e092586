"""A cohort on workers of Dask: killed workers, a killed scheduler, and a study that ends its worker."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")
pytest.importorskip("distributed", reason="needs septum[cohort]")
if sys.platform == "win32":
    pytest.skip("needs SIGKILL", allow_module_level=True)

import dask

from septum.cohort import dask_engine
from septum.cohort.beginning import unfinished
from septum.cohort.dask_engine import local_cluster, run_on
from septum.core import SeptumError
from support.cohort_kills import Silent, kill_loop
from support.cohort_parts import begun, write_some


def test_workers_and_the_scheduler_are_killed_and_each_study_is_in_the_table_once(tmp_path):
    found = kill_loop(tmp_path, studies=12, kills=2, chunk=4, clock_s=0.5, pause_s=0.5, whole_every=2)
    assert found["kills"] == sum(found["killed"].values()) == 2
    assert found["killed"]["scheduler"] == 1
    assert (found["rows"], found["distinct"], found["done"]) == (12, 12, 11)
    assert len(found["set_aside"]) == 1
    assert found["failed"] == []
    assert found["journals_left"] == 0
    assert found["segmented_more_than_once"] < found["kills"] * found["chunk"]


def test_workers_that_cannot_do_the_work_end_the_run(tmp_path):
    cohort = begun(write_some(tmp_path / "in", 3), tmp_path / "out", chunk=1).folder
    with local_cluster(1) as client:
        end = run_on(client, cohort.path, unfinished(cohort), Silent(), int)  # which takes no such arguments
    assert end.stop is not None
    assert "TypeError" in end.stop.message
    assert str(tmp_path) not in end.stop.message
    assert end.done == 0


def test_a_machine_on_which_no_worker_starts_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_engine, "_KEEP_UP_S", 0.1)
    monkeypatch.setattr(dask_engine, "_MOST_FAILED", 1)
    ending = tmp_path / "ending.py"
    ending.write_text("import os\nos._exit(3)\n")
    cohort = begun(write_some(tmp_path / "in", 2), tmp_path / "out", chunk=1).folder
    preload = dask.config.set({"distributed.worker.preload": [str(ending)]})
    ends = []
    with pytest.raises(SeptumError), preload, local_cluster(1) as client:
        ends.append(run_on(client, cohort.path, unfinished(cohort), Silent()))
    assert [(end.done, end.left) for end in ends] == [(0, 2)]
