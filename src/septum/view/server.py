"""The server: a port on this machine, an address with a token, an end by Ctrl-C."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

import uvicorn

from septum.core import OutputError
from septum.report.viewer_link import HOST, PORT
from septum.view.app import make_app

if TYPE_CHECKING:
    from septum.view.worklist import Worklist

_TRIED = 50


def free_socket(port: int | None) -> socket.socket:
    """Bind a socket on this machine alone.

    Args:
        port: that it must be; ``None``: the usual one, or the next that is free.

    Raises:
        OutputError: no port is free.
    """
    for wanted in range(PORT, PORT + _TRIED) if port is None else (port,):
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, wanted))
            bound.listen(128)
        except OSError:
            bound.close()
            continue
        return bound
    tried = f"ports {PORT} to {PORT + _TRIED - 1}" if port is None else f"port {port}"
    raise OutputError(
        f"{tried} cannot be used: expected one on which no other program answers; choose another."
    )


class Running:
    """The server of some studies, from the first connection to its end.

    Args:
        worklist: the studies.
        bound: a socket of :func:`free_socket`; connections wait until :meth:`run`.
    """

    def __init__(self, worklist: Worklist, bound: socket.socket) -> None:
        port, token = int(bound.getsockname()[1]), secrets.token_urlsafe(24)
        config = uvicorn.Config(
            make_app(worklist, port=port, token=token), log_level="error", access_log=False, lifespan="off",
            server_header=False, date_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._bound, self._server = bound, uvicorn.Server(config)
        self.address = f"http://{HOST}:{port}/?token={token}"

    def run(self) -> None:
        """Answer until the process is interrupted, or :meth:`stop` is called."""
        self._server.run(sockets=[self._bound])

    def stop(self) -> None:
        """End, from another thread."""
        self._server.should_exit = True
