"""Studies that were lost with their process are done alone, and blamed only if they end that, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

from septum.cohort.beginning import unfinished
from septum.cohort.ends import Stopped
from septum.cohort.isolation import TRIES_UNEXPLAINED, isolate_lost
from septum.cohort.journal import Journal
from septum.cohort.plan import studies_of
from support.cohort_parts import begun, write_some

if TYPE_CHECKING:
    from septum.cohort.folder import CohortFolder

SIGSEGV, SIGKILL = 11, 9


@pytest.fixture
def cohort(tmp_path) -> CohortFolder:
    return begun(write_some(tmp_path / "in", 7), tmp_path / "out", chunk=3).folder


def test_studies_that_were_lost_are_done_alone_and_the_guilty_one_is_set_aside(cohort):
    chunk = unfinished(cohort)[0]
    first, second, _ = studies_of(cohort, chunk)
    with Journal(cohort.journal(chunk)) as journal:
        journal.begin(first.number)
        journal.begin(second.number)

    def alone(_, chunk):
        with Journal(cohort.journal(chunk)) as journal:
            assert set(journal.lost) == {first.number, second.number}
            journal.begin(first.number, alone=True)
            journal.add({"number": first.number, **dict.fromkeys(("state", "study"), "done")})
            journal.begin(second.number, alone=True)
        return -SIGSEGV

    isolate_lost(cohort, chunk, studies_of(cohort, chunk), alone)
    with Journal(cohort.journal(chunk)) as journal:
        assert journal.rows[second.number]["state"] == "set aside"
        assert not journal.lost


def test_a_study_is_not_blamed_when_somebody_kills_its_process_now_and_then(cohort):
    chunk = unfinished(cohort)[0]
    number = studies_of(cohort, chunk)[0].number
    with Journal(cohort.journal(chunk)) as journal:
        journal.begin(number)
    kills = []

    def alone(_, chunk):
        kills.append(1)
        with Journal(cohort.journal(chunk)) as journal:
            journal.begin(number, alone=True)
        return -SIGKILL

    isolate_lost(cohort, chunk, studies_of(cohort, chunk), alone)
    assert len(kills) == TRIES_UNEXPLAINED
    with Journal(cohort.journal(chunk)) as journal:
        assert journal.rows[number]["state"] == "set aside"


@pytest.mark.parametrize("kills", [TRIES_UNEXPLAINED - 1, TRIES_UNEXPLAINED])
def test_a_process_that_is_killed_before_it_begins_a_study_is_started_a_few_times(cohort, kills):
    chunk = unfinished(cohort)[0]
    number = studies_of(cohort, chunk)[0].number
    with Journal(cohort.journal(chunk)) as journal:
        journal.begin(number)
    codes = [*[-SIGKILL] * kills, 0]

    def alone(_, chunk):
        code = codes.pop(0)
        if code == 0:
            with Journal(cohort.journal(chunk)) as journal:
                journal.begin(number, alone=True)
                journal.add({"number": number, **dict.fromkeys(("state", "study"), "done")})
        return code

    if kills < TRIES_UNEXPLAINED:
        isolate_lost(cohort, chunk, studies_of(cohort, chunk), alone)
        with Journal(cohort.journal(chunk)) as journal:
            assert journal.rows[number]["state"] == "done"
    else:
        with pytest.raises(Stopped):
            isolate_lost(cohort, chunk, studies_of(cohort, chunk), alone)
        assert codes == [0]
