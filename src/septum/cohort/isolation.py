"""Studies that were lost with their process: done alone, so that the one that is to blame is known."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.cohort.ends import Stopped
from septum.cohort.journal import Journal
from septum.cohort.rows import State, other_row
from septum.core import SeptumError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from septum.cohort.folder import CohortFolder
    from septum.cohort.plan import PlannedStudy

#: A study that ends its process is done again alone, in a process of its own, and set aside if it ends that
#: one. Somebody may have killed that process, or the whole job; then it is set aside after so many times
#: alone.
TRIES_UNEXPLAINED = 4
#: What a process ends with that somebody, or the kernel, has ended: SIGKILL and SIGTERM.
KILLED = (-9, -15)


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
    fruitless = 0  # processes in turn that were killed before they began a study
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
        explained = code not in KILLED or _out_of_memory() > killed_for_memory
        with Journal(folder.journal(chunk)) as journal:
            guilty = [number for number in journal.lost if journal.lost_alone[number] > before[number]]
            fruitless = 0 if guilty or set(journal.lost) != lost else fruitless + 1
            most = TRIES_UNEXPLAINED if code in KILLED else 1
            if not guilty and (code > 0 or fruitless >= most):
                raise Stopped(
                    SeptumError(
                        f"chunk {chunk}: a process for single studies ended with exit code {code} and "
                        "without any; see what it said, and run again."
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


def _set_aside(study: PlannedStudy, how: str) -> dict[str, Any]:
    reason = (
        f"it ended its worker, and alone again ({how}): expected a study that can be read in the memory that "
        "there is; look at it by itself."
    )
    return other_row(study, State.SET_ASIDE, "WorkerLost", reason)


def in_own_process(out: Path, chunk: str) -> int:
    """Run :mod:`septum.cohort.alone` for a chunk, and give its exit code; negative for a signal."""
    command = [sys.executable, "-m", "septum.cohort.alone", str(out), chunk, str(os.getpid())]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode  # noqa: S603  # our own
