"""Running units of a study: one after the other while time lasts, or several processes side by side."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Thread
from typing import TYPE_CHECKING

import torch

from septum.core import OutputError, SeptumError
from septum.core.errors import UnexpectedError
from septum.training.loop import Interrupted
from septum.training.parts import PartBusyError
from septum_study.ledger import Unit, claim
from septum_study.plan import standing, standings, to_run, today_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from septum.training.loop import Deadline
    from septum_study.bench import Bench
    from septum_study.ledger import Entry

LOGGER = logging.getLogger(__name__)
PAUSE_S = 2.0
#: Environment variable that asks for tracebacks.
DEBUG = "SEPTUM_DEBUG"


@dataclass
class UnitOutcome:
    """What a call has done.

    Attributes:
        finished: entries that were written.
        interrupted: the unit that the end of the time budget stopped; the next call goes on with it.
        failed: unit and the sentence that says why.
        busy: units that were named and that another process runs.
    """

    finished: list[Entry] = field(default_factory=list)
    interrupted: Unit | None = None
    failed: list[tuple[Unit, str]] = field(default_factory=list)
    busy: list[Unit] = field(default_factory=list)


def run_units(bench: Bench, units: Sequence[Unit], deadline: Deadline) -> UnitOutcome:
    """Run these units, in this order.

    One that fails, for whatever reason, is reported, and the others are run. A full disk, or a results folder
    that cannot be written to, would fail them all and ends the run.

    Raises:
        OutputError: a file cannot be written.
    """
    outcome = UnitOutcome()
    for unit in units:
        while (taken := _run(bench, unit, deadline, outcome)) is Taken.PART_BUSY and not outcome.interrupted:
            _wait(unit, deadline, outcome)
        if taken is Taken.BUSY:
            outcome.busy.append(unit)
        if outcome.interrupted is not None:
            break
    return outcome


def run_next(bench: Bench, deadline: Deadline, *, limit: int | None = None) -> UnitOutcome:
    """Run what comes next, each unit taken once though several processes do the same.

    Args:
        bench: the study.
        deadline: when to stop.
        limit: how many units to finish, past those that fail; ``None`` goes on while time and units last.
    """
    outcome, ended = UnitOutcome(), set[Unit]()
    while outcome.interrupted is None and (limit is None or len(outcome.finished) < limit):
        units = [u for u in to_run(standings(bench.study, bench.results), bench.max_epochs) if u not in ended]
        waiting: Unit | None = None
        for unit in units:
            taken = _run(bench, unit, deadline, outcome, if_left=True)
            if taken is Taken.RUN:
                ended.add(unit)
                break
            if taken is Taken.PART_BUSY:
                waiting = waiting or unit
        else:
            if waiting is None:
                break
            _wait(waiting, deadline, outcome)
    return outcome


def run_parallel(command: Sequence[str], count: int, prefix: Callable[[int], str]) -> int:
    """Run a command in several processes side by side, and pass on what they say.

    Args:
        command: arguments after ``python -m septum``.
        count: number of processes. Each computes with one thread, since trainings side by side give more
            than threads in one training do.
        prefix: of the lines of each process, by its number from 1.

    Returns:
        The largest exit code; of a process that a signal ended, 128 and the signal's number.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    processes = []
    try:
        for number in range(1, count + 1):
            log = subprocess.Popen(  # noqa: S603  # this very program
                [sys.executable, "-m", "septum", *command],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                env=environment,
            )  # fmt: skip
            processes.append((prefix(number), log))
        _relay(processes)
        return max(_exit_code(name, process) for name, process in processes)
    finally:
        for _, process in processes:
            if process.poll() is None:
                process.terminate()


class Taken(Enum):
    """What came of taking a unit: it was run; another process runs it; or trains a part that it shares."""

    RUN = auto()
    BUSY = auto()
    PART_BUSY = auto()


def _run(
    bench: Bench, unit: Unit, deadline: Deadline, outcome: UnitOutcome, *, if_left: bool = False
) -> Taken:
    """Run one unit if it is free, and, if asked for, only if no other process has finished it meanwhile."""
    with claim(bench.results, unit) as free:
        if not free or (if_left and not _is_left(bench, unit)):
            return Taken.BUSY
        started = time.monotonic()
        LOGGER.info("%s begins", unit)
        try:
            done = _attempt(bench, unit, deadline)
        except Interrupted:
            outcome.interrupted = unit
        except PartBusyError:
            LOGGER.info("%s waits for a part that another process trains", unit)
            return Taken.PART_BUSY
        else:
            if isinstance(done, str):
                outcome.failed.append((unit, done))
                LOGGER.info("%s failed: %s", unit, done)
                _release_memory()
            else:
                outcome.finished.append(done)
                LOGGER.info("%s is done, %.0f s", unit, time.monotonic() - started)
    return Taken.RUN


def _attempt(bench: Bench, unit: Unit, deadline: Deadline) -> Entry | str:
    """The entry of a unit, or the sentence that says why there is none."""
    try:
        return bench.run(unit, deadline)
    except (Interrupted, PartBusyError, OutputError):
        raise
    except Exception as error:  # one unit never ends a run
        if os.environ.get(DEBUG):
            LOGGER.info("%s failed here:", unit, exc_info=error)
        return _sentence(error)


def _sentence(error: Exception) -> str:
    """One sentence for the user."""
    if isinstance(error, SeptumError):
        return str(error)
    message = str(error).strip().partition("\n")[0]
    if isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "CUDA" in message and "out of memory" in message
    ):
        return "the GPU's memory is used up; run fewer processes on it (--parallel), or use one with more."
    if isinstance(error, MemoryError):
        return "the memory is used up; run fewer processes (--parallel), or use a machine with more."
    said = str(UnexpectedError.of(error)).removesuffix(".")
    return f"{said}: {message}" if message else f"{said}."


def _release_memory() -> None:
    """Give back what a failed unit has left on the GPU, once nothing refers to it any more."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()
        with suppress(RuntimeError):  # after some errors the device answers nothing more
            torch.cuda.empty_cache()


def _is_left(bench: Bench, unit: Unit) -> bool:
    """Whether a unit that this process has claimed is still to be run."""
    now = standing(unit, bench.results, today_of(bench.study, unit.row), held=True)
    return bool(to_run([now], bench.max_epochs))


def _wait(unit: Unit, deadline: Deadline, outcome: UnitOutcome) -> None:
    """Let a moment pass, or give up for this call if the time budget ends in it."""
    try:
        deadline.require(PAUSE_S)
    except Interrupted:
        outcome.interrupted = unit
    else:
        time.sleep(PAUSE_S)


def _relay(processes: Sequence[tuple[str, subprocess.Popen[str]]]) -> None:
    """Pass on each line of each process as it comes, until all have ended."""
    readers = [Thread(target=_relay_one, args=one, daemon=True) for one in processes]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()


def _relay_one(name: str, process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        with process.stdout as lines:
            for line in lines:
                LOGGER.info("%s%s", name, line.rstrip())


def _exit_code(name: str, process: subprocess.Popen[str]) -> int:
    code = process.wait()
    if code >= 0:
        return code
    LOGGER.info("%swas ended by signal %d", name, -code)
    return 128 - code
