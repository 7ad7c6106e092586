"""The states of studies in the node's database: what follows what, what is sent once, what is tried again."""

from __future__ import annotations

import errno
import re

import pytest

from septum.node.states import STEPS, Instance, Outgoing, State, pause_s
from septum.node.store import Store
from septum.node.watches import Watches

OBJECTS = [Outgoing("2.25.1", "1.2.840", "1/a.dcm"), Outgoing("2.25.2", "1.2.840", "1/b.dcm")]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    made = Store(tmp_path / "node.sqlite", clock)
    yield made
    made.close()


def add(store, sop="1.1", sha256="a", study="1") -> bool:
    return store.add(study, Instance(sop, f"{sop}.dcm", sha256), "dimse:MR1")


def run(store) -> int:
    """A study that is being segmented."""
    add(store)
    job = store.jobs(State.RECEIVED)[-1].id
    store.move(job, State.QUEUED)
    assert store.take().id == job
    return job


def states(store) -> list[str]:
    return [job.state.value for job in store.jobs()]


def test_images_of_a_study_that_waits_are_one_version_and_one_that_repeats_is_none(store, clock):
    assert add(store)
    clock.now += 5
    assert add(store, "1.2")
    assert not add(store, "1.2")
    (job,) = store.jobs()
    assert (job.version, job.state, job.received_at) == (1, State.RECEIVED, 1005.0)
    assert [one.sop for one in store.instances("1")] == ["1.1", "1.2"]


def test_an_image_with_another_content_is_new(store):
    add(store, sha256="a")
    assert add(store, sha256="b")
    assert [one.sha256 for one in store.instances("1")] == ["b"]


def test_two_studies_at_once_are_two_jobs(store):
    assert add(store, study="1")
    assert add(store, study="2")
    assert [job.study for job in store.jobs()] == ["1", "2"]


def test_more_of_a_study_that_is_queued_lets_it_wait_again(store):
    add(store)
    store.move(1, State.QUEUED)
    add(store, "1.2")
    assert states(store) == ["received"]


def test_more_of_a_study_in_work_is_another_version_and_so_is_more_of_a_finished_one(store):
    job = run(store)
    add(store, "1.2")
    assert [(one.version, one.state.value) for one in store.jobs()] == [(1, "running"), (2, "received")]
    store.finish(job, ["key"], [], ["pacs"])
    store.move(2, State.QUEUED)
    assert store.take().version == 2


def test_more_of_a_study_that_was_given_up_replaces_that_version(store):
    add(store)
    store.move(1, State.FAILED, "incomplete")
    add(store, "1.2")
    assert states(store) == ["ignored", "received"]


@pytest.mark.parametrize("state", list(State))
def test_only_the_steps_of_the_table_can_be_taken(tmp_path, state):
    ways = {
        State.RECEIVED: [], State.QUEUED: [State.QUEUED], State.RUNNING: [State.QUEUED, State.RUNNING],
        State.DONE: [State.QUEUED, State.RUNNING, State.DONE],
        State.SENT: [State.QUEUED, State.RUNNING, State.SENT],
        State.IGNORED: [State.QUEUED, State.RUNNING, State.IGNORED], State.FAILED: [State.FAILED],
    }  # fmt: skip
    for to in State:
        store = Store(tmp_path / f"{to}.sqlite")
        add(store)
        for step in ways[state]:
            store.move(1, step)
        if to in STEPS[state]:
            store.move(1, to, "why")
            assert store.history(1)[-1][1:] == (to, "why")
        else:
            with pytest.raises(ValueError, match=str(state)):
                store.move(1, to)
            assert store.job(1).state is state
        store.close()


def test_what_a_killed_node_had_begun_is_put_back_and_given_up_after_some_attempts(store, clock):
    job = run(store)
    clock.now += 10
    assert store.recover(2) == 1
    assert (store.job(job).state, store.job(job).attempts) == (State.QUEUED, 1)
    store.take()
    store.recover(2)
    assert store.job(job).state is State.FAILED
    assert "2 times" in store.job(job).reason


def test_the_quiet_time_begins_again_with_the_node(store, clock):
    add(store)
    clock.now += 500
    store.recover(3)
    assert store.jobs()[0].received_at == 1500.0


def test_a_study_that_is_put_back_is_not_begun_before_its_time(store, clock):
    job = run(store)
    store.move(job, State.QUEUED, "no room", clock.now + 60)
    assert store.take() is None
    clock.now += 60
    assert store.take().attempts == 2


def test_an_object_is_sent_until_it_is_acknowledged_and_never_again(store):
    job = run(store)
    assert store.finish(job, ["key"], OBJECTS, ["pacs"]) == 2
    store.acknowledge("pacs", "2.25.1")
    delivery = store.due("pacs")
    assert [one.uid for one in delivery.objects] == ["2.25.2"]
    store.acknowledge("pacs", "2.25.2")
    store.delivered(delivery)
    assert (states(store), store.due("pacs"), store.unsent()) == (["sent"], None, 0)
    add(store, "1.2")
    store.move(2, State.QUEUED)
    store.take()
    assert store.finish(2, ["key"], OBJECTS, ["pacs"]) == 0
    assert (states(store), store.job_of("key")) == (["sent", "sent"], 1)


