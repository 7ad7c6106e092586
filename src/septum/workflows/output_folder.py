"""The folder for results: whether it can be written to, and what a killed run left in it."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from septum.core import OutputError
from septum.core.files import is_folder, remove_abandoned

if TYPE_CHECKING:
    from pathlib import Path

#: Temporary files of :func:`septum.core.files.atomic_path`, and locks of cases; a write takes seconds, so
#: older ones are dead, even where there are no locks to tell.
LEFTOVERS = ".septum-*"
LEFTOVER_AGE_S = 3600.0


def check_writable(folder: Path) -> None:
    """Find out, without leaving a trace, whether files can be written into a folder or where it will be.

    Raises:
        OutputError: they cannot.
    """
    try:
        whole = folder.absolute()
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be used for results: the folder that it is counted from is gone; name it from "
            "the root."
        ) from error
    nearest = next(path for path in (whole, *whole.parents) if os.path.lexists(path))
    try:
        if not nearest.is_dir():
            what = "a file" if nearest.exists() else "a link to nothing"
            raise OutputError(
                f"{folder} cannot be used for results: expected a folder, and {nearest} is {what}; choose "
                "another folder."
            )
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be used for results: {error.strerror} in {nearest}; choose another folder."
        ) from error


def unwritable(folder: Path) -> OutputError | None:
    """Why nothing can be written into a folder that is there; what is done in it can still be reported.

    Raises:
        OutputError: it is not there, and cannot be made.
    """
    try:
        check_writable(folder)
    except OutputError as error:
        if not is_folder(folder):
            raise
        return error
    return None


def check_writable_file(path: Path) -> None:
    """The same for one file, which may be there and is then replaced. Raises :class:`OutputError`."""
    if path.is_dir():
        raise OutputError(f"{path} cannot be written: expected a file, and it is a folder; choose another.")
    check_writable(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that a killed run left in a folder. Those of a run that may live are kept."""
    for path in folder.glob(LEFTOVERS):
        with suppress(OSError):  # another run has removed it, or nobody may
            is_old = time.time() - path.lstat().st_mtime > LEFTOVER_AGE_S
            if path.is_file() and not remove_abandoned(path) and is_old:
                path.unlink()
