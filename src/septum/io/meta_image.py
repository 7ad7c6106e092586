"""MetaImage (``.mha``, ``.mhd`` with its voxels), the format of ITK: images in, and the headers of masks.

Source: Insight Software Consortium, "ITK/MetaIO/Documentation", https://itk.org/Wiki/ITK/MetaIO.
"""

from __future__ import annotations

import re
import zlib
from math import prod
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from septum.core import Cine, InputError
from septum.io.grid import ORIENTATION_MISSING, build_geometry, frame_interval_ms, orthonormal, settle_spacing
from septum.io.native import Layout, NativeHeader, Reading
from septum.io.parts import MOST_FILES, numbered_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core.geometry import Triple

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
#: Names that a field has, the one that ITK writes first.
_ORIGINS = ("Offset", "Position", "Origin")
_MATRICES = ("TransformMatrix", "Rotation", "Orientation")
_SPACINGS = ("ElementSpacing", "ElementSize")
_BIG_ENDIAN = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
#: The field that ends a header.
_LAST = "ElementDataFile"
_ANATOMY = re.compile(r"[RLAPISrlapis?]{2,4}")
#: Values in a voxel: more than a colour or a vector has are the frames of a cine.
_MOST_COMPONENTS = 4
_MOST_LINES = 10_000
_MOST_LINE_BYTES = 2**16
_MOST_SURPLUS_BYTES = 2**20
_MOST_TEXT_BYTES_A_VOXEL = 64
_LPS = (1.0, 1.0, 1.0)
#: A place in a mask's header: its number is known when the voxels are packed.
_PACKED_SIZE = b"CompressedDataSize = 0"


def read_meta_image(path: Path, spacing_mm: Triple | None) -> Reading:
    """Read one MetaImage on its own grid.

    Args:
        path: the file, or the header of a detached one.
        spacing_mm: (Z, Y, X), instead of the header's.

    Raises:
        InputError: the header or the voxels cannot be used.
        OSError, ValueError, zlib.error: the file cannot be read to its end.
    """
    with path.open("rb") as stream:
        fields, files = _parse_header(path, stream)
        layout = _layout(path, fields)
        raw = _read_voxels(files, fields, stream, layout)
    with np.errstate(over="ignore"):  # what overflows is infinite, and reported as such
        array = np.ascontiguousarray(layout.to_cine(raw), np.float32)
    ndim = int(fields["NDims"])
    sizes = np.asarray(_numbers(fields, _SPACINGS, ndim) or [np.nan] * ndim)
    stated = [*[np.nan] * (3 - ndim), *(float(size) for size in reversed(sizes[:3]))]
    spacing, notes = settle_spacing(path, stated, spacing_mm, slices=layout.grid[0])
    matrix = _matrix(fields, ndim)
    directions, sheared = (None, []) if matrix is None else orthonormal(matrix)
    if directions is None:
        notes.append(ORIENTATION_MISSING)
    origin = [*(_numbers(fields, _ORIGINS, ndim) or [0.0] * ndim), 0.0][:3]
    geometry = build_geometry(layout.grid, spacing, directions, origin, _LPS)
    interval_ms = frame_interval_ms(float(sizes[3]), None) if ndim > 3 else None
    sizes[: min(3, ndim)] = spacing[::-1][: min(3, ndim)]
    header = NativeHeader(".mha", layout, _mask_header(fields, layout, sizes))
    return Reading(Cine(array, geometry, interval_ms), header, (*notes, *sheared))


def meta_image_files(path: Path) -> tuple[Path, ...]:
    """The file itself, or a detached header and then the files with its voxels.

    Raises:
        InputError: it has no header of a MetaImage.
        OSError, ValueError: the header cannot be read.
    """
    with path.open("rb") as stream:
        return _parse_header(path, stream)[1]


def mask_content(header: bytes, voxels: bytes, level: int) -> bytes:
    """Put together all bytes of a mask, from those of its header and of its voxels.

    Args:
        header: as in :class:`NativeHeader`.
        voxels: uint8, the file's first axis fastest.
        level: of compression, 0 to 9.
    """
    packed = zlib.compress(voxels, level)
    return header.replace(_PACKED_SIZE, _PACKED_SIZE[:-1] + str(len(packed)).encode()) + packed


def _parse_header(path: Path, stream: BinaryIO) -> tuple[dict[str, str], tuple[Path, ...]]:
    """Read the fields, and name the header's file and those of its voxels; leave the stream behind them."""
    fields: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        line = stream.readline(_MOST_LINE_BYTES)
        name, equals, value = line.decode("utf-8", "surrogateescape").partition("=")
        if not equals:
            break
        fields[name.strip()] = value.strip()
        if name.strip() == _LAST:
            break
    if _LAST not in fields or "NDims" not in fields or "DimSize" not in fields:
        raise InputError(
            f"{path} is not a MetaImage: expected a header from NDims to {_LAST}, and found otherwise; "
            "export the study again, or give the file its true ending."
        )
    where = fields[_LAST]
    if where.upper() == "LOCAL":
        return fields, (path,)
    if where.upper().split()[:1] == ["LIST"]:
        lines = stream.read(_MOST_LINE_BYTES * 16).decode("utf-8", "surrogateescape").splitlines()
        names = tuple(line.strip() for line in lines if line.strip())
    else:
        names = numbered_names(where) or (where,)
    if not 1 <= len(names) <= MOST_FILES or not all(names):
        raise ValueError("no number of files that an image may have")
    return fields, (path, *(path.parent / name for name in names))


