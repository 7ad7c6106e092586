"""Locks between processes, which end with the process that holds them."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from septum.core.errors import OutputError

if sys.platform != "win32":
    import fcntl
else:
    import msvcrt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ATTEMPTS = 4
PAUSE_S = 0.05


@contextmanager
def lock(path: Path) -> Iterator[bool]:
    """Try to hold a lock for the length of a block, hardly waiting for it.

    Args:
        path: file that stands for what is locked; made if need be, and left where it is, since removing it
            would let two processes hold locks on different files of one name.

    Yields:
        Whether the lock is held; if not, another process holds it.

    Raises:
        OutputError: the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+b")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
    with stream:
        yield _acquired(stream.fileno())


def is_locked(path: Path) -> bool:
    """Whether another process, or another open lock of this one, holds the lock.

    Nothing is written, so that it can be asked of a folder that is only to be read. A file that is not there,
    or cannot be opened, counts as not held.
    """
    try:
        stream = path.open("rb")
    except OSError:
        return False
    with stream:
        return not _acquired(stream.fileno(), shared=True)


def _acquired(handle: int, *, shared: bool = False) -> bool:
    """Try a few times: another process may hold the lock for an instant, to see whether it is held.

    Args:
        handle: of the open file; to read is enough for a shared lock, also where files are remote.
        shared: fail only if another lock excludes this one, as a shared one does not.
    """
    for attempt in range(ATTEMPTS):
        if attempt > 0:
            time.sleep(PAUSE_S)
        try:
            if sys.platform == "win32":
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            continue
        return True
    return False
