"""Cases that are read, segmented and written beside each other: what is told, when, and what ends it."""

from __future__ import annotations

from concurrent.futures import wait
from pathlib import Path
from threading import Event
from time import sleep

import pytest

from septum.core import BundleError, InputError, OutputError
from septum.core.errors import MaskGivenError, UnexpectedError
from septum.workflows import pipeline
from septum.workflows.cases import InputCase
from septum.workflows.events import Failure, PassedOver
from septum.workflows.pipeline import run_pipelined

#: A step that another waits for has begun long before; this ends a test that would hang.
SECONDS = 30


class Frame(str):
    """A frame of this case is segmented."""

    __slots__ = ()


class Steps:
    """Steps that only note the cases; what ``raised`` has for a step and case is raised there."""

    def __init__(self, raised=None):
        self.raised = raised or {}
        self.done = {"open": [], "segment": [], "write": []}

    def _step(self, name, case):
        if (name, case) in self.raised:
            raise self.raised[name, case]
        self.done[name].append(case)
        return case

    def open(self, case):
        return self._step("open", case.name)

    def segment(self, opened, tell):
        tell(Frame(opened))
        return self._step("segment", opened)

    def write(self, segmented):
        return self._step("write", segmented)


def cases(names, *, searched=False):
    return [InputCase(Path(name), name, searched) for name in names]


def outcomes_of(names, steps, **searched):
    """What becomes of each case, in order."""
    events = []
    run_pipelined(cases(names, **searched), steps, events.append)
    return [event for event in events if not isinstance(event, Frame)]


def told(outcomes):
    """What becomes of cases: their name, or that of the source and the error."""
    return [(o.source.name, type(o.error)) if isinstance(o, Failure) else o for o in outcomes]


@pytest.mark.parametrize("names", ["", "a", "ab", "abcdef"])
def test_outcomes_come_in_order_and_frames_are_told_in_the_callers_thread(names):
    steps, events = Steps(), []
    run_pipelined(cases(names), steps, events.append)
    assert [event for event in events if isinstance(event, Frame)] == list(names)
    assert [event for event in events if not isinstance(event, Frame)] == list(names)
    assert all(done == list(names) for done in steps.done.values())


@pytest.mark.parametrize("step", ["open", "segment", "write"])
@pytest.mark.parametrize("bad", ["a", "c", "e"])
def test_one_bad_case_fails_in_its_place_and_no_other_does(step, bad):
    steps = Steps({(step, bad): InputError("bad")})
    outcomes = told(outcomes_of("abcde", steps))
    assert outcomes == [(n, InputError) if n == bad else n for n in "abcde"]
    assert steps.done["write"] == [n for n in "abcde" if n != bad]


def test_an_unforeseen_error_is_told_without_its_text():
    steps = Steps({("segment", "a"): ZeroDivisionError("Somebody^Known")})
    failure, other = outcomes_of("ab", steps)
    assert isinstance(failure.error, UnexpectedError)
    assert "Somebody" not in str(failure.error)
    assert other == "b"


@pytest.mark.parametrize("searched", [True, False])
def test_a_mask_is_passed_over_where_it_was_found_and_fails_where_it_was_named(searched):
    steps = Steps({("open", "a"): MaskGivenError("a mask")})
    (outcome,) = outcomes_of("a", steps, searched=searched)
    assert isinstance(outcome, PassedOver if searched else Failure)


@pytest.mark.parametrize("bad", ["a", "b", "d"])
def test_a_result_that_cannot_be_written_ends_the_run_before_a_later_one_is_written(bad):
    steps = Steps({("write", bad): OutputError("disk full")})
    outcomes = told(outcomes_of("abcd", steps))
    before = [n for n in "abcd" if n < bad]
    assert outcomes == [*before, (bad, OutputError)]
    assert steps.done["write"] == before


def test_the_next_case_is_read_and_the_last_one_written_while_one_is_segmented():
    opened_next, wrote_last = Event(), Event()

    class Beside(Steps):
        def open(self, case):
            if case.name == "c":
                opened_next.set()
            return super().open(case)

        def segment(self, opened, tell):
            if opened == "b":
                assert opened_next.wait(SECONDS), "c is not opened while b is segmented"
                assert wrote_last.wait(SECONDS), "a is not written while b is segmented"
            return super().segment(opened, tell)

        def write(self, segmented):
            if segmented == "a":
                wrote_last.set()
            return super().write(segmented)

    assert outcomes_of("abc", Beside()) == list("abc")


@pytest.mark.parametrize("step", ["open", "segment"])
def test_an_interruption_is_raised_after_the_result_that_is_being_written(step):
    steps = Steps({(step, "b"): KeyboardInterrupt()})
    events = []
    with pytest.raises(KeyboardInterrupt):
        run_pipelined(cases("abc"), steps, events.append)
    assert [event for event in events if not isinstance(event, Frame)] == ["a"]
    assert steps.done["write"] == ["a"]


@pytest.mark.parametrize("step", ["open", "segment"])
def test_what_is_wrong_with_the_model_ends_the_run_after_that_result(step):
    steps = Steps({(step, "b"): BundleError("damaged")})
    events = []
    with pytest.raises(BundleError, match="damaged"):
        run_pipelined(cases("abc"), steps, events.append)
    assert [event for event in events if not isinstance(event, Frame)] == steps.done["write"] == ["a"]


@pytest.mark.parametrize("step", ["open", "segment", "write"])
def test_a_case_that_takes_too_much_memory_is_told_as_such(step):
    (outcome,) = outcomes_of("a", Steps({(step, "a"): MemoryError()}))
    assert isinstance(outcome.error, InputError)
    assert "memory" in str(outcome.error)


def test_a_result_is_told_with_the_next_frame_and_not_a_case_later():
    class Slow(Steps):
        def segment(self, opened, tell):
            if opened == "b":
                assert written.wait(SECONDS), "a is not written while b is segmented"
                for _ in range(1000):  # what the writer's thread needs to hand its answer over
                    tell(Frame("b1"))
                    if "a" in events:
                        break
                    sleep(SECONDS / 1000)
                assert "a" in events
            return self._step("segment", opened)

        def write(self, segmented):
            written.set()
            return super().write(segmented)

    written, events = Event(), []
    run_pipelined(cases("ab"), Slow(), events.append)
    assert [event for event in events if not isinstance(event, Frame)] == ["a", "b"]


def test_an_interruption_while_the_last_result_is_written_is_raised_after_it_is_told(monkeypatch):
    waits, events = [], []

    def interrupted(futures):
        waits.append(futures)
        if len(waits) == 1:
            raise KeyboardInterrupt
        return wait(futures)

    monkeypatch.setattr(pipeline, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_pipelined(cases("a"), Steps(), events.append)
    assert events == ["a", "a"], "its frame, and its result"
