"""What a run says while it goes on: a bar on a terminal, and a line for each problem anywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from septum.cli.output import say_aside, say_error
from septum.workflows.outcomes import Failure, FrameDone, Notice, PassedOver, Planned, StudyResult

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from septum.workflows.outcomes import Event


class Narrator:
    """Tells the events of a run on standard error. Use it as a context manager.

    What the reader had to settle is often the same for every file of a folder: each such note is told once,
    at the end, with the number of files that it holds for.
    """

    def __init__(self) -> None:
        name = TextColumn("{task.description}", markup=False)  # brackets in a file's name are no markup
        columns = (name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        )
        self._task = self._bar.add_task("reading", total=None)
        self._done = 0.0
        self._notes: dict[str, list[Path]] = {}

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away and, of a run that came to its end, tell the notes."""
        self._bar.stop()
        if kind is None:
            for text, sources in self._notes.items():
                about = str(sources[0]) if len(sources) == 1 else f"{len(sources)} files"
                say_aside(f"{about}: {text}")

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        match event:
            case Planned(cases):
                self._bar.update(self._task, total=cases)
            case FrameDone(name, frame, frames):
                self._bar.update(
                    self._task,
                    description=f"{name}, frame {frame} of {frames}" if frames > 1 else name,
                    completed=self._done + frame / frames,
                )
            case PassedOver(text):
                say_aside(text)
                self._finish_case()
            case Notice(text):
                say_aside(text)
            case Failure(_, error):
                say_error(error)
                self._finish_case()
            case StudyResult():
                if not event.skipped:
                    for text in event.record.input.notes:
                        self._notes.setdefault(text, []).append(event.source)
                    for text in event.record.warnings:
                        say_aside(f"{event.source}: {text}")
                self._finish_case()

    def _finish_case(self) -> None:
        self._done += 1.0
        self._bar.update(self._task, completed=self._done)
