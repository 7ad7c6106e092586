"""Voxels of single images that are not packed: found once with the header, then read at their place."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from septum.io.dicom.headers import whole, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.io.dicom.headers import Header

_TAG = b"\xe0\x7f\x10\x00"
#: How an element starts before its length: with the type of values, or without.
_EXPLICIT_STARTS = (_TAG + b"OW\0\0", _TAG + b"OB\0\0")
_LENGTH_BYTES = 4
_TYPES = {(8, 0): "u1", (8, 1): "i1", (16, 0): "<u2", (16, 1): "<i2"}
#: Elements of the header that :func:`native_pixels` looks at.
NATIVE_TAGS = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation")
_GREY = (("MONOCHROME1",), ("MONOCHROME2",))


@dataclass(frozen=True)
class NativePixels:
    """Where the stored values of an image lie in its file.

    Attributes:
        at: first byte of them.
        start: the bytes before them, by which they are known again.
        file_bytes: of the whole file.
        dtype: of a value, as numpy names it.
        bits_stored: of those of a value; what the others hold means nothing.
        shape: (Y, X).
    """

    at: int
    start: bytes
    file_bytes: int
    dtype: str
    bits_stored: int
    shape: tuple[int, int]

    def are_in(self, content: bytes) -> bool:
        """Whether a file is still as it was when its header was read."""
        return len(content) == self.file_bytes and content[: self.at].endswith(self.start)

    def of(self, content: bytes) -> NDArray[np.uint16] | NDArray[np.int16]:
        """Take the values (Y, X) from the content of the file.

        >>> NativePixels(2, b"", 6, "<i2", 12, (1, 2)).of(bytes([9, 9, 255, 15, 1, 240])).tolist()
        [[-1, 1]]
        """
        values = np.frombuffer(content, self.dtype, prod(self.shape), self.at).reshape(self.shape)
        unused = 8 * values.itemsize - self.bits_stored
        return values if unused == 0 else (values << unused) >> unused


def native_pixels(header: Header) -> NativePixels | None:
    """Find the stored values of an image of one frame.

    Args:
        header: of its file, with the elements of ``NATIVE_TAGS``.

    Returns:
        The place; ``None`` where they are packed, swapped, or not as many as the header promises: that is for
        the library to read or to refuse.
    """
    told, after = header.elements, header.after
    rows, columns, bits, stored, signed = (whole(told, tag) for tag in NATIVE_TAGS)
    dtype = _TYPES.get((bits or 0, -1 if signed is None else signed))
    is_grey = whole(told, "SamplesPerPixel") == 1 and words(told, "PhotometricInterpretation") in _GREY
    if rows is None or columns is None or bits is None or dtype is None or not 0 < (stored or 0) <= bits:
        return None
    syntax = told.file_meta.get("TransferSyntaxUID")
    if syntax == ExplicitVRLittleEndian and after.startswith(_EXPLICIT_STARTS):
        start = after[: len(_EXPLICIT_STARTS[0]) + _LENGTH_BYTES]
    elif syntax == ImplicitVRLittleEndian and after.startswith(_TAG):
        start = after[: len(_TAG) + _LENGTH_BYTES]
    else:
        return None
    length, at = rows * columns * bits // 8, header.end + len(start)
    is_promised = int.from_bytes(start[-_LENGTH_BYTES:], "little") == length + length % 2
    if not is_grey or not is_promised or header.size < at + length:
        return None
    return NativePixels(at, start, header.size, dtype, stored or bits, (rows, columns))
