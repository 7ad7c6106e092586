"""The C-STORE server: takes images from those on the allow list, in pieces to disk."""

from __future__ import annotations

import logging
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydicom.uid import (
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom import _config, ae, evt
from pynetdicom.presentation import AllStoragePresentationContexts

from septum.node.inbox import FullError, RefusedError
from septum.node.settings import is_allowed
from septum.node.spool import Spool, install
from septum.node.tls import server_context

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from septum.node.audit import Audit
    from septum.node.inbox import Inbox
    from septum.node.metrics import Metrics
    from septum.node.settings import Peer, Receive

_LOG = logging.getLogger(__name__)
#: Statuses of C-STORE (PS3.4, B.2.3) and reasons of rejection (PS3.8, 9.3.4).
SUCCESS, OUT_OF_RESOURCES, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
_NOT_RECOGNISED, _CONGESTED = (0x01, 0x01, 0x03), (0x02, 0x03, 0x01)
_TIMEOUT_S = 30.0
_ECHO = "1.2.840.10008.1.1"  # Verification
_PLAIN = (
    ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian,
    RLELossless,
)  # fmt: skip


class Listener:
    """A C-STORE server in threads of its own.

    Args:
        settings: where it listens, and to whom.
        inbox: where images go.
        audit, metrics: where it is logged and counted.
    """

    def __init__(self, settings: Receive, inbox: Inbox, audit: Audit, metrics: Metrics) -> None:
        self.settings, self._inbox, self._audit, self._metrics = settings, inbox, audit, metrics
        self._server: Any = None
        self._open: dict[Association, set[str]] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to listen. Raises :class:`OSError` where the port is taken."""
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # it tells identifiers
        _config.STORE_RECV_CHUNKED_DATASET = True
        install()
        entity = ae.ApplicationEntity(self.settings.ae_title)
        entity.require_called_aet = True
        entity.maximum_associations = self.settings.most_associations
        entity.maximum_pdu_size = 0
        entity.network_timeout = entity.dimse_timeout = entity.acse_timeout = _TIMEOUT_S
        entity.add_supported_context(_ECHO)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), list(_syntaxes()))
        self._server = entity.start_server(
            (self.settings.host, self.settings.port),
            block=False,
            ssl_context=None if self.settings.tls is None else server_context(self.settings.tls),
            evt_handlers=[
                (evt.EVT_REQUESTED, self._requested),
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_RELEASED, self._over, ["released"]),
                (evt.EVT_ABORTED, self._over, ["aborted"]),
                (evt.EVT_CONN_OPEN, _limit),
                (evt.EVT_CONN_CLOSE, lambda event: self._open.pop(event.assoc, None)),
            ],
        )

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()

    def is_sending(self, study: str) -> bool:
        """Tell whether somebody who has sent images of a study is still connected."""
        return any(study in studies and one.is_alive() for one, studies in list(self._open.items()))

    def _peer(self, event: Event) -> Peer | None:
        requestor = event.assoc.requestor
        called = requestor.primitive
        title, address = str(called.calling_ae_title).strip() if called else "", str(requestor.address)
        for peer in self.settings.peers:
            if peer.ae_title == title and is_allowed(address, (peer.address,)):
                return peer
        return None

    def _requested(self, event: Event) -> None:
        """Reject who is not on the list, and all while there is no room."""
        if self._peer(event) is None:
            self._metrics.add("associations_rejected_total")
            self._audit.note("rejected", address=str(event.assoc.requestor.address))
            self._reject(event, _NOT_RECOGNISED)
        elif self._inbox.is_full():
            self._audit.note("no room", address=str(event.assoc.requestor.address))
            self._reject(event, _CONGESTED)

    def _reject(self, event: Event, why: tuple[int, int, int]) -> None:
        event.assoc.acse.send_reject(*why)
        time.sleep(0.1)  # the other side reads the answer before the connection ends
        event.assoc.kill()

    def _store(self, event: Event) -> int:
        """Take in one image; the status tells the sender what became of it."""
        peer = self._peer(event)
        if peer is None:
            return NOT_UNDERSTOOD
        source = f"dimse:{peer.ae_title}"
        spool: object = getattr(event.request, "_dataset_file", None)
        if isinstance(spool, Spool) and spool.is_cut:
            self._inbox.refused(FullError("the image does not fit on the disk"), source)
            return OUT_OF_RESOURCES
        try:
            study = self._inbox.take(event.dataset_path, source)
            self._open.setdefault(event.assoc, set()).add(study)
        except FullError:
            return OUT_OF_RESOURCES
        except RefusedError:
            return NOT_UNDERSTOOD
        except Exception as error:  # noqa: BLE001  # the sender is to know that it failed, whatever it was
            self._metrics.add("loop_errors_total", part="receive")
            _LOG.error("an image could not be taken in: %s", type(error).__name__)
            return OUT_OF_RESOURCES
        return SUCCESS

    def _over(self, event: Event, how: str) -> None:
        requestor = event.assoc.requestor
        if event.assoc.is_acceptor and requestor.primitive is not None:
            title = str(requestor.primitive.calling_ae_title).strip()
            self._audit.note("association", peer=title, address=str(requestor.address), ended=how)


def _limit(event: Event) -> None:
    """Wait for no byte of a caller for ever."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.settimeout(_TIMEOUT_S)


def _syntaxes() -> tuple[str, ...]:
    """Transfer syntaxes that can be read here: compressed ones where their decoders are installed."""
    return tuple(AllTransferSyntaxes) if find_spec("pylibjpeg") is not None else _PLAIN
