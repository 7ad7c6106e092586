"""Writing files whole or not at all, and telling them apart by their content."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it onto ``target`` if the block succeeds.

    The temporary name keeps all suffixes of ``target``, so that writers which go by the ending work.
    On any failure the temporary file is removed and ``target`` is left as it was.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=".septum-", suffix="".join(target.suffixes[-2:]), dir=target.parent
        )
        os.close(handle)
    except OSError as error:
        raise OutputError(_cannot_write(target, error)) from error
    temporary = Path(name)
    try:
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


def write_text(target: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all. Raises :class:`OutputError`."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _cannot_write(target: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return (
        f"{target} cannot be written: {reason}. Nothing was left behind; "
        "choose another output folder or make room, and run again."
    )
