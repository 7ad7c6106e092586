"""Packed files are read to their end, where the checksum stands."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Header

from septum.core import InputError
from septum.io import read_study

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (80, 72, 5)


def content() -> bytes:
    array = np.random.default_rng(0).integers(0, 1000, SHAPE).astype("<i2")
    header = Nifti1Header(endianness="<")
    header.set_data_dtype(array.dtype)
    header.set_data_shape(SHAPE)
    header["pixdim"][1:4] = (1.5, 1.5, 8.0)
    header["vox_offset"] = 352
    return bytes(header.binaryblock) + bytes(4) + array.tobytes("F")


def flipped_and_longer(packed: bytes, length: int) -> bytes:
    """The file with one byte flipped in the middle, so that it inflates to more than it should."""
    for place in range(len(packed) // 2, len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= 0xFF
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # bare, which compares no checksum
        try:
            inflated = inflater.decompress(bytes(damaged[10:]))
        except zlib.error:
            continue
        if inflater.eof and len(inflated) > length + 1:
            return bytes(damaged)
    raise AssertionError("no such place")


def test_a_flipped_byte_that_makes_the_stream_longer(tmp_path: Path) -> None:
    whole = content()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(flipped_and_longer(gzip.compress(whole, mtime=0), len(whole)))
    with pytest.raises(InputError, match=r"cannot be read: .*CRC check failed"):
        read_study(path)


def test_a_whole_file_with_a_little_more_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(content() + bytes(2**20)))
    assert read_study(path).cine.array.shape == (1, *SHAPE[::-1])


def test_a_file_that_goes_on_and_on_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(content() + bytes(2**20 + 1)))
    with pytest.raises(InputError, match="over 1,048,576 bytes more"):
        read_study(path)