def _layout(path: Path, fields: dict[str, str]) -> Layout:
    ndim, channels = int(fields["NDims"]), int(fields.get("ElementNumberOfChannels", "1"))
    shape = [int(size) for size in fields["DimSize"].split()]
    if len(shape) != ndim or fields.get("ObjectType", "Image") != "Image":
        raise ValueError("sizes of another number of axes")
    if 1 < channels <= _MOST_COMPONENTS or fields.get("ElementType") not in _TYPES:
        raise InputError(
            f"{path} does not hold grey values: expected one real number a voxel, and found colours, vectors "
            "or an unknown type; export the magnitude image."
        )
    vector = channels > _MOST_COMPONENTS
    frame_axes = [0] if vector else []
    return Layout.checked(path, [channels] * vector + shape, [*frame_axes, *range(3 + vector, ndim + vector)])


def _read_voxels(
    files: tuple[Path, ...], fields: dict[str, str], stream: BinaryIO, layout: Layout
) -> NDArray[np.generic]:
    path, parts = files[0], files[1:] or files
    order = ">" if any(_is_true(fields.get(name)) for name in _BIG_ENDIAN) else "<"
    dtype = np.dtype(order + _TYPES[fields["ElementType"]])
    voxels, rest = divmod(prod(layout.shape), len(parts))
    if rest:
        raise ValueError("no whole number of voxels in each file")
    contents = []
    for part in parts:
        with stream if part == path else part.open("rb") as opened:
            contents.append(_content(part, opened, fields, voxels, dtype.itemsize))
    if not _is_binary(fields):
        values = np.array(b" ".join(contents).split(), dtype=np.float64)
        if values.size != prod(layout.shape):
            raise _cut_short(path, prod(layout.shape), values.size, "voxels")
        return values.reshape(layout.shape, order="F")
    return np.frombuffer(b"".join(contents), dtype).reshape(layout.shape, order="F")


def _content(path: Path, stream: BinaryIO, fields: dict[str, str], voxels: int, itemsize: int) -> bytes:
    """The bytes of the voxels in one file, unpacked; or their text."""
    skip, size = int(fields.get("HeaderSize", "0")), voxels * itemsize
    if not _is_binary(fields):
        return stream.read(voxels * _MOST_TEXT_BYTES_A_VOXEL)
    if skip < -1:
        raise ValueError("a skip that the format does not have")
    if _is_true(fields.get("CompressedData")):
        stream.seek(max(0, skip), 1)
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(stream.read(size + _MOST_SURPLUS_BYTES), size + 1)
        whole = unpacker.eof
    else:
        held = path.stat().st_size - stream.tell()
        stream.seek(held - size if skip == -1 and held >= size else max(0, skip), 1)
        content = stream.read(size)
        whole = True
    if len(content) != size or not whole:
        raise _cut_short(path, size, len(content), "bytes of voxels")
    return content


def _cut_short(path: Path, promised: int, held: int, what: str) -> InputError:
    return InputError(
        f"{path} is damaged: expected {promised:,} {what} as its header says, and found "
        f"{'more' if held > promised else f'{held:,}'}; copy or export the file again."
    )


def _matrix(fields: dict[str, str], ndim: int) -> NDArray[np.float64] | None:
    """Directions (LPS) of the file's axes in space, one column an axis; that of a slice is its normal."""
    numbers = _numbers(fields, _MATRICES, ndim * ndim)
    if numbers is None:
        return None
    rows = np.asarray(numbers).reshape(ndim, ndim)[:3, :3]
    if ndim == 2:
        rows = np.pad(rows, ((0, 0), (0, 1)))
        rows = np.vstack([rows, np.cross(*rows)])
    return rows.T


def _numbers(fields: dict[str, str], names: Sequence[str], count: int) -> list[float] | None:
    """The numbers of the first of these fields that is there; ``None`` where it has others, or none."""
    text = next((fields[name] for name in names if name in fields), "")
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


def _mask_header(fields: dict[str, str], layout: Layout, sizes: NDArray[np.float64]) -> bytes:
    """All bytes before the voxels of a uint8 mask in the same grid; no text of the image is in them."""
    ndim = int(fields["NDims"])
    channels = len(layout.shape) - ndim
    lines = ["ObjectType = Image", f"NDims = {ndim}", "BinaryData = True", "BinaryDataByteOrderMSB = False"]
    lines += ["CompressedData = True", _PACKED_SIZE.decode()]
    for names, count in ((_MATRICES, ndim * ndim), (_ORIGINS, ndim)):
        numbers = _numbers(fields, names, count)
        if numbers is not None:
            lines.append(f"{names[0]} = {_text(numbers)}")
    anatomy = fields.get("AnatomicalOrientation", "")
    if _ANATOMY.fullmatch(anatomy):
        lines.append(f"AnatomicalOrientation = {anatomy}")
    lines.append(f"ElementSpacing = {_text(np.where(np.isfinite(sizes), sizes, 1.0).tolist())}")
    lines.append(f"DimSize = {' '.join(map(str, layout.shape[channels:]))}")
    if channels:
        lines.append(f"ElementNumberOfChannels = {layout.shape[0]}")
    return "\n".join([*lines, "ElementType = MET_UCHAR", f"{_LAST} = LOCAL", ""]).encode("ascii")


def _text(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:.17g}" for number in numbers)


def _is_true(value: str | None) -> bool:
    return (value or "")[:1] in ("T", "t", "1")


def _is_binary(fields: dict[str, str]) -> bool:
    return _is_true(fields.get("BinaryData", "True"))
