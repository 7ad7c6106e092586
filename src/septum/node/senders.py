"""Ways out: C-STORE, STOW-RS and Orthanc's REST interface. Each object is acknowledged by itself.

Before a delivery is tried again its destination is asked what it has: an acknowledgement may have been lost.
"""

from __future__ import annotations

import json
import secrets
from abc import abstractmethod
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import pydicom

from septum.io.dicom.headers import quiet
from septum.node.finding import FIND, answers
from septum.node.http_client import HttpClient, HttpError
from septum.node.settings import DimseDestination, OrthancDestination, StowDestination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pydicom import Dataset
    from pynetdicom.association import Association

    from septum.node.states import Outgoing

#: Statuses of C-STORE that mean that an object is stored, some with a warning (PS3.4, B.2.3).
_STORED = (0x0000, 0xB000, 0xB006, 0xB007)
_TIMEOUT_S = 60.0
_INSTANCE_UID = "00080018"
_FAILED, _INSTANCE = "00081198", "00081155"


class SendError(ConnectionError):
    """A destination has not taken an object; it is tried again later."""


class Sender(Protocol):
    """A way out."""

    @abstractmethod
    def send(self, objects: Sequence[tuple[Outgoing, Path]], stored: Callable[[str], None]) -> None:
        """Send objects.

        Args:
            objects: with their files.
            stored: is given the UID of each that the destination has, as soon as it says so.

        Raises:
            ConnectionError: one of them is not taken; nobody knows of those after it.
        """

    @abstractmethod
    def find(self, objects: Sequence[tuple[Outgoing, Path]]) -> set[str]:
        """Ask which of some objects the destination has.

        Args:
            objects: with their files.

        Returns:
            UIDs of those that it has; none where it cannot be asked.

        Raises:
            ConnectionError: it does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """End a connection that was kept."""


class DimseSender(Sender):
    """C-STORE, one association a study."""

    def __init__(self, destination: DimseDestination) -> None:
        self._destination = destination

    def send(self, objects: Sequence[tuple[Outgoing, Path]], stored: Callable[[str], None]) -> None:
        """See :meth:`Sender.send`."""
        to = self._destination
        with self._associated(*(one.sop_class for one, _ in objects)) as association:
            for one, path in objects:
                try:
                    status = association.send_c_store(path).get("Status")
                except (ValueError, RuntimeError) as error:
                    raise SendError(f"{to.ae_title} takes no objects of class {one.sop_class}") from error
                if status not in _STORED:
                    said = "does not answer" if status is None else f"answers with status 0x{status:04X}"
                    raise SendError(f"{to.ae_title} {said}")
                stored(one.uid)

    def find(self, objects: Sequence[tuple[Outgoing, Path]]) -> set[str]:
        """See :meth:`Sender.find`; by C-FIND (Study Root, level of instances)."""
        found: set[str] = set()
        with self._associated(FIND, *(one.sop_class for one, _ in objects)) as association:
            if FIND not in {context.abstract_syntax for context in association.accepted_contexts}:
                return found
            for one, path in objects:
                for answer in answers(association, _asked(one, path), self._destination.ae_title):
                    found |= {one.uid} & {str(answer.get("SOPInstanceUID", ""))}
        return found

    def close(self) -> None:
        """Do nothing: no association is kept."""

    def _associated(self, *classes: str) -> AbstractContextManager[Association]:
        from septum.node.association import associated  # noqa: PLC0415  # other ways do without pynetdicom

        to = self._destination
        return associated(to, to.calling, classes, timeout_s=_TIMEOUT_S)


class OrthancSender(Sender):
    """Orthanc's ``POST /instances``; an object that it has already stays as it is."""

    def __init__(self, destination: OrthancDestination) -> None:
        self._client = HttpClient(destination.url, destination)

    def send(self, objects: Sequence[tuple[Outgoing, Path]], stored: Callable[[str], None]) -> None:
        """See :meth:`Sender.send`."""
        for one, path in objects:
            headers = {"Content-Type": "application/dicom"}
            status, _ = self._client.call("POST", "/instances", path.read_bytes(), headers)
            if status != HTTPStatus.OK:
                raise HttpError(f"Orthanc answers with status {status}", status)
            stored(one.uid)

    def find(self, objects: Sequence[tuple[Outgoing, Path]]) -> set[str]:
        """See :meth:`Sender.find`; by Orthanc's ``POST /tools/lookup``."""
        found = set()
        for one, _ in objects:
            status, content = self._client.call("POST", "/tools/lookup", one.uid.encode())
            if status == HTTPStatus.OK and "Instance" in {each.get("Type") for each in _listed(content)}:
                found.add(one.uid)
        return found

    def close(self) -> None:
        """End the connection."""
        self._client.close()


