"""The worker: takes one study after the other, has it segmented, and puts what came of it into the outbox."""

from __future__ import annotations

import errno
import logging
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from septum.core import BundleError, InputError, MissingExtraError, OutputError, SeptumError, Verdict
from septum.core.errors import NoStackError, UnexpectedError
from septum.core.files import write_text
from septum.inference import ModelOptions
from septum.io import content_sha256
from septum.io.dicom.headers import quiet
from septum.node.objects import key_of, write_objects
from septum.node.states import Outgoing, State, pause_s
from septum.quality.evidence import UNLIKE_IMAGES
from septum.workflows.api import segment
from septum.workflows.lazy_model import LazyModel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core import StackKind
    from septum.node.audit import Audit
    from septum.node.inbox import Inbox
    from septum.node.metrics import Metrics
    from septum.node.settings import NodeSettings
    from septum.node.states import Job
    from septum.node.store import Store
    from septum.workflows.result import Result

_LOG = logging.getLogger(__name__)
#: What is wrong with the study itself: another attempt would come to the same.
_LASTING = (InputError, BundleError, MissingExtraError, OutputError)


class Segmenter(Protocol):
    """Makes results of studies.

    Attributes:
        reads: the kind of stack that it takes of a study.
        sha256: of its bundle.
    """

    @property
    def reads(self) -> StackKind:
        """Tell which kind of stack it takes of a study."""

    @property
    def sha256(self) -> str:
        """Give the hash of its bundle."""

    def __call__(self, folder: Path) -> Result:
        """Segment the study in a folder. Raises :class:`septum.core.SeptumError`."""


class ModelSegmenter(Segmenter):
    """A model that stays loaded, used as by ``septum.segment``.

    Args:
        name: shipped model, or the folder of a bundle.
        options: how its networks run.

    Raises:
        BundleError: it cannot be used.
    """

    def __init__(self, name: str, options: ModelOptions) -> None:
        self._model = LazyModel(name, options)
        self._model.begin()  # the first study does not wait for it

    @property
    def reads(self) -> StackKind:
        """Tell which kind of stack it takes of a study."""
        return self._model.bundle.manifest.reads

    @property
    def sha256(self) -> str:
        """Give the hash of its bundle."""
        return self._model.bundle.sha256

    def wait_for_model(self) -> None:
        """Wait until the model is loaded. Raises as :class:`septum.inference.Model`."""
        self._model.loaded  # noqa: B018  # loads it

    def __call__(self, folder: Path) -> Result:
        """Segment the study in a folder. Raises as :func:`septum.segment`."""
        return segment(folder, model=self._model.loaded)


def segmenters_of(settings: NodeSettings) -> list[Segmenter]:
    """Make the segmenters that a node's file names. Raises :class:`BundleError`."""
    how = settings.segmenting
    options = ModelOptions(threads=how.threads, flips=how.flips)
    return [ModelSegmenter(name, options) for name in how.models]


@dataclass(frozen=True)
class _Made:
    """What one model made of a study."""

    key: str
    said: str
    objects: tuple[Outgoing, ...] = ()


