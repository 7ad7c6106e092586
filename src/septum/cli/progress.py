"""What a run says while it goes on: a bar on a terminal, and a line for each problem anywhere."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, Self

from septum.cli.output import one_line, say_aside, say_error
from septum.workflows.events import CaseDone, Failure, FrameDone, Notice, PassedOver, Planned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from septum.workflows.events import Event


class NoBar:
    """Where nobody looks at a bar."""

    def start(self) -> None:
        """Show nothing."""

    def stop(self) -> None:
        """Take nothing away."""

    def update(self, **_: Any) -> None:
        """Change nothing."""


class Bar(NoBar):
    """A bar on the terminal; the library that draws it is loaded only then."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        name = TextColumn("{task.description}", markup=False)  # brackets in a file's name are no markup
        columns = (name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_interactive
        )
        self._task = self._progress.add_task("reading", total=None)

    def start(self) -> None:
        """Show it."""
        self._progress.start()

    def stop(self) -> None:
        """Take it away."""
        self._progress.stop()

    def update(self, **fields: Any) -> None:
        """Set what it shows, as of ``rich``."""
        self._progress.update(self._task, **fields)


def is_watched() -> bool:
    """Whether standard error is a terminal; a process may have none."""
    return isinstance(sys.stderr, io.TextIOBase) and sys.stderr.isatty()


class Narrator:
    """Tells the events of a run on standard error. Use it as a context manager.

    What the reader had to settle is often the same for every file of a folder: each such note is shown once,
    at the end, with the number of files that it holds for.

    Args:
        say_result: prints the line of a case that is done, or ``None`` for no such line.
    """

    def __init__(self, say_result: Callable[[CaseDone], None] | None = None) -> None:
        self._bar = Bar() if is_watched() else NoBar()
        self._say_result = say_result
        self._planned = self._finished = self._failed = 0
        self._begun: list[str] = []  # cases with frames that are done and no result yet, the oldest first
        self._notes: dict[str, list[Path]] = {}

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away and tell the notes, or how far an interrupted run came."""
        self._bar.stop()
        if kind is not None and issubclass(kind, KeyboardInterrupt) and self._planned:
            say_aside(
                f"{self._finished - self._failed} of {self._planned} done, {self._failed} failed, "
                f"{self._planned - self._finished} left."
            )
        if kind is None:
            for text, sources in self._notes.items():
                about = str(sources[0]) if len(sources) == 1 else f"{len(sources)} files"
                say_aside(f"{about}: {text}")

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        match event:
            case Planned(cases):
                self._planned, self._finished, self._failed = cases, 0, 0
                self._bar.update(total=cases, completed=0)
            case FrameDone(name, frame, frames):
                self._begun += [name] if name not in self._begun else []
                self._bar.update(
                    description=one_line(f"{name}, frame {frame} of {frames}" if frames > 1 else name),
                    completed=self._finished + len(self._begun) - 1 + frame / frames,
                )
            case PassedOver(text):
                say_aside(text)
                self._finish_case()
            case Notice(text):
                say_aside(text)
            case Failure(_, error):
                say_error(error)
                self._failed += 1
                self._finish_case()
            case CaseDone():
                self._tell_result(event)
                self._finish_case()

    def _tell_result(self, result: CaseDone) -> None:
        if not result.skipped:
            record = result.record
            for note in record.input.notes:
                self._notes.setdefault(note.text, []).append(result.source)
            for text in (*(flag.reason for flag in record.quality.flags), *(n.text for n in record.notes)):
                say_aside(f"{result.source}: {text}")
        if self._say_result is not None:
            self._bar.stop()  # it would catch the line, and send it to standard error
            self._say_result(result)
            self._bar.start()

    def _finish_case(self) -> None:
        self._finished += 1
        self._begun = self._begun[1:]
        self._bar.update(completed=self._finished)
