"""Locks between processes, which end with the process that holds them."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

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


@contextmanager
def passing_lock(path: Path, patience_s: float) -> Iterator[bool]:
    """Hold a lock for the length of a block, after waiting for it, and leave no file.

    The file is removed while it is locked, and a lock on a file that has lost its name counts for nothing.
    Where the file system has no locks, nobody is kept out.

    Args:
        path: file that stands for what is locked.
        patience_s: how long another process, or another block of this one, is waited for.

    Yields:
        Whether the lock is held; if not, another has held it all the time.

    Raises:
        OutputError: the file cannot be made.
    """
    until = time.monotonic() + patience_s
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while (stream := _held(path)) is None and time.monotonic() < until:
            time.sleep(PAUSE_S)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be written to: {error.strerror or error}.") from error
    if stream is None:
        yield False
        return
    with stream:
        try:
            yield True
        finally:
            if sys.platform == "win32":
                stream.close()  # nobody can remove a file that is open
            with suppress(OSError):
                path.unlink()


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


def _held(path: Path) -> BinaryIO | None:
    """The file, open and locked, if nobody else holds it and it has its name."""
    stream = path.open("a+b")
    try:
        if sys.platform == "win32":
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        stream.close()
        return None
    except OSError:  # not every file system has locks
        return stream
    with suppress(FileNotFoundError):  # whoever held it has removed it just now
        if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            return stream
    stream.close()
    return None


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
