"""Voxels of single images that are not packed: found once with the header, then read at their place."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from septum.io.dicom.headers import whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

_TAG = b"\xe0\x7f\x10\x00"
#: Tag, type of values, two bytes of nothing and the length; or tag and length alone.
_EXPLICIT_BYTES, _IMPLICIT_BYTES = 12, 8
_EXPLICIT_STARTS = (_TAG + b"OW\0\0", _TAG + b"OB\0\0")
_TYPES = {(8, 0): "u1", (8, 1): "i1", (16, 0): "<u2", (16, 1): "<i2"}
#: Elements of the header that :func:`native_pixels` looks at.
NATIVE_TAGS = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation")


@dataclass(frozen=True)
class NativePixels:
    """Where the stored values of an image lie in its file.

    Attributes:
        at: first byte of them.
        dtype: of a value, as numpy names it.
        bits_stored: of those of a value; what the others hold means nothing.
        shape: (Y, X).
    """

    at: int
    dtype: str
    bits_stored: int
    shape: tuple[int, int]

    def of(self, content: bytes) -> NDArray[np.uint16] | NDArray[np.int16]:
        """Take the values (Y, X) from the content of the file. Raises ``ValueError`` if it is cut short.

        >>> NativePixels(2, "<i2", 12, (1, 2)).of(bytes([9, 9, 255, 15, 1, 240])).tolist()
        [[-1, 1]]
        """
        values = np.frombuffer(content, self.dtype, prod(self.shape), self.at).reshape(self.shape)
        unused = 8 * values.itemsize - self.bits_stored
        return values if unused == 0 else (values << unused) >> unused


def native_pixels(file: Path, header: Dataset, at: int) -> NativePixels | None:
    """Find the stored values of an image of one frame.

    Args:
        file: of the image.
        header: its elements, with those of ``NATIVE_TAGS``.
        at: where the header ends.

    Returns:
        The place; ``None`` where they are packed, swapped, or not as many as the header promises: that is for
        the library to read or to refuse.
    """
    syntax = header.file_meta.get("TransferSyntaxUID")
    rows, columns, bits, stored, signed = (whole(header, tag) for tag in NATIVE_TAGS)
    dtype = _TYPES.get((bits or 0, -1 if signed is None else signed))
    if rows is None or columns is None or bits is None or dtype is None or not 0 < (stored or 0) <= bits:
        return None
    length = rows * columns * bits // 8
    with file.open("rb") as stream:
        stream.seek(at)
        start = stream.read(_EXPLICIT_BYTES)
    if syntax == ExplicitVRLittleEndian and start.startswith(_EXPLICIT_STARTS):
        size = _EXPLICIT_BYTES
    elif syntax == ImplicitVRLittleEndian and start.startswith(_TAG):
        size = _IMPLICIT_BYTES
    else:
        return None
    told = int.from_bytes(start[size - 4 : size], "little")
    if told != length + length % 2 or file.stat().st_size < at + size + length:
        return None
    return NativePixels(at + size, dtype, stored or bits, (rows, columns))
