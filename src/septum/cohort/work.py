"""The work on a chunk, wherever it is done: rows from studies, and a part of the table from rows."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from septum.cohort.ends import ChunkReport, Stop, Stopped, StudyEnded, worker_name
from septum.cohort.folder import CohortFolder
from septum.cohort.isolation import in_own_process, isolate_lost
from septum.cohort.journal import Journal
from septum.cohort.parts import write_part
from septum.cohort.plan import studies_of
from septum.cohort.segmenting import segment_studies
from septum.cohort.settings import CohortFile
from septum.core import SeptumError
from septum.core.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from septum.workflows.lazy_model import LazyModel


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
        What came of it. An error that concerns all studies stands there and is not raised.
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
