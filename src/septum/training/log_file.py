"""Keep what a training says in a file, too."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from septum.core import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Loggers of everything that trains.
LOGGERS = ("septum", "septum_study")


@contextmanager
def log_into(file: Path) -> Iterator[None]:
    """Append all messages of the block to a file, each with its time; what stands in it stays.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputError(
            f"{file} cannot be written: {error.strerror or error}; choose another folder or make room, and "
            "run again."
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        if not logger.isEnabledFor(logging.INFO):
            logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()
        with suppress(OSError):  # where nothing was said, no run was begun, and none is left
            if not file.stat().st_size:
                file.unlink()
                file.parent.rmdir()
