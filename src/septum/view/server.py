"""Starting the server: a port on this machine, an address with a token, an end by Ctrl-C."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

import uvicorn

from septum.core import OutputError
from septum.view.app import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.view.library import Library

HOST = "127.0.0.1"
PORT = 8642
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
        except OSError:
            bound.close()
            continue
        return bound
    tried = f"{PORT} to {PORT + _TRIED - 1}" if port is None else str(port)
    raise OutputError(
        f"port {tried} cannot be used: expected one on which no other program answers; choose another."
    )


def serve(library: Library, bound: socket.socket, ready: Callable[[str], None]) -> None:
    """Answer until the process is interrupted.

    Args:
        library: the studies.
        bound: a socket of :func:`free_socket`.
        ready: is given the address, with its token, once the server answers.
    """
    port, token = int(bound.getsockname()[1]), secrets.token_urlsafe(24)
    config = uvicorn.Config(
        make_app(library, port=port, token=token), log_level="error", access_log=False, lifespan="off",
        server_header=False, date_header=False, timeout_graceful_shutdown=2,
    )  # fmt: skip
    bound.listen(128)
    ready(f"http://{HOST}:{port}/?token={token}")
    uvicorn.Server(config).run(sockets=[bound])
