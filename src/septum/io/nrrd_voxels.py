"""The voxels of a NRRD file, of which no more is unpacked than its header promises."""

from __future__ import annotations

import bz2
import gzip
import io
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import nrrd
from nrrd.errors import NRRDError

from septum.core import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.io.native import Layout

_UNPACKERS = {"gzip": gzip.GzipFile, "gz": gzip.GzipFile, "bzip2": bz2.BZ2File, "bz2": bz2.BZ2File}
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


def read_voxels(path: Path, header: dict[str, Any], stream: BinaryIO, layout: Layout) -> NDArray[Any]:
    """Voxels with the file's own axes and type.

    Args:
        path: the file, or the header of a detached one.
        header: its fields as pynrrd parses them.
        stream: of the same file, behind the header.
        layout: the axes.

    Raises:
        InputError: the file holds something else than grey values, too little, or far more than it promises.
        NRRDError, OSError, EOFError, zlib.error, ValueError: the voxels cannot be read to their end.
    """
    voxel_path = voxel_path_of(path, header)
    _check_size(path, voxel_path, header, layout)
    unpacker = _UNPACKERS.get(str(header["encoding"]))
    if unpacker is None:
        return nrrd.read_data(header, stream, str(path))
    with stream if voxel_path == path else voxel_path.open("rb") as packed:
        for _ in range(_line_skip(header)):
            next(lines_of(packed), None)
        with unpacker(fileobj=packed) if unpacker is gzip.GzipFile else unpacker(packed) as unpacked:
            content = _up_to(unpacked, _most_bytes(header, layout))
    if content is None:
        raise InputError(_too_much(path, layout))
    whole = {k: v for k, v in header.items() if k not in ("data file", "datafile", "line skip", "lineskip")}
    return nrrd.read_data({**whole, "encoding": "raw"}, io.BytesIO(content), str(path))


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Lines of a file, none longer than any header's. Raises :class:`NRRDError` for one that is."""
    while line := stream.readline(MOST_LINE_BYTES + 1):
        if len(line) > MOST_LINE_BYTES:
            raise NRRDError("a line without end")
        yield line


def voxel_path_of(path: Path, header: dict[str, Any]) -> Path:
    """The file that holds the voxels: another one where the header is detached."""
    detached = header.get("data file", header.get("datafile"))
    return path.parent / str(detached) if detached else path


def _check_size(path: Path, voxel_path: Path, header: dict[str, Any], layout: Layout) -> None:
    """Refuse what is no grey image, or no file of about the size that its header promises."""
    if header["type"] == "block":
        raise InputError(
            f"{path} does not hold grey values: expected one real number a voxel, and found blocks; "
            "export the magnitude image."
        )
    held, voxels = voxel_path.stat().st_size, prod(layout.shape)
    if header["encoding"] == "raw" and held < voxels:
        raise InputError(
            f"{path} is cut short: expected at least {voxels:,} bytes of voxels as its header "
            f"says, and found {held:,}; copy or export the file again."
        )
    if not voxel_path.is_file() or _line_skip(header) > _MOST_LINES:
        raise NRRDError("no regular file of voxels")
    if str(header["encoding"]) in _UNPACKERS:
        return
    a_voxel = _MOST_BYTES_A_VOXEL if header["encoding"] == "raw" else _MOST_TEXT_BYTES_A_VOXEL
    if held > voxels * a_voxel + max(0, _byte_skip(header)) + _MOST_SURPLUS_BYTES:
        raise InputError(_too_much(path, layout))


def _most_bytes(header: dict[str, Any], layout: Layout) -> int:
    """Bytes that the voxels can be unpacked to, with what is skipped before them."""
    return prod(layout.shape) * _MOST_BYTES_A_VOXEL + min(max(0, _byte_skip(header)), _MOST_SURPLUS_BYTES)


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
