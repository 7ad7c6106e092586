"""Voxels of the frames that were chosen, and the hash of their files."""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from io import BytesIO
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, ImplicitVRLittleEndian, RLELossless

from septum.core import InputError, MissingExtraError
from septum.core.files import sha256_of
from septum.io.dicom.headers import quiet, refuse_bomb
from septum.io.native import LARGEST_IMAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from septum.io.dicom.frames import DicomFrame

    Places = list[tuple[DicomFrame, int, int]]


_PIXEL_TAGS: list[Any] = [
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PlanarConfiguration",
    "PixelData",
    "FloatPixelData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
]
_THREADS = 4
#: Runs of equal bytes, as RLE has them, take at most 129 bytes for 128: beyond this share, and some padding,
#: there are more of them than pixels.
_MOST_RUNS = 1.1
_RUNS_HEADER_BYTES = 4096
#: Deflated files are inflated as a whole, which takes their size twice.
_ONE_BY_ONE = Lock()


def read_voxels(folder: Path, frames: Sequence[Sequence[DicomFrame]]) -> tuple[NDArray[np.float32], str]:
    """Rescaled values (T, Z, Y, X) of the frames [t][z], and the hash of all their files.

    Raises:
        InputError: a file is cut short or damaged, or all are too large.
        MissingExtraError: they are compressed, and what decodes them is not installed.
    """
    shape = (len(frames), len(frames[0]), *frames[0][0].shape)
    if 4 * prod(shape) > LARGEST_IMAGE_BYTES:
        raise InputError(
            f"{folder} is too large: expected at most {LARGEST_IMAGE_BYTES // 4:,} voxels, and its headers "
            f"promise {' x '.join(map(str, shape))}; export the study again if they are damaged."
        )
    places: dict[Path, Places] = defaultdict(list)
    for t, row in enumerate(frames):
        for z, frame in enumerate(row):
            places[frame.path].append((frame, t, z))
    array = np.empty(shape, np.float32)
    with quiet(), ThreadPoolExecutor(_THREADS) as threads:  # files are read, hashed and decoded side by side
        hashes = list(threads.map(lambda path: _read_file(path, places[path], array), list(places)))
    return array, _joined(hashes)


def hash_of(frames: Iterable[DicomFrame]) -> str:
    """The hash that :func:`read_voxels` gives of the same frames. Raises :class:`OSError`."""
    return _joined(sha256_of(path) for path in {frame.path for frame in frames})


def _joined(hashes: Iterable[str]) -> str:
    """The hash of lines, one a file: its own hash. They are sorted, so that names make no difference."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(hashes)).encode()).hexdigest()


def _read_file(path: Path, places: Places, array: NDArray[np.float32]) -> str:
    """Fill in the frames of one file; its hash."""
    content = path.read_bytes()
    try:
        deflated = refuse_bomb(BytesIO(content))
    except Exception as error:
        raise _damaged(path) from error
    stored = None if deflated or len(places) > 1 else places[0][0].native
    if stored is not None and stored.are_in(content):
        frame, t, z = places[0]
        array[t, z] = _rescaled(stored.of(content), frame, stored.bits_stored)
    else:
        with _ONE_BY_ONE if deflated else nullcontext():
            _fill_in(path, content, places, array)
    return hashlib.sha256(content).hexdigest()


def _fill_in(path: Path, content: bytes, places: Places, array: NDArray[np.float32]) -> None:
    try:
        dataset = dcmread(BytesIO(content), force=True, specific_tags=_PIXEL_TAGS)
    except Exception as error:
        raise _damaged(path) from error
    _check_decoder(path, dataset)
    _check_frames(path, dataset)
    wanted: dict[int, Places] = defaultdict(list)
    for place in places:
        wanted[(place[0].number or 1) - 1].append(place)
    numbers = sorted(wanted)
    try:
        for number, raw in zip(numbers, iter_pixels(dataset, raw=True, indices=numbers), strict=True):
            for frame, t, z in wanted[number]:
                array[t, z] = _rescaled(raw, frame, int(dataset.BitsStored))
    except MemoryError:
        raise
    except Exception as error:  # there is no end to what a damaged file makes a library raise
        raise _damaged(path) from error


def _rescaled(raw: NDArray[Any], frame: DicomFrame, bits_stored: int) -> NDArray[np.float32]:
    """Rescale stored values of a frame to what they mean. Raises ``ValueError`` if they are not of its size.

    Args:
        raw: stored values, (Y, X).
        frame: its size, slope and intercept.
        bits_stored: of each value.
    """
    if raw.shape != frame.shape:
        raise ValueError("another size than the header's")
    values = raw.astype(np.float32)
    if frame.inverted:
        values = np.float32(2**bits_stored - 1) - values
    return values * np.float32(frame.slope) + np.float32(frame.intercept)


def _check_decoder(path: Path, dataset: Dataset) -> None:
    meta = dataset.file_meta
    if "TransferSyntaxUID" not in meta:
        meta.TransferSyntaxUID = ImplicitVRLittleEndian
    try:
        syntax = UID(str(meta.TransferSyntaxUID))  # which may be several, in a damaged file
        available = not syntax.is_compressed or get_decoder(syntax).is_available
    except (NotImplementedError, ValueError) as error:
        raise InputError(
            f"{path} is stored in a way that is not known: expected a transfer syntax of the standard for "
            "images; export the study again, uncompressed."
        ) from error
    if not available:
        raise MissingExtraError(
            f"{path} is compressed, and what decodes it is not installed: run pip install 'septum[jpeg]', or "
            "export the study uncompressed."
        )


def _check_frames(path: Path, dataset: Dataset) -> None:
    """Refuse compressed images of another size than the header's: a decoder makes room for what it finds."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return
    try:
        size = (int(dataset.Rows), int(dataset.Columns))
        most = _MOST_RUNS * prod(size) * (int(dataset.BitsAllocated) // 8) + _RUNS_HEADER_BYTES
        frames = generate_frames(dataset.PixelData, number_of_frames=_frames(dataset))
        fit = all(len(f) <= most if syntax == RLELossless else size_of(f) == size for f in frames)
    except Exception as error:
        raise _damaged(path) from error
    if not fit:
        raise _damaged(path)


def _frames(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path} is cut short or damaged: expected as many pixels as its header promises, and they cannot be "
        "had; copy or export the study again."
    )


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
