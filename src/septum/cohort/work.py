"""The work on a chunk, wherever it is done: rows from studies, and a part of the table from rows."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.cohort.folder import CohortFolder
from septum.cohort.journal import Journal
from septum.cohort.parts import write_part
from septum.cohort.plan import studies_of
from septum.cohort.rows import State, done_row, other_row, reason_of, without_names
from septum.cohort.settings import CohortFile, CohortSettings
from septum.core import InputError, OutputError, SeptumError
from septum.core.files import write_text
from septum.io.dicom.headers import quiet
from septum.workflows.case_steps import CaseSteps
from septum.workflows.events import CaseDone, Failure, PassedOver
from septum.workflows.lazy_model import LazyModel
from septum.workflows.measured_steps import MeasuredSteps
from septum.workflows.pipeline import run_pipelined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from septum.cohort.plan import PlannedStudy
    from septum.workflows.case_steps import Opened, Segmented
    from septum.workflows.cases import InputCase
    from septum.workflows.events import FrameDone, Notice

#: A study that ends its process is done again alone, in a process of its own, and set aside if it ends that
#: one. Somebody may have killed that process, or the whole job; then it is set aside after so many times
#: alone.
TRIES_UNEXPLAINED = 4
#: What reading a file ends with where the file server is gone, and not the file.
_AWAY = (
    errno.EIO,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ETIMEDOUT,
    errno.ENODEV,
)


@dataclass(frozen=True)
class Stop:
    """Why the whole run has to end: the sentence, and the exit code."""

    message: str
    exit_code: int


@dataclass(frozen=True)
class StudyEnded:
    """A study has a row now."""

    number: int
    study: str
    state: str
    worker: str


@dataclass(frozen=True)
class ChunkReport:
    """What came of a chunk.

    Attributes:
        chunk: its name.
        worker: who did it.
        states: how many of its studies are in which state.
        busy: whether another process works on it.
        stop: why the run has to end, if it has to.
    """

    chunk: str
    worker: str
    states: dict[str, int] = field(default_factory=dict)
    busy: bool = False
    stop: Stop | None = None


class Stopped(BaseException):  # no step of a case may take it for a failure of that case
    """Something that concerns every study: the work on this chunk ends, and its journal stays."""

    def __init__(self, error: SeptumError) -> None:
        super().__init__(str(error))
        self.stop = Stop(str(error), error.exit_code)


class _Watched:
    """Steps of a case that note in the journal when each is begun."""

    def __init__(self, steps: CaseSteps, journal: Journal, numbers: dict[str, int], *, alone: bool) -> None:
        self._steps, self._journal, self._numbers, self._alone = steps, journal, numbers, alone

    def open(self, case: InputCase) -> Opened | CaseDone:
        self._journal.begin(self._numbers[case.name], alone=self._alone)
        return self._steps.open(case)

    def segment(
        self, opened: Opened | CaseDone, tell: Callable[[FrameDone | Notice], None]
    ) -> Segmented | CaseDone:
        return self._steps.segment(opened, tell)

    def write(self, segmented: Segmented | CaseDone) -> CaseDone:
        return self._steps.write(segmented)


@lru_cache(maxsize=1)
def _model(settings: str) -> LazyModel:
    """The model of a cohort, loaded once in a process."""
    made = CohortSettings.model_validate_json(settings)
    return LazyModel(made.model, made.options)


def worker_name() -> str:
    """Name this process among all workers: machine and process."""
    return f"{socket.gethostname()}-{os.getpid()}"


def work_on(
    out: Path,
    chunk: str,
    *,
    tell: Callable[[StudyEnded], None] = lambda _: None,
    model: LazyModel | None = None,
    alone: Callable[[Path, str], int] | None = None,
) -> ChunkReport:
    """Do a chunk, or go on with it: rows of its studies, then its part of the table.

    What was begun before and came to no end may have ended the process. It is done first, each study alone in
    a process of its own.

    Args:
        out: folder of the cohort.
        chunk: name of the chunk.
        tell: is called when a study has its row.
        model: instead of the one that the cohort names.
        alone: does the studies that were lost, in another process; gives that process's exit code.

    Returns:
        What came of it. An error that concerns all studies is told there and not raised.
    """
    folder, worker = CohortFolder(out), worker_name()
    started = time.perf_counter()
    try:
        with folder.lock(chunk) as held:
            if not held:
                return ChunkReport(chunk, worker, busy=True)
            restore(folder, chunk)
            if folder.part(chunk).exists():
                folder.journal(chunk).unlink(missing_ok=True)
                return ChunkReport(chunk, worker)
            settings = CohortFile.read(folder.settings).settings
            studies = studies_of(folder, chunk)
            isolate_lost(folder, chunk, studies, alone or in_own_process)
            with Journal(folder.journal(chunk)) as journal:
                before = len(journal.rows)
                segment_studies(folder, chunk, studies, settings, journal, tell=tell, model=model)
                rows = list(journal.rows.values())
                write_part(folder.part(chunk), rows)
                _note_time(folder, chunk, worker, len(rows) - before, time.perf_counter() - started)
                journal.remove()
            return ChunkReport(chunk, worker, _count(rows))
    except Stopped as ended:
        return ChunkReport(chunk, worker, stop=ended.stop)
    except SeptumError as error:
        return ChunkReport(chunk, worker, stop=Stop(str(error), error.exit_code))


def isolate_lost(
    folder: CohortFolder, chunk: str, studies: Sequence[PlannedStudy], alone: Callable[[Path, str], int]
) -> None:
    """Do what was lost with its process: one study after the other, in a process of their own.

    A study that ends that process, too, is set aside. If somebody has killed it, or this process ends as
    well, the study is tried again a few times.

    Args:
        folder: of the cohort.
        chunk: name of the chunk.
        studies: of the chunk.
        alone: does the studies that were lost; gives the exit code of its process.

    Raises:
        Stopped: something concerns every study.
    """
    by_number = {one.number: one for one in studies}
    while True:
        with Journal(folder.journal(chunk)) as journal:
            for number in [n for n in journal.lost if journal.lost_alone[n] >= TRIES_UNEXPLAINED]:
                journal.add(_set_aside(by_number[number], "killed by somebody or for its memory"))
                del journal.lost[number]
            lost, before = set(journal.lost), journal.lost_alone
        if not lost:
            return
        killed_for_memory = _out_of_memory()
        code = alone(folder.path, chunk)
        explained = code not in (-signal.SIGKILL, -signal.SIGTERM) or _out_of_memory() > killed_for_memory
        with Journal(folder.journal(chunk)) as journal:
            guilty = [number for number in journal.lost if journal.lost_alone[number] > before[number]]
            if not guilty and (code > 0 or set(journal.lost) == lost):
                raise Stopped(
                    SeptumError(
                        f"chunk {chunk}: a process for single studies ended with exit code {code} and "
                        "without any; see "
                        "what it said, and run again."
                    )
                )
            for number in guilty if explained else []:
                how = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
                journal.add(_set_aside(by_number[number], how))


def _out_of_memory() -> int:
    """Count processes that the kernel has killed for want of memory, as far as it says so."""
    count = 0
    for path in (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events")):
        with suppress(OSError, ValueError):
            words = path.read_text(encoding="ascii").split()
            count += int(words[words.index("oom_kill") + 1])
    return count


def in_own_process(out: Path, chunk: str) -> int:
    """Run :mod:`septum.cohort.alone` for a chunk, and give its exit code; negative for a signal."""
    command = [sys.executable, "-m", "septum.cohort.alone", str(out), chunk, str(os.getpid())]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode  # noqa: S603  # our own


def segment_studies(
    folder: CohortFolder,
    chunk: str,
    studies: Sequence[PlannedStudy],
    settings: CohortSettings,
    journal: Journal,
    *,
    tell: Callable[[StudyEnded], None] = lambda _: None,
    model: LazyModel | None = None,
    alone: bool = False,
) -> None:
    """Segment the studies that have no row, and note their rows.

    Args:
        folder: of the cohort.
        chunk: name of the chunk.
        studies: of the chunk.
        settings: of the cohort.
        journal: of the chunk.
        tell: is called when a study has its row.
        model: instead of the one that the settings name.
        alone: do one after the other, and nothing at the same time.

    Raises:
        Stopped: something concerns every study.
        SeptumError: the model cannot be used.
    """
    left = [one for one in studies if one.number not in journal.rows]
    if not left:
        return
    model = model or _model(settings.model_dump_json())
    kind = CaseSteps if settings.writes else MeasuredSteps
    steps = kind(
        model,
        folder.studies,
        spacing_mm=settings.spacing_mm,
        indices=settings.indices,
        outputs=settings.outputs,
    )
    cases = [one.case(chunk, settings.indices) for one in left]
    by_name = {case.name: one for case, one in zip(cases, left, strict=True)}
    watched = _Watched(steps, journal, {name: one.number for name, one in by_name.items()}, alone=alone)
    ended: list[str] = []

    def note(event: Any) -> None:
        if not isinstance(event, CaseDone | Failure | PassedOver):
            return
        case = cases[len(ended)]
        study = by_name[case.name]
        row = _row(event, study, studies)
        try:
            journal.add(row)
        except OutputError as error:
            raise Stopped(error) from error
        ended.append(case.name)
        tell(StudyEnded(study.number, study.study, row["state"], worker_name()))

    try:
        with quiet():  # what libraries say may name the patient
            for some in [[case] for case in cases] if alone else [cases]:
                run_pipelined(some, watched, note)
    except BaseException:
        journal.forgive()
        raise


def _row(
    event: CaseDone | Failure | PassedOver, study: PlannedStudy, others: Sequence[PlannedStudy]
) -> dict[str, Any]:
    """The row of a study; what concerns every study is raised instead, as :class:`Stopped`."""
    if isinstance(event, CaseDone):
        return done_row(study, event.record)
    if isinstance(event, PassedOver):
        return other_row(study, State.PASSED_OVER, "MaskGivenError", without_names(event.text, study))
    error = event.error
    if isinstance(error, OutputError):
        raise Stopped(error)
    if isinstance(error, InputError) and _is_away(error, study, others):
        raise Stopped(
            InputError(
                "the studies cannot be reached: expected the folder or the file server that holds them, "
                "and nothing is "
                "there; bring it back, and run again."
            )
        )
    return other_row(study, State.FAILED, type(error).__name__, reason_of(error, study))


def _is_away(error: InputError, study: PlannedStudy, others: Sequence[PlannedStudy]) -> bool:
    """Whether not one study is missing, but all of them, or what they lie on."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in _AWAY:
        return True
    places = [Path(one.source.path) for one in others]
    return len(places) > 1 and not any(place.exists() for place in (Path(study.source.path), *places))


