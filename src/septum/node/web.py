"""The HTTP server: health, metrics, and STOW-RS for those who send studies that way."""

from __future__ import annotations

import hmac
import json
import tempfile
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pydicom

from septum.io.dicom.headers import quiet
from septum.node.inbox import FullError, Inbox, RefusedError
from septum.node.multipart import boundary_of, on_disk, parts
from septum.node.settings import Web, is_allowed, secret_of
from septum.node.tls import server_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.node.audit import Audit
    from septum.node.metrics import Metrics

_SOURCE = "stow"
_TEXT, _JSON, _DICOM_JSON = (
    "text/plain; version=0.0.4; charset=utf-8",
    "application/json",
    "application/dicom+json",
)
_REFERENCED, _FAILED = "00081199", "00081198"
#: Failure Reason (PS3.18, table I.2-2): out of resources, cannot understand.
_FULL, _NOT_UNDERSTOOD = 0xA700, 0xC000
_TIMEOUT_S = 60
_AGAIN_S = "120"


class WebServer:
    """An HTTP server in threads of its own.

    Args:
        settings: where it listens, and to whom.
        inbox: where images go.
        health: what is wrong with the node, by its part; all is well where it is empty.
        metrics: text of ``/metrics``.
        audit: where it is logged.
        counts: of refusals.
    """

    def __init__(
        self, settings: Web, inbox: Inbox, health: Callable[[], dict[str, str]], metrics: Callable[[], str],
        audit: Audit, counts: Metrics,
    ) -> None:  # fmt: skip
        self.settings, self.inbox, self.health, self.metrics = settings, inbox, health, metrics
        self.audit, self.counts, self.token = audit, counts, secret_of(settings.token_file)
        self._server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1]) if self._server else 0

    def start(self) -> None:
        """Begin to listen. Raises :class:`OSError` where the port is taken."""
        owner = self

        class Bound(_Handler):
            web = owner

        context = None if self.settings.tls is None else server_context(self.settings.tls)
        server = ThreadingHTTPServer((self.settings.host, self.settings.port), Bound)
        server.daemon_threads = True
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, name="web", daemon=True).start()
        self._server = server

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    web: WebServer
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S
    server_version, sys_version = "Septum", ""

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the name of the base class
        """Write nothing: a path may name a study."""

    def do_GET(self) -> None:  # the name of the base class
        """``/healthz`` and ``/metrics``."""
        if not self._may_ask():
            return
        if self.path == "/healthz":
            wrong = self.web.health()
            status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
            self._answer(status, _JSON, json.dumps({"healthy": not wrong, "wrong": wrong}) + "\n")
        elif self.path == "/metrics":
            self._answer(HTTPStatus.OK, _TEXT, self.web.metrics())
        else:
            self._answer(HTTPStatus.NOT_FOUND, _JSON, "{}")

    def do_POST(self) -> None:  # the name of the base class
        """STOW-RS: ``/studies``, or the same with the UID of a study."""
        self.close_connection = True  # a body that was not read would be taken for the next request
        if not self._may_ask():
            return
        first, *rest = self.path.strip("/").split("/")
        if not self.web.settings.stow or first != "studies" or len(rest) > 1:
            self._answer(HTTPStatus.NOT_FOUND, _JSON, "{}")
        elif not self._has_token():
            self._answer(HTTPStatus.UNAUTHORIZED, _JSON, "{}")
        elif self.web.inbox.is_full():
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, _JSON, "{}")
        else:
            self._store()

    def _store(self) -> None:
        most_bytes = self.web.settings.most_mb * 1_000_000
        try:
            boundary = boundary_of(self.headers.get("Content-Type", ""))
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(HTTPStatus.CONTINUE)
                self.end_headers()
            with on_disk(self.rfile, self.headers, self.web.inbox.incoming, most_bytes) as file:  # type: ignore[arg-type]
                taken = [self._take(content) for content in parts(file, boundary)]
        except RefusedError as error:
            self._answer(HTTPStatus.BAD_REQUEST, _JSON, json.dumps({"error": str(error)}))
            return
        except FullError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, _JSON, json.dumps({"error": str(error)}))
            return
        good = [item for reason, item in taken if not reason]
        bad = [{**item, "00081197": {"vr": "US", "Value": [reason]}} for reason, item in taken if reason]
        document = {
            key: {"vr": "SQ", "Value": items} for key, items in ((_REFERENCED, good), (_FAILED, bad)) if items
        }
        status = HTTPStatus.OK if not bad else HTTPStatus.ACCEPTED if good else HTTPStatus.CONFLICT
        if any(reason == _FULL for reason, _ in taken) and not good:
            status = HTTPStatus.SERVICE_UNAVAILABLE
        self.web.audit.note("request", address=self.client_address[0], taken=len(good), refused=len(bad))
        self._answer(status, _DICOM_JSON, json.dumps(document))

    def _take(self, content: bytes) -> tuple[int, dict[str, Any]]:
        """Take in one object: why it is refused, if it is, and how it is referred to."""
        with tempfile.NamedTemporaryFile(dir=self.web.inbox.incoming, suffix=".dcm") as file:
            file.write(content)
            file.flush()
            item = _reference(Path(file.name))
            try:
                self.web.inbox.take(Path(file.name), _SOURCE)
            except RefusedError:
                return _NOT_UNDERSTOOD, item
            except FullError:
                return _FULL, item
        return 0, item

    def _may_ask(self) -> bool:
        if is_allowed(self.client_address[0], self.web.settings.allow):
            return True
        self.web.counts.add("associations_rejected_total")
        self.web.audit.note("rejected", address=self.client_address[0])
        self.close_connection = True
        self._answer(HTTPStatus.FORBIDDEN, _JSON, "{}")
        return False

    def _has_token(self) -> bool:
        shown = self.headers.get("Authorization", "")
        return not self.web.token or hmac.compare_digest(shown.encode(), f"Bearer {self.web.token}".encode())

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", _AGAIN_S)
        self.end_headers()
        self.wfile.write(content)


def _reference(path: Path) -> dict[str, Any]:
    """Class and identifier of an object, as an answer in DICOM JSON refers to it."""
    with quiet():
        try:
            header = pydicom.dcmread(
                path, specific_tags=["SOPClassUID", "SOPInstanceUID"], stop_before_pixels=True
            )
            sop_class, sop = str(header.SOPClassUID), str(header.SOPInstanceUID)
        except Exception:  # noqa: BLE001  # there is no end to what a damaged file makes a library raise
            return {}
    return {"00081150": {"vr": "UI", "Value": [sop_class]}, "00081155": {"vr": "UI", "Value": [sop]}}
