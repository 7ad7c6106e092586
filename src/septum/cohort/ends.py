"""How things end: a study, a chunk, and a run that has to."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from septum.core import SeptumError


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


def as_message(report: ChunkReport) -> dict[str, Any]:
    """Reduce a report to plain values, which any engine can send."""
    return asdict(report)


def worker_name() -> str:
    """Name this process among all workers: machine and process."""
    return f"{socket.gethostname()}-{os.getpid()}"
