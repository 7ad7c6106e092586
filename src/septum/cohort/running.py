"""A run over chunks: how far it is, how fast, and how it ends; the engines hand their reports to it."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from septum.cohort.work import work_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from septum.cohort.ends import ChunkReport, Stop, StudyEnded

#: The rate is that of the last studies, so many at most.
_WINDOW = 500


class Progress:
    """Counts studies as they end.

    Args:
        studies: of the run.
        done: of these, before it began.
        clock: seconds.

    >>> from septum.cohort.ends import StudyEnded
    >>> seconds = iter([0.0, 30.0, 60.0, 60.0, 60.0])
    >>> progress = Progress(10, clock=lambda: next(seconds))
    >>> for number in (1, 2):
    ...     progress.note(StudyEnded(number, "", "done", "worker-1"))
    >>> progress.rate_per_minute, progress.left_s
    (2.0, 240.0)
    """

    def __init__(self, studies: int, done: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.studies, self.done, self._clock = studies, done, clock
        self.states: Counter[str] = Counter()
        self.workers: Counter[str] = Counter()
        self.began = clock()
        self._ends: deque[float] = deque([self.began], maxlen=_WINDOW)

    def note(self, ended: StudyEnded) -> None:
        """Count a study."""
        self.done += 1
        self.states[ended.state] += 1
        self.workers[ended.worker] += 1
        self._ends.append(self._clock())

    @property
    def rate_per_minute(self) -> float:
        """Studies a minute, of late; 0 before the first."""
        span = self._clock() - self._ends[0]
        return 60.0 * (len(self._ends) - 1) / span if span > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that are left at this rate; ``None`` where it is not known."""
        rate = self.rate_per_minute
        return 60.0 * (self.studies - self.done) / rate if rate else None

    def by_worker(self) -> dict[str, float]:
        """Studies a minute of each worker since the run began, the newest workers last."""
        span = max(self._clock() - self.began, 1e-9)
        return {name: 60.0 * count / span for name, count in self.workers.items()}


class Watcher(Protocol):
    """Sees what happens in a run."""

    def study(self, ended: StudyEnded) -> None:
        """A study has its row."""

    def say(self, text: str) -> None:
        """One sentence for the user, such as the address of a dashboard."""


@dataclass
class RunEnd:
    """What came of a run.

    Attributes:
        done: chunks that were done, now.
        busy: chunks that another process works on.
        left: chunks that nobody has done, since the cluster was lost.
        states: how many studies of the chunks that were done are in which state.
        stop: why the run ended before its end.
    """

    done: int = 0
    busy: int = 0
    left: int = 0
    states: Counter[str] = field(default_factory=Counter)
    stop: Stop | None = field(default=None)

    def take(self, report: ChunkReport) -> bool:
        """Count a report; whether the run goes on."""
        self.busy += report.busy
        self.done += not report.busy and report.stop is None
        self.states.update(report.states)
        self.stop = self.stop or report.stop
        return self.stop is None


def run_here(
    out: Path, chunks: Sequence[str], watcher: Watcher, work: Callable[..., ChunkReport] = work_on
) -> RunEnd:
    """Do chunks in this process, one after the other.

    Args:
        out: folder of the cohort.
        chunks: their names.
        watcher: sees what happens.
        work: does a chunk.
    """
    end = RunEnd()
    for chunk in chunks:
        if not end.take(work(out, chunk, tell=watcher.study)):
            break
    return end