class StowSender(Sender):
    """STOW-RS (PS3.18, 10.5), one request a study."""

    def __init__(self, destination: StowDestination) -> None:
        self._client = HttpClient(destination.url, destination)

    def send(self, objects: Sequence[tuple[Outgoing, Path]], stored: Callable[[str], None]) -> None:
        """See :meth:`Sender.send`."""
        boundary = secrets.token_hex(16)
        body = b"".join(_parts([path for _, path in objects], boundary))
        status, content = self._client.call(
            "POST", "/studies", body,
            {
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
        )  # fmt: skip
        failed = _failed(content)
        taken = status in (HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT)
        for one, _ in objects if taken else ():
            if one.uid not in failed and (status != HTTPStatus.CONFLICT or failed):
                stored(one.uid)
        if status != HTTPStatus.OK or failed:
            raise HttpError(
                f"the server answers with status {status}, and refuses {len(failed)} objects", status
            )

    def find(self, objects: Sequence[tuple[Outgoing, Path]]) -> set[str]:
        """See :meth:`Sender.find`; by QIDO-RS (PS3.18, 10.6)."""
        found = set()
        for one, _ in objects:
            query = f"/instances?SOPInstanceUID={one.uid}"
            status, content = self._client.call("GET", query, headers={"Accept": "application/dicom+json"})
            uids = [each.get(_INSTANCE_UID, {}).get("Value") for each in _listed(content)]
            if status == HTTPStatus.OK and [one.uid] in uids:
                found.add(one.uid)
        return found

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def sender_of(destination: DimseDestination | StowDestination | OrthancDestination) -> Sender:
    """Make the way out to a destination."""
    if isinstance(destination, DimseDestination):
        return DimseSender(destination)
    if isinstance(destination, StowDestination):
        return StowSender(destination)
    return OrthancSender(destination)


def _parts(paths: Sequence[Path], boundary: str) -> Iterator[bytes]:
    """The body of a request, piece by piece."""
    for path in paths:
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield path.read_bytes()
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _listed(content: bytes) -> list[dict[str, Any]]:
    """The objects of a list in JSON; none where it is no such list."""
    try:
        listed = json.loads(content)
    except ValueError:
        return []
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _asked(one: Outgoing, path: Path) -> Dataset:
    """The question whether an archive has an object."""
    with quiet():
        header = pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"]
        )
    asked = pydicom.Dataset()
    asked.QueryRetrieveLevel, asked.SOPInstanceUID = "IMAGE", one.uid
    asked.StudyInstanceUID, asked.SeriesInstanceUID = header.StudyInstanceUID, header.SeriesInstanceUID
    return asked


def _failed(content: bytes) -> set[str]:
    """UIDs of the objects that a server has not taken, by its answer in DICOM JSON."""
    try:
        listed = json.loads(content).get(_FAILED, {}).get("Value", [])
        return {item[_INSTANCE]["Value"][0] for item in listed}
    except (ValueError, AttributeError, KeyError, IndexError, TypeError):
        return set()
