"""What happens to the inputs of a run: done, skipped, failed; and the exit code that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import OutputError, SeptumError
from septum.core.errors import SOME_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from septum.workflows.record import Record


@dataclass(frozen=True)
class CaseDone:
    """A study whose results stand in the output folder.

    Attributes:
        name: of the case.
        source: the image.
        mask, json: the files with its results.
        record: what is in ``json``.
        outputs: what is asked for beside the mask, and stands there; of meshes, their folder.
        skipped: whether an earlier run had done all of it.
        mask_kept: whether the mask is that of an earlier run, or the user's.
        message: a sentence if something was replaced or removed that another run wrote meanwhile, else empty.
    """

    name: str
    source: Path
    mask: Path
    json: Path
    record: Record
    outputs: tuple[Path, ...] = ()
    skipped: bool = False
    mask_kept: bool = False
    message: str = ""


@dataclass(frozen=True)
class Failure:
    """An input that gave no result, and the error with its sentence and exit code."""

    source: Path
    error: SeptumError


@dataclass(frozen=True)
class Notice:
    """One sentence that is neither a result nor a failure."""

    text: str


@dataclass(frozen=True)
class PassedOver(Notice):
    """One sentence on a case that was left out, since it is no image."""


@dataclass(frozen=True)
class Planned:
    """The run knows its cases; events before this one are not about them."""

    cases: int


@dataclass(frozen=True)
class FrameDone:
    """One frame of a case is segmented; ``frame`` counts from 1."""

    name: str
    frame: int
    frames: int


#: What happens while a run goes on.
Event = Planned | Notice | FrameDone | CaseDone | Failure


@dataclass(frozen=True)
class RunSummary:
    """What came of all inputs.

    Attributes:
        results: done now or before, in order.
        failures: the others.
        notices: what was passed over, done anew or removed.
    """

    results: tuple[CaseDone, ...]
    failures: tuple[Failure, ...]
    notices: tuple[str, ...]

    @classmethod
    def of(cls, events: Iterable[Event]) -> RunSummary:
        """Sum up what has happened."""
        all_of_them = list(events)
        return cls(
            results=tuple(event for event in all_of_them if isinstance(event, CaseDone)),
            failures=tuple(event for event in all_of_them if isinstance(event, Failure)),
            notices=tuple(event.text for event in all_of_them if isinstance(event, Notice)),
        )

    @property
    def exit_code(self) -> int:
        """As in :mod:`septum.core.errors`: 1 if some failed and others did not."""
        codes = {failure.error.exit_code for failure in self.failures}
        if not codes:
            return 0
        if any(isinstance(failure.error, OutputError) for failure in self.failures):
            return OutputError.exit_code
        return codes.pop() if len(codes) == 1 and not self.results else SOME_FAILED