def _set_aside(study: PlannedStudy, how: str) -> dict[str, Any]:
    reason = (
        f"it ended its worker, and alone again ({how}): expected a study that can be read in the memory "
        "that there "
        "is; look at it by itself."
    )
    return other_row(study, State.SET_ASIDE, "WorkerLost", reason)


def restore(folder: CohortFolder, chunk: str) -> None:
    """Go on with a chunk whose part was being taken back when its process ended."""
    kept = folder.kept(chunk)
    if kept.exists():
        if folder.part(chunk).exists():
            kept.unlink()  # it is still as it was
        else:
            kept.replace(folder.journal(chunk))


def forgive(folder: CohortFolder, chunks: Sequence[str]) -> None:
    """Note in the journals of chunks that a run was ended on purpose: none of their studies is to blame.

    Args:
        folder: of the cohort.
        chunks: that the run has not done; those that another process works on are left.
    """
    for chunk in chunks:
        if folder.journal(chunk).exists():
            with suppress(SeptumError), folder.lock(chunk) as held:
                if held:
                    with Journal(folder.journal(chunk)) as journal:
                        journal.forgive()


def _note_time(folder: CohortFolder, chunk: str, worker: str, studies: int, seconds: float) -> None:
    told = {"worker": worker, "studies": studies, "seconds": round(seconds, 3)}
    write_text(folder.time(chunk), json.dumps(told) + "\n")


def _count(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + 1
    return states


def as_message(report: ChunkReport) -> dict[str, Any]:
    """Reduce a report to plain values, which any engine can send."""
    return asdict(report)
