"""What a command costs as the operating system tells it: time, processor, memory, and room on disk.

Linux only. Memory is that of the command and of every process it starts: the sum of their proportional set
sizes (``Pss`` of ``/proc/PID/smaps_rollup``), in which a page that several of them share counts once. The
``ru_maxrss`` of a process that was waited for would not do: it tells of the largest process alone, and it
begins at the size of the process that started the command.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROC = Path("/proc")
#: Shortest pause between two looks at the memory, in seconds.
PAUSE_S = 0.05
#: A pause is at least this many times as long as the look before it: looking takes 4 % of one core at most.
PAUSE_RATIO = 25
#: Field of ``/proc/PID/stat`` after the command's name that holds the session.
SESSION = 3


@dataclass(frozen=True)
class Cost:
    """Of one command from its start to its end.

    Attributes:
        wall_s: from before it is started until it has ended.
        cpu_s: processor time, user and system, of it and of the processes that it has waited for.
        peak_bytes: largest sum of proportional set sizes among the looks; what comes and goes between two
            looks is missed. 0 if nobody looked.
        looks: number of looks at the memory.
        looking_s: time they took, some of it in the command's way.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    looks: int
    looking_s: float


def cost_of(
    command: Sequence[str], output: Path, env: Mapping[str, str] | None = None, *, memory: bool = True
) -> Cost:
    """Run a command to its end, in a session of its own.

    Args:
        command: program and arguments.
        output: file that takes what it prints.
        env: its whole environment, or ``None`` for this process's.
        memory: whether to look at its memory, which takes some of the machine's time.

    Raises:
        RuntimeError: it ended with an error; with the last lines of its output.
    """
    peak, looks, looking = 0, 0, 0.0
    with output.open("wb") as stream:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 (the caller's own command, without a shell)
            list(command), env=env, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
        end = os.pidfd_open(process.pid)
        try:
            pause = 0.0 if memory else None
            while not select.select([end], [], [], pause)[0]:
                before = time.perf_counter()
                peak, looks = max(peak, session_bytes(process.pid)), looks + 1
                took = time.perf_counter() - before
                looking += took
                pause = max(PAUSE_S, PAUSE_RATIO * took)
            wall = time.perf_counter() - started
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            os.close(end)
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode != 0:
        said = output.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}:\n{said}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak, looks, looking)


def session_bytes(session: int) -> int:
    """Sum of the proportional set sizes of all processes of a session."""
    return sum(_proportional_bytes(process) for process in _session_members(session))


def session_of(stat: str) -> int:
    """Session in the text of a ``/proc/PID/stat``; the command's name in it may hold blanks and brackets."""
    return int(stat.rpartition(")")[2].split()[SESSION])


def proportional_bytes(rollup: str) -> int:
    """Proportional set size in the text of a ``/proc/PID/smaps_rollup``."""
    found = re.search(r"^Pss:\s+(\d+) kB$", rollup, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def disk_bytes(folder: Path) -> int:
    """Room that a folder takes on disk, in blocks; hard links count once, symbolic ones are not followed."""
    walked = ((Path(root), folders + files) for root, folders, files in os.walk(folder))
    inside = [folder, *(root / name for root, names in walked for name in names)]
    blocks = {(stat.st_dev, stat.st_ino): stat.st_blocks for stat in map(os.lstat, inside)}
    return 512 * sum(blocks.values())


def _session_members(session: int) -> Iterator[Path]:
    for process in PROC.iterdir():
        if process.name.isdigit():
            try:
                stat = (process / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
            if session_of(stat) == session:
                yield process


def _proportional_bytes(process: Path) -> int:
    try:
        return proportional_bytes((process / "smaps_rollup").read_text(encoding="utf-8"))
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0
