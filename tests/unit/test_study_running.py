"""Units that fail, and processes side by side: what a run makes of them."""

import logging
import re
import sys
import weakref
from dataclasses import asdict, dataclass, field

import pytest
import torch

from septum.core import OutputError, RecipeError
from septum.training.loop import Deadline
from septum_study import running
from septum_study.bench import Bench
from septum_study.ledger import Entry, Unit, publish
from septum_study.plan import State, standings, today_of
from septum_study.running import run_next, run_parallel, run_units
from support.study_plan import CPU, entry_of, study_of
from support.study_results import result

ROWS = ("acdc-unet3d", "acdc-dr-unet", "acdc-vnet")
FIRST, SECOND, THIRD = (Unit(row, 0) for row in ROWS)


@dataclass
class Scripted(Bench):
    """A study that trains nothing: units fail as told, the others are entered."""

    errors: dict[Unit, BaseException] = field(default_factory=dict)
    taken: list[Unit] = field(default_factory=list)

    def run(self, unit, deadline):  # noqa: ARG002  # as Bench.run
        self.taken.append(unit)
        if unit in self.errors:
            raise self.errors[unit]
        entry = entry_of(unit.row, {"segmenter": (5, "epochs")}, unit.fold)
        today = asdict(today_of(self.study, unit.row))
        entry = entry.model_copy(update={key: today[key] for key in set(today) & set(Entry.model_fields)})
        return publish(self.results, entry, [result(unit.row, unit.fold, "patient001", "ED", "LV", 0.9)])


@pytest.fixture
def bench(tmp_path):
    return Scripted(study_of(*ROWS, folds=1), tmp_path, tmp_path / "results", tmp_path / "work", CPU)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RecipeError("this mask does not fit."), r"^this mask does not fit\.$"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "GPU's memory.*--parallel"),
        (RuntimeError("CUDA error: out of memory\nlaunch blocking"), "GPU's memory.*--parallel"),
        (MemoryError(), "memory is used up.*--parallel"),
        (
            RuntimeError("shapes (2, 3) do not fit\nat some line"),
            r"an unexpected RuntimeError: .* please report them: shapes \(2, 3\) do not fit$",
        ),
        (ValueError(), r"an unexpected ValueError: .* please report them\.$"),
    ],
)
def test_whatever_a_unit_fails_by_is_told_in_a_line_and_the_others_are_run(bench, error, said):
    bench.errors[FIRST] = error
    outcome = run_units(bench, [FIRST, SECOND], Deadline())
    assert [unit for unit, _ in outcome.failed] == [FIRST]
    assert [Unit(e.row, e.fold) for e in outcome.finished] == [SECOND]
    sentence = outcome.failed[0][1]
    assert "\n" not in sentence
    assert re.search(said, sentence)


def test_a_traceback_is_logged_only_where_it_is_asked_for(bench, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    bench.errors[FIRST] = ValueError("of two things")
    monkeypatch.delenv(running.DEBUG, raising=False)
    run_units(bench, [FIRST], Deadline())
    assert "of two things" in caplog.text
    assert "Traceback" not in caplog.text
    monkeypatch.setenv(running.DEBUG, "1")
    run_units(bench, [FIRST], Deadline())
    assert "Traceback" in caplog.text
    assert "in run\n" in caplog.text, "down to where it was raised"


@pytest.mark.parametrize("error", [OutputError("the disk is full."), KeyboardInterrupt()])
def test_what_concerns_all_units_ends_the_run(bench, error):
    bench.errors[FIRST] = error
    with pytest.raises(type(error)):
        run_units(bench, [FIRST, SECOND], Deadline())
    assert bench.taken == [FIRST]


def test_nothing_of_a_failed_unit_is_referred_to_when_memory_is_given_back(bench, monkeypatch):
    alive = []

    class Large:
        """Stands for a tensor."""

    def fail(self, unit, deadline):  # noqa: ARG001
        large = Large()
        alive.append(weakref.ref(large))
        raise torch.OutOfMemoryError("CUDA out of memory")

    freed = []
    monkeypatch.setattr(Scripted, "run", fail)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append(alive[0]() is None))
    run_units(bench, [FIRST], Deadline())
    assert freed == [True]


def test_the_next_unit_is_one_that_can_be_finished(bench):
    bench.errors[FIRST] = RecipeError("this mask does not fit.")
    for taken, finished in (([FIRST, SECOND], [SECOND]), ([FIRST, THIRD], [THIRD]), ([FIRST], [])):
        bench.taken.clear()
        outcome = run_next(bench, Deadline(), limit=1)
        assert bench.taken == taken, "and no more than one is finished"
        assert [Unit(e.row, e.fold) for e in outcome.finished] == finished
        assert outcome.failed == [(FIRST, "this mask does not fit.")]
    states = {s.unit: s.state for s in standings(bench.study, bench.results)}
    assert states == {FIRST: State.LEFT, SECOND: State.DONE, THIRD: State.DONE}


@pytest.fixture
def program(tmp_path, monkeypatch):
    """What is run in place of Python: a script of these lines."""

    def write(*lines):
        path = tmp_path / "program"
        path.write_text("\n".join((f"#!{sys.executable}", "import os, sys, time", *lines)))
        path.chmod(0o755)
        monkeypatch.setattr(running.sys, "executable", str(path))

    return write


class Answer(logging.Handler):
    """Makes a file when a line comes."""

    def __init__(self, line, file):
        super().__init__()
        self.line, self.file, self.lines = line, file, []

    def emit(self, record):
        self.lines.append(record.getMessage())
        if record.getMessage() == self.line:
            self.file.touch()


@pytest.fixture
def answer(tmp_path):
    handler = Answer("[1] second", tmp_path / "answer")
    logger, level = running.LOGGER, running.LOGGER.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_each_line_of_a_process_is_passed_on_as_it_comes(program, answer):
    program(
        "os.write(1, b'first\\nsecond\\n')  # at once, and then nothing until the second is answered",
        "give_up = time.monotonic() + 20",
        f"while not os.path.exists({str(answer.file)!r}):",
        "    if time.monotonic() > give_up: sys.exit(1)",
        "    time.sleep(0.01)",
        "print('third')",
    )
    assert run_parallel([], 1, "[{}] ".format) == 0
    assert answer.lines == ["[1] first", "[1] second", "[1] third"]


def test_processes_side_by_side_compute_with_one_thread_each(program, answer, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    program("print(os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS'])")
    assert run_parallel([], 2, "[{}] ".format) == 0
    assert sorted(answer.lines) == ["[1] 1 1", "[2] 1 1"]


def test_the_largest_exit_code_counts_also_of_a_process_that_was_killed(program, answer):
    program("print(sys.argv[1:], flush=True)", "os.kill(os.getpid(), 9)")
    assert run_parallel(["study"], 2, "[{}] ".format) == 128 + 9
    said = {"['-m', 'septum', 'study']", "was ended by signal 9"}
    assert {line[4:] for line in answer.lines} == said
    assert {line[:4] for line in answer.lines} == {"[1] ", "[2] "}
