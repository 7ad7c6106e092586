"""A node for tests: its settings, a segmenter that needs no network, and peers that send and take."""

from __future__ import annotations

import hashlib
import socket
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, Segmentation
from septum.io.dicom.reading import read_dicom_study
from septum.node.service import running
from septum.node.settings import NodeSettings
from septum.node.worker import Segmenter
from septum.workflows.api import measure
from support.dicom_study import heart

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 90.0
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


class TruthSegmenter(Segmenter):
    """Gives the phantom's true mask, at once."""

    reads = "cine"
    sha256 = "0" * 64

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path):
        self.calls += 1
        study = read_dicom_study(folder)
        frames, slices = study.cine.array.shape[:2]
        labels = np.asarray(heart(frames, slices).truth.labels)
        return measure(Segmentation(labels, study.cine.geometry, VENTRICLES), image=study)


class AtriumSegmenter(TruthSegmenter):
    """Gives a ball amid the stack after late gadolinium, at once."""

    reads = "late-gadolinium"
    sha256 = "1" * 64

    def __call__(self, folder: Path):
        self.calls += 1
        study = read_dicom_study(folder, wanted="late-gadolinium")
        z, y, x = (at - n / 2 for at, n in zip(np.ogrid[:5, :68, :72], (5, 68, 72), strict=True))
        ball = (10 * z / 25) ** 2 + (3 * y / 25) ** 2 + (3 * x / 25) ** 2 < 1
        labels = ball[None].astype(np.uint8)
        return measure(Segmentation(labels, study.cine.geometry, LEFT_ATRIUM), image=study)


def settings_of(folder: Path, **changes: Any) -> NodeSettings:
    """A node that takes studies by C-STORE from this machine and is quick to find them complete."""
    content: dict[str, Any] = {
        "data": folder / "node",
        "receive": {"host": "127.0.0.1", "port": 0, "peers": [{"ae_title": "MR1", "address": "127.0.0.1"}]},
        "complete": {"quiet_s": 0.5, "patience_s": 1.5},
        "limits": {"least_free_gb": 0.0, "first_pause_s": 0.1, "longest_pause_s": 0.2},
    }
    return NodeSettings.model_validate(content | changes)


@contextmanager
def node_of(settings: NodeSettings, *segmenters: Segmenter) -> Iterator[Any]:
    with running(settings, segmenters or [TruthSegmenter()]) as node:
        yield node


class Peer:
    """A C-STORE server that keeps what it is sent, by UID; it can be asked for the count of a study.

    Attributes:
        got: (UID, hash of the data) of every object, as often as it came.
        found: path of each object.
        asked: the level of every question.
    """

    def __init__(self, folder: Path, context: ssl.SSLContext | None = None) -> None:
        from pynetdicom import AE, evt
        from pynetdicom.presentation import AllStoragePresentationContexts

        self.folder, self.got, self.found, self.refuse, self._lock = folder, [], {}, 0, Lock()
        self.counts: dict[str, int] = {}
        self.asked: list[str] = []
        self._associations: list[Any] = []
        folder.mkdir(parents=True, exist_ok=True)
        entity = AE("PACS")
        entity.supported_contexts = AllStoragePresentationContexts
        entity.add_supported_context(FIND)
        self.server = entity.start_server(
            ("127.0.0.1", 0), block=False, ssl_context=context,
            evt_handlers=[
                (evt.EVT_C_STORE, self._store), (evt.EVT_C_FIND, self._find),
                (evt.EVT_CONN_OPEN, lambda event: self._associations.append(event.assoc)),
            ],
        )  # fmt: skip

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def destination(self) -> dict[str, Any]:
        return {"kind": "dimse", "name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": self.port}

    def close(self) -> None:
        self.server.shutdown()
        for association in self._associations:
            _close(association)

    def modalities(self) -> list[str]:
        return sorted(pydicom.dcmread(path).Modality for path in self.found.values())

    def _store(self, event) -> int:
        if self.refuse:
            self.refuse -= 1
            return 0xA700
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        uid = dataset.SOPInstanceUID
        path = self.folder / f"{uid}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        with self._lock:
            self.got.append((uid, hashlib.sha256(path.read_bytes()).hexdigest()))
            self.found[uid] = path
        return 0x0000

    def _find(self, event):
        answer, asked = pydicom.Dataset(), event.identifier
        self.asked.append(asked.QueryRetrieveLevel)
        answer.StudyInstanceUID = asked.StudyInstanceUID
        if asked.QueryRetrieveLevel == "IMAGE":
            answer.SOPInstanceUID = asked.SOPInstanceUID
            if asked.SOPInstanceUID in self.found:
                yield 0xFF00, answer
            return
        answer.NumberOfStudyRelatedInstances = self.counts.get(answer.StudyInstanceUID, 0)
        yield 0xFF00, answer


@contextmanager
def peer_at(folder: Path, context: ssl.SSLContext | None = None) -> Iterator[Peer]:
    peer = Peer(folder, context)
    try:
        yield peer
    finally:
        peer.close()


def send(
    port: int,
    objects: list[Any],
    calling: str = "MR1",
    called: str = "SEPTUM",
    tls: ssl.SSLContext | None = None,
) -> list[int | None]:
    """Send objects in one association; the status of each. Without an association there is none."""
    from pynetdicom import AE

    entity = AE(calling)
    for sop_class, syntax in {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in objects}:
        entity.add_requested_context(sop_class, syntax)
    association = entity.associate(
        "127.0.0.1", port, ae_title=called, tls_args=None if tls is None else (tls, "localhost")
    )
    if not association.is_established:
        _close(association)
        return []
    statuses = []
    try:
        for one in objects:
            status = association.send_c_store(one).get("Status")
            statuses.append(status)
    except RuntimeError:  # the other side is gone
        return statuses
    finally:
        association.release()
        _close(association)
    return statuses


def _close(association: Any) -> None:
    """Close what pynetdicom leaves open where the other side was killed."""
    kept = association.dul.socket
    if kept is not None and kept.socket is not None:
        kept.socket.close()


def wait_for(true: Any, what: str = "", patience_s: float = PATIENCE_S) -> None:
    """Until something is true."""
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"never true: {what or true}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def needs_pynetdicom() -> None:
    pytest.importorskip("pynetdicom", reason="needs septum[node]")
