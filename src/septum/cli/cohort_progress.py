"""What a run over a cohort says while it goes on: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Self

from septum.cli.output import say_aside
from septum.cli.progress import Bar, NoBar, is_watched
from septum.cohort.running import Progress, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from septum.cohort.ends import StudyEnded

#: How often a line is said where nobody looks at a bar.
_EVERY_S = 30.0
_LOOK_S = 1.0
_MOST_WORKERS = 8


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end a block as Ctrl-C does: a batch system sends it when the time of a job is over."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class CohortNarrator(Watcher):
    """Tells rate and time left. Use it as a context manager.

    Args:
        studies: of the cohort.
        done: of these, before the run.
    """

    def __init__(self, studies: int, done: int) -> None:
        self._progress, self._lock, self._ended = Progress(studies, done), Lock(), Event()
        self._bar = Bar() if is_watched() else NoBar()
        self._teller = Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        """Begin to tell."""
        self._bar.start()
        self._bar.update(total=self._progress.studies, completed=self._progress.done)
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End to tell."""
        self._ended.set()
        self._teller.join()
        self._bar.stop()

    def study(self, ended: StudyEnded) -> None:
        """Count a study that has its row."""
        with self._lock:
            self._progress.note(ended)

    def say(self, text: str) -> None:
        """Tell one sentence."""
        say_aside(text)

    def line(self) -> str:
        """How far the run is, how fast, how long it takes, and what each worker does."""
        with self._lock:
            progress = self._progress
            told = f"{progress.done} of {progress.studies}"
            wrong = sum(count for state, count in progress.states.items() if state in ("failed", "set aside"))
            told += f" ({wrong} without numbers)" if wrong else ""
            told += f", {progress.rate_per_minute:.1f} a minute"
            if progress.left_s is not None and progress.done < progress.studies:
                told += f", {_duration(progress.left_s)} left"
            workers = progress.by_worker()
        if len(workers) > 1:
            shown = [f"{rate:.1f}" for rate in list(workers.values())[-_MOST_WORKERS:]]
            told += f"; of {len(workers)} workers: {', '.join(shown)}" + (
                ", ..." if len(workers) > _MOST_WORKERS else ""
            )
        return told

    def _tell(self) -> None:
        said = time.monotonic()
        while not self._ended.wait(_LOOK_S):
            if isinstance(self._bar, Bar):
                self._bar.update(description=self.line(), completed=self._progress.done)
            elif time.monotonic() - said >= _EVERY_S:
                said = time.monotonic()
                say_aside(self.line())


def _duration(seconds: float) -> str:
    """Tell a time as people do: minutes below an hour, then hours and minutes."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
