"""The voxels of a NRRD image, of which no more is unpacked than its header promises.

Source: Kindlmann, "Definition of NRRD File Format", https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import bz2
import gzip
import io
import re
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import nrrd
import numpy as np
from nrrd.errors import NRRDError

from septum.core import InputError
from septum.io.parts import MOST_FILES, numbered_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.io.native import Layout

_UNPACKERS = {"gzip": gzip.GzipFile, "gz": gzip.GzipFile, "bzip2": bz2.BZ2File, "bz2": bz2.BZ2File}
_TEXT = ("ascii", "text", "txt")
_CHUNK_BYTES = 2**24
#: A file may hold so many bytes beside its voxels; beyond that it is taken to be damaged.
_MOST_SURPLUS_BYTES = 2**20
#: Lines that may stand before the voxels of a detached file.
_MOST_LINES = 10_000
#: A line of a header, or before the voxels, may be so long; a file without line ends is not read as one.
MOST_LINE_BYTES = 2**16
#: Bytes of a voxel: of the widest type, and written as text.
_MOST_BYTES_A_VOXEL = 8
_MOST_TEXT_BYTES_A_VOXEL = 64
#: A detached header that lists files behind its fields.
_LIST = re.compile(rb"data ?file: *LIST(?: +\d+)?\s*")


def read_voxels(
    files: tuple[Path, ...], header: dict[str, Any], stream: BinaryIO, layout: Layout
) -> NDArray[Any]:
    """Read the voxels with the file's own axes and type.

    Args:
        files: as of :func:`voxel_paths_of`, after the header's file; that alone if it holds the voxels.
        header: its fields as pynrrd parses them.
        stream: of the header's file, behind the header.
        layout: the axes.

    Raises:
        InputError: the file holds something else than grey values, too little, or far more than it promises.
        NRRDError, OSError, EOFError, zlib.error, ValueError: the voxels cannot be read to their end.
    """
    path, parts = files[0], files[1:] or files
    _check_size(path, parts, header, layout)
    encoding = str(header["encoding"]).lower()
    whole = {
        k: v for k, v in header.items() if k.replace(" ", "") not in ("datafile", "lineskip", "byteskip")
    }
    voxels, rest = divmod(prod(layout.shape), len(parts))
    if rest:
        raise NRRDError("no whole number of voxels in each file")
    if len(parts) == 1 and encoding in ("raw", *_TEXT):
        return nrrd.read_data(header, stream, str(path))
    contents = []
    for part in parts:
        with stream if part == path else part.open("rb") as packed:
            contents.append(_content(path, packed, header, layout, voxels))
    if encoding in _TEXT:
        return nrrd.read_data({**whole, "encoding": "ascii"}, io.BytesIO(b" ".join(contents)), str(path))
    return nrrd.read_data({**whole, "encoding": "raw"}, io.BytesIO(b"".join(contents)), str(path))


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Lines of a file, none longer than any header's. Raises :class:`NRRDError` for one that is."""
    while line := stream.readline(MOST_LINE_BYTES + 1):
        if len(line) > MOST_LINE_BYTES:
            raise NRRDError("a line without end")
        yield line


