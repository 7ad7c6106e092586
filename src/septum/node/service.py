"""The node as a whole: its parts, each in a thread, from start to stop."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from septum.core import OutputError
from septum.core.files import reason_of
from septum.core.locks import lock
from septum.node.audit import Audit, Codes
from septum.node.completion import Completion, SourceAwayError
from septum.node.delivery import Outbox
from septum.node.inbox import FullError, Inbox
from septum.node.looking import DATABASE, KEY, LOCK, LOG
from septum.node.metrics import Metrics
from septum.node.orthanc import OrthancPoller
from septum.node.senders import sender_of
from septum.node.states import ENDS, State
from septum.node.store import Store
from septum.node.web import WebServer
from septum.node.worker import Worker, segmenters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from septum.node.counting import Counting
    from septum.node.listener import Listener
    from septum.node.settings import NodeSettings
    from septum.node.states import Job
    from septum.node.worker import Segmenter

_LOG = logging.getLogger(__name__)
#: Seconds between two looks of a part that has nothing to do, and after an error.
_PAUSE_S, _AFTER_ERROR_S = 0.2, 5.0
_TIDY_S = 600.0
_DAY_S = 86_400.0
_GB = 1e9


class Loop:
    """A part of the node in a thread: it does one step after the other until it is stopped.

    Args:
        name: of the part.
        step: does something; whether there may be more at once.
        stop: ends it.
        metrics: where its errors are counted.
        pause_s: between steps that found nothing to do.
    """

    def __init__(
        self, name: str, step: Callable[[], bool], stop: Event, metrics: Metrics, pause_s: float = _PAUSE_S
    ) -> None:
        self.name, self.wrong = name, ""
        self._step, self._stop, self._metrics, self._pause_s = step, stop, metrics, pause_s
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the step that it is in, if it was ever begun."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                more, self.wrong, wait_s = self._step(), "", self._pause_s
            except (ConnectionError, FullError) as error:
                more, wait_s = False, self._after(str(error))
            except OSError as error:  # as of a full disk
                more, wait_s = False, self._after(reason_of(error))
            except Exception as error:  # noqa: BLE001  # a part goes on, whatever happened
                self._metrics.add("loop_errors_total", part=self.name)
                _LOG.exception("%s", self.name)
                more, wait_s = False, self._after(f"an unexpected {type(error).__name__}")
            if not more:
                self._stop.wait(wait_s)

    def _after(self, wrong: str) -> float:
        if wrong != self.wrong:
            _LOG.warning("%s: %s", self.name, wrong)
        self.wrong = wrong
        return _AFTER_ERROR_S


class Node:
    """A node with all its parts.

    Args:
        settings: of its file.
        segmenters: in place of the models that the settings name.

    Raises:
        OutputError: its folder cannot be used.
        BundleError: a model cannot be used.
    """

    def __init__(self, settings: NodeSettings, segmenters: Sequence[Segmenter] | None = None) -> None:
        self.settings, self.metrics, self._stop = settings, Metrics(), Event()
        data = settings.data
        _make(data)
        self.codes = Codes(data / KEY)
        self.audit = Audit(data / LOG, self.codes)
        self.store = Store(data / DATABASE)
        self.inbox = Inbox(data, self.store, self.codes, self.audit, self.metrics, settings.limits)
        self.pollers = [
            OrthancPoller(one, self.inbox, self.store, settings.complete.quiet_s) for one in settings.orthanc
        ]
        self.listener, self.counting = self._receiving()
        self.web = None if settings.web is None else WebServer(
            settings.web, self.inbox, self.health, self.metrics_text, self.audit, self.metrics
        )  # fmt: skip
        self.worker = Worker(
            settings, self.store, self.inbox, segmenters_of(settings) if segmenters is None else segmenters,
            self.audit, self.metrics,
        )  # fmt: skip
        self.outboxes = [
            Outbox(
                to.name, sender_of(to), data / "outbox", self.store, settings.limits, self.audit, self.metrics
            )
            for to in settings.send
        ]
        self._tidied_at = 0.0
        self.loops = self._loops()

    def start(self) -> None:
        """Go on where the last node stopped, and begin to take studies. Raises :class:`OutputError`."""
        left = self.store.recover(self.settings.limits.attempts)
        self.inbox.tidy()
        self.audit.note("started", left=left)
        try:
            for server in (self.listener, self.web):
                if server is not None:
                    server.start()
        except OSError as error:
            raise OutputError(
                f"the node cannot listen: {error.strerror}; see host and port in its file."
            ) from error
        for loop in self.loops:
            loop.start()

    def stop(self, patience_s: float = 30.0) -> None:
        """End: a study that is being segmented is waited for a while; else the next node begins it again."""
        self._stop.set()
        for server in (self.listener, self.web):
            if server is not None:
                server.stop()
        until = time.monotonic() + patience_s
        for loop in self.loops:
            loop.join(max(0.1, until - time.monotonic()))
        for poller in self.pollers:
            poller.close()
        for outbox in self.outboxes:
            outbox.sender.close()
        self.audit.note("stopped")
        self.audit.close()
        if not any(loop.is_alive for loop in self.loops):
            self.store.close()

    def lacks(self, job: Job) -> str:
        """Say what is lacking of a study by its source.

        Raises:
            SourceAwayError: the source is away, so that nothing of it can come.
            ConnectionError: it does not say.
        """
        for poller in self.pollers:
            if poller.source == job.source:
                if poller.is_away:
                    raise SourceAwayError(f"{poller.source} does not answer")
                agrees = poller.agrees(job.study)
                return (
                    "" if agrees is not False else "Orthanc has images of it that have not come, or gets more"
                )
        if self.listener is not None and self.listener.is_sending(job.study):
            return "its sender is still connected"
        if self.counting is not None:
            return self.counting.lacking(job.source, job.study, self.store.count(job.study))
        return ""

    def health(self) -> dict[str, str]:
        """Name the parts with which something is wrong, and what."""
        wrong = {
            loop.name: loop.wrong or "it has ended" for loop in self.loops if loop.wrong or not loop.is_alive
        }
        if self.inbox.is_full():
            wrong["disk"] = f"{self.inbox.free_bytes / _GB:.1f} GB are free"
        return wrong

    def metrics_text(self) -> str:
        """Write all numbers for Prometheus."""
        counts = self.store.counts()
        waiting = self.store.jobs(*(state for state in State if state not in ENDS))
        oldest_s = max((self.store.clock() - job.received_at for job in waiting), default=0.0)
        gauges = {
            "studies": ("Studies by state.", {f'state="{state}"': float(n) for state, n in counts.items()}),
            "objects_unsent": ("Objects that wait for a destination.", {"": float(self.store.unsent())}),
            "oldest_waiting_seconds": ("Age of the oldest study that is not finished.", {"": oldest_s}),
            "disk_free_bytes": ("Free room on the node's disk.", {"": float(self.inbox.free_bytes)}),
            "healthy": ("1 where nothing is wrong.", {"": float(not self.health())}),
        }
        return self.metrics.text(gauges)

    def _receiving(self) -> tuple[Listener | None, Counting | None]:
        """The C-STORE server, and who counts studies for it: the parts that need pynetdicom."""
        settings = self.settings.receive
        if settings is None:
            return None, None
        from septum.node.counting import Counting  # noqa: PLC0415
        from septum.node.listener import Listener  # noqa: PLC0415

        listener = Listener(settings, self.inbox, self.audit, self.metrics)
        return listener, Counting(settings, self.settings.complete.ask_s)

    def _loops(self) -> list[Loop]:
        settings = self.settings
        completion = Completion(settings.complete, self.store, self.lacks, self.audit)
        steps: list[tuple[str, Callable[[], bool], float]] = [
            ("complete", completion.step, _PAUSE_S), ("segment", self.worker.step, _PAUSE_S),
            ("tidy", self._tidy, _PAUSE_S),
        ]  # fmt: skip
        steps += [(one.source, one.step, one.settings.poll_s) for one in self.pollers]
        steps += [(f"send:{one.name}", one.step, _PAUSE_S) for one in self.outboxes]
        return [Loop(name, step, self._stop, self.metrics, pause_s) for name, step, pause_s in steps]

    def _tidy(self) -> bool:
        """Remove what has been kept long enough, every ten minutes."""
        now = self.store.clock()
        if now - self._tidied_at >= _TIDY_S:
            self._tidied_at = now
            studies, jobs = self.store.purge(now - self.settings.limits.keep_days * _DAY_S)
            self.inbox.forget(studies)
            self.inbox.sweep(_TIDY_S)
            for job in jobs:
                shutil.rmtree(self.settings.data / "outbox" / str(job), ignore_errors=True)
        return False


@contextmanager
def running(settings: NodeSettings, segmenters: Sequence[Segmenter] | None = None) -> Iterator[Node]:
    """Run a node for the length of a block; there is one at a time for a folder.

    Args:
        settings: of its file.
        segmenters: in place of the models that the settings name.

    Raises:
        OutputError: its folder cannot be used, another node uses it, or it cannot listen.
        BundleError: a model cannot be used.
    """
    _make(settings.data)
    with lock(settings.data / LOCK) as held:
        if not held:
            raise OutputError(
                f"{settings.data} is in use: expected no other node on this folder; end that one."
            )
        before = tempfile.tempdir
        tempfile.tempdir = str(settings.data / "incoming")  # where pynetdicom writes
        try:
            node = Node(settings, segmenters)
            try:
                node.start()
                yield node
            finally:
                node.stop()
        finally:
            tempfile.tempdir = before


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise OutputError(f"{folder} cannot be used as the node's folder: {error.strerror}.") from error