def test_a_study_is_sent_when_the_last_destination_has_it(store):
    job = run(store)
    store.finish(job, ["key"], OBJECTS, ["pacs", "web"])
    store.delivered(store.due("pacs"))
    assert states(store) == ["done"]
    store.delivered(store.due("web"))
    assert states(store) == ["sent"]


def test_a_destination_that_fails_is_tried_again_later_and_given_up_with_its_reason(store, clock):
    job = run(store)
    store.finish(job, ["key"], OBJECTS, ["pacs", "web"])
    store.postpone(store.due("pacs"), "no answer", clock.now + 5)
    assert store.due("pacs") is None
    clock.now += 5
    assert store.due("pacs").attempts == 1
    store.delivered(store.due("web"))
    store.give_up(store.due("pacs"), "2 attempts: no answer")
    assert (states(store), store.job(job).reason) == (["failed"], "pacs: 2 attempts: no answer")
    assert store.retry(job) is State.DONE
    assert (store.due("pacs").attempts, store.due("web")) == (0, None)


def test_a_study_that_failed_can_be_segmented_again_by_hand_and_one_in_work_cannot(store):
    job = run(store)
    with pytest.raises(ValueError, match="running"):
        store.retry(job)
    store.move(job, State.FAILED, "damaged")
    assert store.retry(job) is State.QUEUED
    assert store.job(job).attempts == 0


def test_images_are_forgotten_after_a_while_and_what_was_sent_is_not(store, clock):
    job = run(store)
    store.finish(job, ["key"], OBJECTS, ["pacs"])
    assert store.purge(clock.now + 1) == ([], [])  # still to be sent
    store.delivered(store.due("pacs"))
    assert store.purge(clock.now) == ([], [])
    assert store.purge(clock.now + 1) == (["1"], [job])
    assert (store.instances("1"), store.job_of("key"), store.is_ours("2.25.1")) == ([], job, True)
    assert store.purge(clock.now + 1) == ([], [])


def test_objects_that_are_no_images_count_and_begin_no_study(store):
    store.add_other("1", "1.9")
    assert (store.jobs(), store.count("1"), store.come("1"), store.waiting()) == ([], 1, {"1.9"}, 0)


def test_no_step_of_an_image_or_of_a_delivery_looks_through_a_whole_table(store):
    job, statements = run(store), set()
    store._base.set_trace_callback(statements.add)
    add(store, "1.2")
    store.add_other("1", "1.3")
    store.come("1"), store.count("1"), store.waiting(), store.is_ours("2.25.1"), store.unsent()
    store.jobs(State.RECEIVED)
    store.finish(job, ["key"], OBJECTS, ["pacs"])
    delivery = store.due("pacs")
    store.begin(delivery)
    store.acknowledge("pacs", "2.25.1")
    store.postpone(delivery, "no answer", 0.0)
    store.delivered(delivery)
    store.take()
    store._base.set_trace_callback(None)
    asked = [one for one in statements if one.split()[0] in ("SELECT", "UPDATE", "DELETE")]
    assert len(asked) > 15
    plans = {one: [row["detail"] for row in store.rows(f"EXPLAIN QUERY PLAN {one}")] for one in asked}
    whole = [
        (one, step) for one, steps in plans.items() for step in steps
        if re.search(r"SCAN (instance|other|come|job|object(?!.*object_unsent)|delivery|history)\b", step)
    ]  # fmt: skip
    assert whole == []


def test_steps_taken_together_are_all_taken_back(store):
    def halfway() -> None:
        with store.together():
            add(store)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        halfway()
    assert store.jobs() == []


def test_a_full_disk_takes_steps_back_and_is_an_error_of_the_system(store):
    add(store)
    pages = store.one("PRAGMA page_count")[0]
    store.execute(f"PRAGMA max_page_count = {pages}")
    come = 0

    def fill() -> None:
        nonlocal come
        while True:
            come += 1
            add(store, f"1.2.{come}", study=f"1.{come}")

    with pytest.raises(OSError, match="No space left") as raised:
        fill()
    assert raised.value.errno == errno.ENOSPC
    assert len(store.jobs()) == come
    assert not [job for job in store.jobs() if not store.instances(job.study)]
    store.execute(f"PRAGMA max_page_count = {pages + 100}")
    assert add(store, f"1.2.{come}", study=f"1.{come}")


def test_a_study_that_is_put_back_has_not_used_an_attempt(store):
    job = run(store)
    store.put_back(job, "no room")
    assert (states(store), store.job(job).attempts) == (["queued"], 0)


def test_another_process_reads_what_was_written(store, tmp_path):
    run(store)
    other = Store(tmp_path / "node.sqlite")
    assert states(other) == ["running"]
    other.close()


def test_a_study_of_an_archive_is_looked_at_until_its_end(store, clock):
    watches = Watches(store, "orthanc:pacs")
    assert watches.cursor() is None
    watches.advance(7)
    watches.note("abc")
    watches.note("abc", "1.2", 5, agrees=False)
    clock.now += 3
    watches.note("abc", "1.2", 5, agrees=True)
    (watch,) = watches.all()
    assert (watches.cursor(), watch.instances, watch.agrees, watch.changed_at) == (7, 5, True, 1000.0)
    watches.end("abc")
    assert (watches.all(), Watches(store, "orthanc:other").cursor()) == ([], None)


def test_pauses_double_up_to_a_limit():
    assert [pause_s(n, 5.0, 900.0) for n in (1, 2, 5, 40)] == [5.0, 10.0, 80.0, 900.0]