@dataclass(frozen=True)
class Worker:
    """Segments what waits.

    Attributes:
        settings: of the node.
        store, inbox: where studies come from.
        segmenters: each takes what it reads of a study.
        audit, metrics: where it is logged and counted.
    """

    settings: NodeSettings
    store: Store
    inbox: Inbox
    segmenters: Sequence[Segmenter]
    audit: Audit
    metrics: Metrics

    def step(self) -> bool:
        """Do the study that has waited longest; whether there was one."""
        for left in self.store.jobs(State.RUNNING):  # whose end could not be noted, as on a full disk
            self.store.put_back(left.id, "its end could not be noted")
        job = self.store.take()
        if job is None:
            return False
        self.audit.note("begun", job.study, job=job.id, version=job.version, attempt=job.attempts)
        started = time.perf_counter()
        try:
            with quiet():  # what libraries say may name the patient
                self._do(job)
        except _LASTING as error:
            lasting = not isinstance(error.__cause__, OSError) or isinstance(error, BundleError)
            self._failed(job, error, lasting=lasting)
        except Exception as error:  # noqa: BLE001  # one study never ends the node
            known = error if isinstance(error, SeptumError) else UnexpectedError.anonymous(error)
            self._failed(job, known, lasting=False)
        finally:
            shutil.rmtree(self.inbox.folder / "work" / str(job.id), ignore_errors=True)
            self.metrics.add("segmenting_seconds_total", time.perf_counter() - started)
            self._tell(job)
        return True

    def _do(self, job: Job) -> None:
        work = self.inbox.gather(job)
        (work / "objects").mkdir()
        made: list[_Made] = []
        lacking = ""
        for segmenter in self.segmenters:
            try:
                made.append(self._known(job, segmenter, work) or self._new(job, segmenter, work))
            except NoStackError as error:
                lacking = lacking or self._short(str(error), work)
        if not made:
            self.store.move(job.id, State.IGNORED, f"nothing to segment: {lacking}")
            return
        outbox = self.inbox.folder / "outbox" / str(job.id)
        shutil.rmtree(outbox, ignore_errors=True)  # of an attempt that was killed before anything was sent
        outbox.parent.mkdir(exist_ok=True)
        (work / "objects").replace(outbox)
        placed = [
            Outgoing(uid=each.uid, sop_class=each.sop_class, path=f"{job.id}/{each.path}")
            for one in made
            for each in one.objects
        ]
        destinations = [to.name for to in self.settings.send]
        self.store.finish(
            job.id, [one.key for one in made], placed, destinations, "; ".join(one.said for one in made)
        )

    def _known(self, job: Job, segmenter: Segmenter, work: Path) -> _Made | None:
        """What an earlier version of the study came to, where a model would use the same images."""
        if job.version == 1:
            return None
        input_sha256 = content_sha256(work / "images", wanted=segmenter.reads)
        key = key_of(job.study, input_sha256, segmenter.sha256, self.settings.policy)
        earlier = self.store.job_of(key)
        return None if earlier is None else _Made(key, f"the same as job {earlier}")

    def _new(self, job: Job, segmenter: Segmenter, work: Path) -> _Made:
        """Segment a study, and write what is sent of it."""
        result = segmenter(work / "images")
        unlike = any(flag.key == UNLIKE_IMAGES and flag.verdict is Verdict.REJECT for flag in result.flags)
        if unlike and segmenter.reads == "late-gadolinium":  # as that of ventricles, which many studies have
            raise NoStackError("its late gadolinium is not of the kind that the model reads")
        key = key_of(job.study, result.study.sha256, segmenter.sha256, self.settings.policy)
        folder = work / "objects"
        objects = write_objects(result, folder, key, self.settings.policy)
        write_text(folder / f"{key[:16]}.json", result.record().model_dump_json(indent=2) + "\n")
        return _Made(key, f"verdict {result.verdict.value}", tuple(objects))

    def _failed(self, job: Job, error: Exception, *, lasting: bool) -> None:
        """Give a study up, or put it back for another attempt."""
        limits = self.settings.limits
        reason = self._short(str(error), self.inbox.folder / "work" / str(job.id))
        _LOG.warning("job %d: %s", job.id, reason)
        wait_s = pause_s(job.attempts, limits.first_pause_s, limits.longest_pause_s)
        if _is_for_room(error):  # which is none of its faults, and ends when there is room
            self.store.put_back(job.id, reason, self.store.clock() + wait_s)
            return
        if lasting or job.attempts >= limits.attempts:
            self.store.move(job.id, State.FAILED, reason)
            return
        self.store.move(job.id, State.QUEUED, reason, self.store.clock() + wait_s)

    def _tell(self, job: Job) -> None:
        now = self.store.job(job.id)
        self.audit.note("segmented", job.study, job=job.id, state=now.state.value, reason=now.reason)
        if now.state in (State.IGNORED, State.FAILED, State.SENT):
            self.metrics.add("studies_total", state=now.state.value)

    @staticmethod
    def _short(text: str, work: Path) -> str:
        """A message without the folder that it is about, which says nothing to anybody."""
        return text.replace(str(work / "images"), "the study").replace(str(work), "the study")


def _is_for_room(error: BaseException | None) -> bool:
    """Whether the disk was full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False
