"""The body of a STOW-RS request (multipart/related), taken from the network to disk, and its parts."""

from __future__ import annotations

import mmap
import re
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from septum.node.inbox import FullError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK = 1 << 20
_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
_LONGEST_LINE = 1024


def boundary_of(content_type: str) -> bytes:
    """Find what parts the body of a request.

    Args:
        content_type: header of the request.

    Raises:
        RefusedError: it is no request of several parts with DICOM objects.

    >>> boundary_of('multipart/related; type="application/dicom"; boundary=b1')
    b'b1'
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or found is None:
        raise RefusedError("expected multipart/related with DICOM objects")
    return (found[1] or found[2]).encode("latin-1")


@contextmanager
def on_disk(
    stream: BinaryIO, headers: Mapping[str, str], folder: Path, most_bytes: int
) -> Iterator[BinaryIO]:
    """Take a body to disk for the length of a block.

    Args:
        stream: from the network.
        headers: of the request: its length, or that it comes in chunks.
        folder: where to.
        most_bytes: of the body.

    Raises:
        RefusedError: it is too long, cut short, or does not say how long it is.
        FullError: it cannot be written.
    """
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        blocks = _chunks(stream)
    else:
        length = headers.get("Content-Length", "")
        if not length.isdigit():
            raise RefusedError("expected a request that says how long it is")
        blocks = _exactly(stream, int(length))
    with tempfile.TemporaryFile(dir=folder) as file:
        written = 0
        for block in blocks:
            written += len(block)
            if written > most_bytes:
                raise RefusedError(f"expected at most {most_bytes // 1_000_000} MB in one request")
            try:
                file.write(block)
            except OSError as error:
                raise FullError(f"the request cannot be written ({error.strerror})") from error
        file.flush()
        yield file


def parts(file: BinaryIO, boundary: bytes) -> Iterator[bytes]:
    r"""Take a body apart.

    Args:
        file: the whole body, on disk.
        boundary: what parts it.

    Yields:
        The content of each part, without its headers.

    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(b"--b\r\nContent-Type: application/dicom\r\n\r\nA\r\n--b\r\n\r\nB\r\n--b--\r\n")
    ...     list(parts(file, b"b"))
    [b'A', b'B']
    """
    file.seek(0, 2)
    if not file.tell():
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        mark = b"--" + boundary
        at = body.find(mark)
        while at >= 0:
            start = body.find(b"\r\n", at + len(mark))
            end = body.find(b"\r\n" + mark, at + len(mark))
            if start < 0 or end < 0 or body[at + len(mark) : at + len(mark) + 2] == b"--":
                return
            empty = body[start : start + 4] == b"\r\n\r\n"
            content = start if empty else body.find(b"\r\n\r\n", start, end)
            if content >= 0:
                yield body[content + 4 : end]
            at = end + 2


def _exactly(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        block = stream.read(min(length, _BLOCK))
        if not block:
            raise RefusedError("the request is cut short")
        length -= len(block)
        yield block


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """A body in chunks (RFC 9112, 7.1)."""
    while True:
        line = stream.readline(_LONGEST_LINE).split(b";")[0].strip()
        try:
            length = int(line, 16)
        except ValueError as error:
            raise RefusedError("the request is cut short") from error
        if length == 0:
            while stream.readline(_LONGEST_LINE).strip():
                pass
            return
        yield from _exactly(stream, length)
        stream.readline(_LONGEST_LINE)
