"""Sending: what waits for a destination goes there, object by object, until it has all of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core.files import reason_of
from septum.node.states import pause_s

if TYPE_CHECKING:
    from pathlib import Path

    from septum.node.audit import Audit
    from septum.node.metrics import Metrics
    from septum.node.senders import Sender
    from septum.node.settings import Limits
    from septum.node.states import Delivery
    from septum.node.store import Store

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outbox:
    """Sends to one destination.

    Attributes:
        name: of the destination.
        sender: the way there.
        folder: of the objects' files.
        store: which knows what was sent.
        limits: attempts and pauses.
        audit, metrics: where it is logged and counted.
    """

    name: str
    sender: Sender
    folder: Path
    store: Store
    limits: Limits
    audit: Audit
    metrics: Metrics

    def step(self) -> bool:
        """Send what is due; whether there was anything."""
        delivery = self.store.due(self.name)
        if delivery is None:
            return False
        study = self.store.job(delivery.job).study
        try:
            files = [(one, self.folder / one.path) for one in delivery.objects]
            there = self.sender.find(files) if files and delivery.begun else set()
            for uid in there:  # of which the acknowledgement was lost
                self._stored(uid, study, delivery.job)
            files = [(one, path) for one, path in files if one.uid not in there]
            if files:  # else a node was killed after the last of them
                self.store.begin(delivery)
                self.sender.send(files, lambda uid: self._stored(uid, study, delivery.job))
        except OSError as error:  # of which errors of connections are
            self._failed(
                delivery, study, str(error) if isinstance(error, ConnectionError) else reason_of(error)
            )
            return True
        self.store.delivered(delivery)
        self.audit.note("sent", study, job=delivery.job, to=self.name, objects=len(delivery.objects))
        self._count(delivery.job)
        return True

    def _stored(self, uid: str, study: str, job: int) -> None:
        self.store.acknowledge(self.name, uid)
        self.metrics.add("objects_sent_total", destination=self.name)
        self.audit.note("stored", study, job=job, to=self.name)

    def _failed(self, delivery: Delivery, study: str, reason: str) -> None:
        attempts = delivery.attempts + 1
        self.metrics.add("send_failures_total", destination=self.name)
        self.audit.note("not sent", study, job=delivery.job, to=self.name, attempt=attempts, reason=reason)
        _LOG.warning("job %d: %s: %s", delivery.job, self.name, reason)
        if attempts >= self.limits.send_attempts:
            self.store.give_up(delivery, f"{attempts} attempts: {reason}")
            self._count(delivery.job)
            return
        wait_s = pause_s(attempts, self.limits.first_pause_s, self.limits.longest_pause_s)
        self.store.postpone(delivery, reason, self.store.clock() + wait_s)

    def _count(self, job: int) -> None:
        state = self.store.job(job).state
        if state.value in ("sent", "failed"):
            self.metrics.add("studies_total", state=state.value)
