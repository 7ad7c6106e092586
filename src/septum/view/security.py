"""Who may speak to the server: this machine alone, with the token, from the server's own page.

It is a web server on a doctor's machine. Any page in a browser there can send requests to it, and any name
can be made to point to 127.0.0.1 (DNS rebinding). So the host is checked, the origin of each change, and a
token that only the terminal shows.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from septum.view.answers import refusal
from septum.view.errors import RefusedError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes of a request: the runs of a whole cine fit in.
MOST_BYTES = 32 * 1024 * 1024
_READING = frozenset({"GET", "HEAD"})
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NO_COOKIE = (
    "This page belongs to a viewer that somebody started on this machine. Open it by the address, with its "
    "token, that `septum view` printed in the terminal."
)


class Guard:
    """Lets a request pass, or answers it.

    Args:
        app: what is guarded.
        port: of the server.
        token: that the address has.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self.app, self.token, self.cookie = app, token, f"septum-{port}"
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.origins = frozenset(f"http://{host}" for host in self.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on with a limit on what is read and the headers that every answer has."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/api") or "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        answer = self._answer(scope)
        if answer is not None:
            await answer(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """The answer to a request that may not pass."""
        headers, method = Headers(scope=scope), scope["method"]
        if headers.get("host", "") not in self.hosts:
            return _refused("The host of the request is not this viewer's.", "foreign_host", 403)
        if self._is_foreign(headers, reads=method in _READING):
            return _refused("The request comes from another page than this viewer's.", "foreign_origin", 403)
        given = _token_in(scope)
        if given is not None and method in _READING and scope["path"] == "/":
            return self._exchanged(given)
        if self._is_known(headers):
            return None if method in _READING else _unfit(headers)
        return _refused(_NO_COOKIE, "no_token", 403) if scope["path"].startswith("/api") else _unknown()

    def _is_foreign(self, headers: Headers, *, reads: bool) -> bool:
        """Whether another page sent it. A browser says where a change comes from; programs need not."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None and origin not in self.origins:
            return True
        if reads:
            return site not in ("none", "same-origin") and headers.get("sec-fetch-mode") != "navigate"
        return site not in ("none", "same-origin")

    def _is_known(self, headers: Headers) -> bool:
        cookies = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        given = next((value for name, _, value in cookies if name == self.cookie), "")
        return secrets.compare_digest(given.encode(), self.token.encode())

    def _exchanged(self, given: str) -> Response:
        """The address without its token, which is a cookie from then on."""
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return _unknown()
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="lax", path="/")
        return answer


def _unknown() -> Response:
    return PlainTextResponse(_NO_COOKIE, 403)


def _unfit(headers: Headers) -> Response | None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return _refused("A change is JSON: expected the content type application/json.", "not_json", 415)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST_BYTES:
        return _refused(f"The request is too large: expected {MOST_BYTES} bytes at most.", "too_large", 413)
    return None


def _token_in(scope: Scope) -> str | None:
    from urllib.parse import parse_qs  # noqa: PLC0415  # of one request

    found = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    return None if found is None else found[0]


def _refused(text: str, key: str, status: int) -> Response:
    return refusal(RefusedError(text, key, status))
