"""Requests to archives over one kept connection, with the standard library."""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from septum.node.settings import Login, secret_of
from septum.node.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_S = 60.0


class HttpError(ConnectionError):
    """A server does not answer, or not as is needed.

    Attributes:
        status: of its answer; 0 where there is none.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class HttpClient:
    """One connection to a server, made when it is needed and again when it was closed.

    Args:
        url: root of all paths.
        login: how it shows who it is.
    """

    def __init__(self, url: str, login: Login) -> None:
        parts = urlsplit(url)
        self._secure, self._host = parts.scheme == "https", parts.hostname or ""
        self._port, self._root, self._login = parts.port, parts.path.rstrip("/"), login
        self._name = f"{self._host}:{self._port or (443 if self._secure else 80)}"
        self._connection: http.client.HTTPConnection | None = None
        self._lock = Lock()

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:  # fmt: skip
        """Send a request; status and body of the answer.

        Args:
            method: such as ``GET``.
            path: below the root.
            body: what is sent.
            headers: beside those of the login.

        Raises:
            HttpError: the server does not answer.
        """
        sent = {**self._identity(), **(headers or {})}
        with self._lock:
            fresh = self._connection is None
            try:
                return self._exchange(method, path, body, sent)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if fresh:
                    raise HttpError(f"{self._name} does not answer ({_reason(error)})") from error
            try:  # the server may have closed a connection that was idle
                return self._exchange(method, path, body, sent)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                raise HttpError(f"{self._name} does not answer ({_reason(error)})") from error

    def get(self, path: str) -> bytes:
        """Fetch something. Raises :class:`HttpError`, also for any status but 200."""
        status, content = self.call("GET", path)
        if status != http.HTTPStatus.OK:
            raise HttpError(f"{self._name} answers with status {status}", status)
        return content

    def json(self, path: str) -> Any:
        """Fetch a JSON document. Raises as :meth:`get`."""
        try:
            return json.loads(self.get(path))
        except ValueError as error:
            raise HttpError(f"{self._name} answers with something that is no JSON") from error

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._drop()

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        if self._connection is None:
            if self._secure:
                context = client_context(self._login.tls) if self._login.tls else None
                self._connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=_TIMEOUT_S, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        self._connection.request(method, self._root + path, body, dict(headers))
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _identity(self) -> dict[str, str]:
        if self._login.token_file is not None:
            return {"Authorization": f"Bearer {secret_of(Path(self._login.token_file))}"}
        if self._login.user:
            plain = f"{self._login.user}:{secret_of(self._login.password_file)}"
            return {"Authorization": f"Basic {base64.b64encode(plain.encode()).decode()}"}
        return {}


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
