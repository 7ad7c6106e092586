"""When a study is complete: nothing has come for a while, and its source has no more of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from septum.node.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.node.audit import Audit
    from septum.node.settings import Complete
    from septum.node.states import Job
    from septum.node.store import Store


class SourceAwayError(ConnectionError):
    """The source of a study is away, so that its images cannot come; patience begins when it is back."""


@dataclass(frozen=True)
class Completion:
    """Queues studies that are complete.

    Attributes:
        settings: for how long a study must rest, and how long a disagreement is borne.
        store: of the studies.
        lacks: says of a study what is lacking of it by its source; nothing where all is there, or where the
            source does not say. It may raise :class:`ConnectionError`.
        audit: where it is logged.
        away_at: when the source of a study that waits was last found away, by the job's number.
    """

    settings: Complete
    store: Store
    lacks: Callable[[Job], str]
    audit: Audit
    away_at: dict[int, float] = field(default_factory=dict)

    def step(self) -> bool:
        """Look at all studies that wait; nothing is left to do at once."""
        for job in self.store.jobs(State.RECEIVED):
            rested_s = self.store.clock() - job.received_at
            if rested_s < self.settings.quiet_s:
                continue
            try:
                lacking = self.lacks(job)
            except SourceAwayError:
                self.away_at[job.id] = self.store.clock()
                continue
            except ConnectionError as error:
                lacking = f"its source does not say whether it is complete: {error}"
            borne_s = min(rested_s, self.store.clock() - self.away_at.get(job.id, job.received_at))
            if not lacking:
                self._move(job, State.QUEUED, "")
            elif borne_s >= self.settings.patience_s:
                self._move(job, State.FAILED, f"incomplete: {lacking}")
        return False

    def _move(self, job: Job, state: State, reason: str) -> None:
        self.away_at.pop(job.id, None)
        with self.store.together():
            now = self.store.job(job.id)
            if now.state is not State.RECEIVED or now.received_at != job.received_at:
                return  # more has come meanwhile
            self.store.move(job.id, state, reason)
        images = len(self.store.instances(job.study))
        self.audit.note("complete", job.study, job=job.id, images=images, state=state.value, reason=reason)
