"""How connections are encrypted: contexts of the standard library, TLS 1.2 or newer."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from septum.core import InputError

if TYPE_CHECKING:
    import socket

    from septum.node.settings import Tls


class _ServerContext(ssl.SSLContext):
    """Leaves the handshake to the thread of the connection: a silent caller keeps nobody else waiting."""

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,  # the base class's way
        do_handshake_on_connect: bool = True,  # noqa: ARG002
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Encrypt a connection, from its first bytes on."""
        return super().wrap_socket(sock, server_side, False, suppress_ragged_eofs, server_hostname, session)


def server_context(tls: Tls) -> ssl.SSLContext:
    """Make the context of a server; with authorities, callers must show a certificate.

    Raises:
        InputError: a file is missing, or is no certificate or key.
    """
    if tls.certificate is None or tls.key is None:
        raise InputError("tls: expected certificate and key, since this is a server; give both files.")
    context = _ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return _loaded(context, tls)


def client_context(tls: Tls) -> ssl.SSLContext:
    """Make the context of a client, which checks the server's certificate and name. Raises as above."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return _loaded(context, tls)


def _loaded(context: ssl.SSLContext, tls: Tls) -> ssl.SSLContext:
    try:
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key)
        if tls.authorities is not None:
            context.load_verify_locations(tls.authorities)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        named = ", ".join(str(path) for path in (tls.certificate, tls.key, tls.authorities) if path)
        raise InputError(f"tls: {named}: expected certificates and keys as PEM files ({error}).") from error
    return context
