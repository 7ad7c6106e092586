"""Writing files whole or not at all, and telling them apart by their content."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core.errors import NameTakenError, OutputError, Remedy

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it onto ``target`` if the block succeeds.

    The temporary name keeps all suffixes of ``target``, so that writers which go by the ending work.
    On any failure the temporary file is removed and ``target`` is left as it was. It is locked for as long
    as it is written, so that :func:`remove_abandoned` tells it from what a killed process left.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=".septum-", suffix="".join(target.suffixes[-2:]), dir=target.parent
        )
    except OSError as error:
        raise OutputError(_cannot_write(target, error)) from error
    temporary = Path(name)
    try:
        with _locked(handle):
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(target)
    except OSError as error:
        raise OutputError(_cannot_write(target, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_abandoned(temporary: Path) -> bool:
    """Remove a file that was locked by a process that is gone, as one of :func:`atomic_path`.

    Returns:
        Whether it is removed; false if its process lives, or where nobody can tell.
    """
    if sys.platform == "win32":
        return False
    try:
        with temporary.open("rb+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(stream.fileno()), temporary.stat()):
                return False  # another process has removed it, and begun to use its name
            temporary.unlink()  # while it is locked: nobody may have begun to use it
    except OSError:
        return False
    return True


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``target``; it takes the place of ``target`` if the block succeeds.

    On any failure nothing is left, and ``target`` is as it was.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".septum-", dir=target.parent, ignore_cleanup_errors=True
        ) as scratch:
            new = Path(scratch) / "new"
            new.mkdir()
            yield new
            if target.exists():
                # A folder cannot be replaced in one step; the old one steps aside only once the new is whole.
                target.rename(Path(scratch) / "old")
            new.rename(target)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written: {reason_of(error)}; make room or give another folder, "
            "and run again."
        ) from error


def check_free_folder(folder: Path, what: str, *, is_own: bool, overwrite: bool) -> None:
    """Refuse to replace a folder with something in it, unless it is such a one and may be replaced.

    Args:
        folder: that is to be written.
        what: it will be, with its article, such as ``a bundle``.
        is_own: whether the folder that is there is such a one.
        overwrite: whether such a one may be replaced.

    Raises:
        NameTakenError: something stands there.
    """
    is_empty = is_folder(folder) and not any(folder.iterdir())
    if not folder.exists() or is_empty or (overwrite and is_own):
        return
    found = what if is_own else f"something else than {what}"
    way_out = ", or allow overwriting." if is_own else "."
    raise NameTakenError(
        f"{folder} is {found}: expected a name that is free; choose another folder{way_out}",
        remedy=Remedy.OVERWRITE if is_own else None,
    )


def write_text(target: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all. Raises :class:`OutputError`.

    What is no character, as a byte of a file's name may be, is escaped.
    """
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; it is none where nobody may look, in which ``Path.is_dir`` raises."""
    return os.path.isdir(path)  # noqa: PTH112  # for that


def is_plain_file(path: Path) -> bool:
    """Whether a path is a file; it is none where nobody may look, as in :func:`is_folder`."""
    return os.path.isfile(path)  # noqa: PTH113  # for that


def is_out_of_reach(path: Path) -> bool:
    """Whether nobody may look what is at a path, since a folder above it is closed."""
    try:
        os.stat(path)  # noqa: PTH116  # as above
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def place_of(path: Path) -> Path:
    """Where a path leads from the root, by way of links as far as these lead anywhere."""
    try:
        return Path(os.path.realpath(path))
    except OSError:  # the folder that it is counted from is gone
        return Path(os.sep) / path


def reason_of(error: OSError) -> str:
    """Say why a file cannot be read or written, in the system's words.

    A library may wrap its error in another one, whose text is long.

    >>> reason_of(OSError(28, "No space left on device"))
    'No space left on device'
    """
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.strerror:
            return at.strerror
        at = at.__cause__ or at.__context__
    return next(iter(str(error).splitlines()), type(error).__name__)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _locked(handle: int) -> Iterator[None]:
    """Hold a lock on an open file, where there are locks, and close it."""
    if sys.platform == "win32":  # which renames no open file
        os.close(handle)
        yield
        return
    with open(handle, "rb"):
        with suppress(OSError):  # not every file system has them
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _cannot_write(target: Path, error: OSError) -> str:
    return (
        f"{target} cannot be written: {reason_of(error)}. Nothing is left of this file, and files that were "
        "finished before it stay; choose another output folder or make room, and run again."
    )
