"""What a compressed image says of its own size, read before a decoder believes it and makes room for it."""

from __future__ import annotations

import struct

_J2K_START = b"\xff\x4f\xff\x51"  # start of codestream, then the size
_JPEG_START = b"\xff\xd8"
#: Markers of frame headers: those of JPEG but for tables (C4, CC) and extensions (C8), and that of JPEG-LS.
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def size_of(codestream: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a JPEG, JPEG-LS or JPEG 2000 image; ``None`` where its start does not tell."""
    try:
        at = codestream[:512].find(_J2K_START)  # a file's boxes may be before it
        if at >= 0:
            right, bottom, left, top = struct.unpack_from(">4I", codestream, at + 8)
            return bottom - top, right - left
        return _jpeg_size(codestream) if codestream.startswith(_JPEG_START) else None
    except struct.error:
        return None


def _jpeg_size(codestream: bytes) -> tuple[int, int] | None:
    at = len(_JPEG_START)
    while True:
        mark, code, length = struct.unpack_from(">BBH", codestream, at)
        if mark != 0xFF:
            return None
        if code in _FRAME_HEADERS:
            rows, columns = struct.unpack_from(">HH", codestream, at + 5)
            return rows, columns
        at += 1 if code == 0xFF else 2 + length
