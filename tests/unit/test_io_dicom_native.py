"""Stored values that are read at their place in the file: the same as the library makes of them."""

from __future__ import annotations

from dataclasses import replace
from zipfile import ZipFile

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from septum.core import InputError
from septum.io.dicom.pixels import read_voxels
from septum.io.dicom.scanning import scan
from septum.io.dicom.zipped import ZippedFile
from support.dicom_study import Sheet, images, stored, write


def read_twice(folder):
    """The frame of a folder, its values by its place, and by the library."""
    (frame,) = scan(folder).frames
    return frame, read_voxels(folder, [[frame]])[0], read_voxels(folder, [[replace(frame, native=None)]])[0]


def one_image(bits=16, signed=0, bits_stored=None, **more):
    ((image,),) = images(stored(1, 1), Sheet())
    rng = np.random.default_rng(bits + signed)
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits // 8}")
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    image.PixelData = rng.integers(low, high, (image.Rows, image.Columns), dtype).tobytes()
    image.BitsAllocated, image.PixelRepresentation = bits, signed
    image.BitsStored = bits_stored or bits
    image.HighBit = image.BitsStored - 1
    for keyword, value in more.items():
        setattr(image, keyword, value)
    return image


@pytest.mark.parametrize(
    "elements", [{}, {"PhotometricInterpretation": "MONOCHROME1"}], ids=["plain", "white"]
)
@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian], ids=["explicit", "implicit"])
@pytest.mark.parametrize(("bits", "bits_stored"), [(16, 16), (16, 12), (8, 8), (8, 7)])
@pytest.mark.parametrize("signed", [0, 1])
def test_values_at_their_place_are_those_of_the_library(
    tmp_path, bits, bits_stored, signed, syntax, elements
):
    image = one_image(bits, signed, bits_stored, RescaleSlope="2.5", RescaleIntercept="-3", **elements)
    if syntax is not None:
        image.file_meta.TransferSyntaxUID = syntax
    frame, placed, by_library = read_twice(write(tmp_path, [image]))
    assert frame.native is not None
    assert frame.native.bits_stored == bits_stored
    np.testing.assert_array_equal(placed, by_library)
    assert placed.std() > 1


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless])
def test_what_is_packed_is_left_to_the_library(tmp_path, syntax):
    image = one_image()
    if syntax == RLELossless:
        image.compress(RLELossless)
    else:
        image.file_meta.TransferSyntaxUID = syntax
    frame, placed, by_library = read_twice(write(tmp_path, [image]))
    assert frame.native is None
    np.testing.assert_array_equal(placed, by_library)


@pytest.mark.parametrize("by", [-2, 2, 500])
def test_a_length_that_the_header_does_not_promise_is_left_to_the_library(tmp_path, by):
    image = one_image()
    image.PixelData = image.PixelData[:by] if by < 0 else image.PixelData + bytes(by)
    image.add_new(0xFFFCFFFC, "OB", bytes(64))  # padding after the pixels, so that the file is long enough
    (frame,) = scan(write(tmp_path, [image])).frames
    assert frame.native is None


def test_a_file_that_was_cut_after_its_header_was_read_is_named(tmp_path):
    folder = write(tmp_path, [one_image()])
    (frame,) = scan(folder).frames
    frame.path.write_bytes(frame.path.read_bytes()[:-100])
    with pytest.raises(InputError, match=frame.path.name):
        read_voxels(folder, [[frame]])


@pytest.mark.parametrize("longer", [2, -2])
def test_a_file_that_is_written_anew_after_its_header_was_read_is_read_by_the_library(tmp_path, longer):
    image = one_image()
    folder = write(tmp_path, [image])
    (frame,) = scan(folder).frames
    before, _ = read_voxels(folder, [[frame]])
    image.PatientID = "4" * (len(image.PatientID) + longer)
    image.add_new(0xFFFCFFFC, "OB", bytes(64))  # padding, so that the file is no shorter
    image.save_as(frame.path)
    np.testing.assert_array_equal(read_voxels(folder, [[frame]])[0], before)


def test_the_member_of_a_zip_is_unpacked_once_for_its_header(tmp_path, monkeypatch):
    folder = write(tmp_path / "study", [one_image()])
    with ZipFile(tmp_path / "study.zip", "w") as packed:
        packed.write(next(folder.iterdir()), "1.dcm")
    opened = []
    unpack = ZippedFile.open
    monkeypatch.setattr(ZippedFile, "open", lambda *told: opened.append(1) or unpack(*told))
    (frame,) = scan(tmp_path / "study.zip").frames
    assert (len(opened), frame.native is not None) == (1, True)
