"""Associations that the node asks for: with archives that it asks, and with destinations that it sends to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import ae

from septum.node.finding import FIND
from septum.node.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pynetdicom.association import Association

    from septum.node.settings import Archive, DimseDestination


@contextmanager
def associated(
    peer: Archive | DimseDestination,
    calling: str,
    classes: Sequence[str],
    *,
    timeout_s: float,
) -> Iterator[Association]:
    """Use an association.

    Args:
        peer: who is called.
        calling: AE title of who calls.
        classes: UIDs of what is asked or sent.
        timeout_s: for which an answer is waited, in seconds.

    Raises:
        ConnectionError: there is none: it does not answer, or rejects it.
    """
    entity = ae.ApplicationEntity(calling)
    entity.maximum_pdu_size = 0
    entity.network_timeout = entity.dimse_timeout = entity.acse_timeout = timeout_s
    entity.connection_timeout = timeout_s
    for one in dict.fromkeys(classes):  # questions in any way, objects as they are written
        entity.add_requested_context(one, None if one == FIND else ExplicitVRLittleEndian)
    tls = None if peer.tls is None else (client_context(peer.tls), peer.host)
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title, tls_args=tls)
    if not association.is_established:
        how = "rejects the association" if association.is_rejected else "does not answer"
        raise ConnectionError(f"{peer.ae_title} at {peer.host} port {peer.port} {how}")
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