def parse_fields(stream: BinaryIO) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Parse a header, and the names of files that it lists; the stream is left behind them.

    Raises:
        NRRDError, ValueError, KeyError, IndexError, StopIteration: it is damaged.
    """
    listed: list[str] = []

    def lines() -> Iterator[bytes]:
        for line in lines_of(stream):
            yield line
            if _LIST.fullmatch(line):
                listed.extend(name.decode("utf-8", "surrogateescape").strip() for name in lines_of(stream))
                return

    with np.errstate(invalid="ignore"):  # a size that is no number becomes one that no file can hold
        return dict(nrrd.read_header(lines())), tuple(name for name in listed if name)


def voxel_paths_of(path: Path, header: dict[str, Any], listed: tuple[str, ...]) -> tuple[Path, ...]:
    """List the header's file, and then those with the voxels where the header is detached.

    Args:
        path: of the header's file.
        header: its fields by name.
        listed: names of data files that the header lists.

    Raises:
        NRRDError: it is spread over no file, or over more than any image is.
    """
    detached = str(header.get("data file", header.get("datafile")) or "")
    if not detached:
        return (path,)
    is_list = _LIST.fullmatch(b"data file: " + detached.encode()) is not None
    names = listed if is_list else numbered_names(detached) or (detached,)
    if not 1 <= len(names) <= MOST_FILES:
        raise NRRDError("no number of files that an image may have")
    return (path, *(path.parent / name for name in names))


def _content(path: Path, packed: BinaryIO, header: dict[str, Any], layout: Layout, voxels: int) -> bytes:
    """What one file holds of the voxels, unpacked, without what is before them; text as it stands."""
    for _ in range(_line_skip(header)):
        next(lines_of(packed), None)
    encoding, skip = str(header["encoding"]).lower(), _byte_skip(header)
    unpacker = _UNPACKERS.get(encoding)
    if unpacker is None:
        packed.seek(max(0, skip), io.SEEK_CUR)
        content = packed.read()
    else:
        with unpacker(fileobj=packed) if unpacker is gzip.GzipFile else unpacker(packed) as unpacked:
            most = voxels * _MOST_BYTES_A_VOXEL + min(max(0, skip), _MOST_SURPLUS_BYTES)
            unpacked_content = _up_to(unpacked, most)
        if unpacked_content is None:
            raise InputError(_too_much(path, layout))
        content = unpacked_content[max(0, skip) :]
    if encoding == "hex":
        content = bytes.fromhex(content.decode("ascii"))
    if encoding in _TEXT:
        return content
    size = voxels * nrrd.reader._determine_datatype(header).itemsize  # noqa: SLF001  # the only owner of types
    if skip == -1:
        content = content[-size:]
    if len(content) != size:
        raise NRRDError("another number of voxels than the header promises")
    return content


def _check_size(path: Path, parts: tuple[Path, ...], header: dict[str, Any], layout: Layout) -> None:
    """Refuse what is no grey image, or no files of about the size that their header promises."""
    if header["type"] == "block":
        raise InputError(
            f"{path} does not hold grey values: expected one real number a voxel, and found blocks; "
            "export the magnitude image."
        )
    encoding = str(header["encoding"]).lower()
    held, voxels = sum(part.stat().st_size for part in parts), prod(layout.shape)
    if encoding == "raw" and held < voxels:
        raise InputError(
            f"{path} is cut short: expected at least {voxels:,} bytes of voxels as its header "
            f"says, and found {held:,}; copy or export the file again."
        )
    if not all(part.is_file() for part in parts) or not 0 <= _line_skip(header) <= _MOST_LINES:
        raise NRRDError("no regular file of voxels")
    if _byte_skip(header) < -1 or encoding not in ("raw", "hex", *_TEXT, *_UNPACKERS):
        raise NRRDError("a skip or an encoding that the format does not have")
    if encoding in _UNPACKERS:
        return
    a_voxel = _MOST_BYTES_A_VOXEL if encoding == "raw" else _MOST_TEXT_BYTES_A_VOXEL
    if held > voxels * a_voxel + len(parts) * (max(0, _byte_skip(header)) + _MOST_SURPLUS_BYTES):
        raise InputError(_too_much(path, layout))


def _up_to(stream: gzip.GzipFile | bz2.BZ2File, most: int) -> bytes | None:
    """All that a stream unpacks to; ``None`` if that is more."""
    content = io.BytesIO()
    while part := stream.read(_CHUNK_BYTES):
        content.write(part)
        if content.tell() > most + _MOST_SURPLUS_BYTES:
            return None
    return content.getvalue()


def _byte_skip(header: dict[str, Any]) -> int:
    return int(header.get("byte skip", header.get("byteskip", 0)))


def _line_skip(header: dict[str, Any]) -> int:
    return int(header.get("line skip", header.get("lineskip", 0)))


def _too_much(path: Path, layout: Layout) -> str:
    size = " x ".join(map(str, layout.shape))
    return (
        f"{path} is damaged: expected as many voxels as its header promises, {size}, and found far more; "
        "copy or export the file again."
    )
