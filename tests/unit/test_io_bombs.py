"""Small files that unpack to far more than their headers promise are refused before they do."""

from __future__ import annotations

import bz2
import gzip
import struct
import tracemalloc
import zlib
from contextlib import contextmanager

import pytest
from nibabel.nifti1 import Nifti1Header
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from septum.core import InputError
from septum.io import dicom_contents, read_study
from support.dicom_study import flat, images, stored, write

BOMB_BYTES = 2**28
MOST_BYTES = 2**26
NRRD = (
    "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 64 60 4\n"
    "space directions: (1.5,0,0) (0,1.5,0) (0,0,8)\nkinds: domain domain domain\nendian: little\n"
    "encoding: {}\n{}\n"
)


@contextmanager
def little_memory():
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("encoding", "pack", "more"),
    [
        ("gzip", lambda b: gzip.compress(b, 1), ""),
        ("bzip2", lambda b: bz2.compress(b, 9), ""),
        ("gz", lambda b: gzip.compress(b, 1), f"byte skip: {2**40}\n"),
        ("gz", lambda b: gzip.compress(b, 1), "byte skip: -1\n"),
    ],
)
def test_nrrd(encoding, pack, more, tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(NRRD.format(encoding, more).encode() + pack(bytes(BOMB_BYTES)))
    with little_memory(), pytest.raises(InputError, match="64 x 60 x 4, and found far more"):
        read_study(path)


@pytest.mark.parametrize("encoding", ["raw", "ascii"])
def test_plain_voxels_that_go_on_and_on_as_a_sparse_file_may(encoding, tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(NRRD.format(encoding, "").encode())
    with path.open("ab") as stream:
        stream.truncate(2**40)
    with little_memory(), pytest.raises(InputError, match="found far more"):
        read_study(path)


@pytest.mark.parametrize("more", ["data file: /dev/zero\n", f"line skip: {2**40}\n"], ids=["device", "lines"])
def test_voxels_that_no_reading_ends(more, tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(NRRD.format("gzip", more).encode() + gzip.compress(bytes(64 * 60 * 4 * 2)))
    with pytest.raises(InputError, match="is a damaged NRRD file"):
        read_study(path)


@pytest.mark.parametrize(
    "content",
    [b"NRRD0004\n", NRRD.format("gzip", "data file: b.gz\nline skip: 1\n").encode()],
    ids=["header", "before the voxels"],
)
def test_lines_without_end(content, tmp_path):
    (tmp_path / "a.nrrd").write_bytes(content)
    (tmp_path / "b.gz").touch()
    for name in ("a.nrrd", "b.gz"):
        with (tmp_path / name).open("ab") as stream:
            stream.truncate(BOMB_BYTES)
    with little_memory(), pytest.raises(InputError, match="is a damaged NRRD file"):
        read_study(tmp_path / "a.nrrd")


@pytest.mark.parametrize("name", ["a.nii", "a.nrrd"])
def test_a_file_that_holds_as_many_voxels_as_it_promises_and_no_study_has(name, tmp_path):
    header = Nifti1Header(endianness="<")
    header.set_data_dtype("u1")
    header.set_data_shape((1024, 1024, 520))
    sizes = NRRD.replace("short", "uchar").replace("64 60 4", "1024 1024 520").format("raw", "").encode()
    path = tmp_path / name
    path.write_bytes(sizes if name == "a.nrrd" else bytes(header.binaryblock))
    with path.open("ab") as stream:
        stream.truncate(path.stat().st_size + 4 + 1024 * 1024 * 520)
    with little_memory(), pytest.raises(InputError, match="at most 536,870,912 voxels"):
        read_study(path)


def test_nifti_voxels_that_begin_far_away(tmp_path):
    header = Nifti1Header(endianness="<")
    header.set_data_shape((64, 60, 4))
    header["pixdim"][1:4] = (1.5, 1.5, 8.0)
    header["vox_offset"] = BOMB_BYTES
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(bytes(header.binaryblock) + bytes(BOMB_BYTES), 1))
    with little_memory(), pytest.raises(InputError, match="expected voxels that begin within"):
        read_study(path)


def test_runs_of_more_bytes_than_an_image_has(tmp_path):
    (one,) = flat(images(stored(1, 1)))
    one.file_meta.TransferSyntaxUID = RLELossless
    runs = b"\x81\x00" * (BOMB_BYTES // 128)
    one.PixelData = encapsulate([struct.pack("<16L", 2, 64, 64 + len(runs), *[0] * 13) + 2 * runs])
    one["PixelData"].VR = "OB"
    write(tmp_path, [one])
    with little_memory(), pytest.raises(InputError, match="cut short or damaged"):
        read_study(tmp_path)


def test_a_deflated_object_that_inflates_without_end(tmp_path):
    (one,) = flat(images(stored(1, 1)))
    one.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    write(tmp_path, [one])
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    start = int.from_bytes(content[140:144], "little") + 144
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [packer.compress(zlib.decompress(content[start:], -zlib.MAX_WBITS))]
    parts += [packer.compress(bytes(2**24)) for _ in range(33)]
    path.write_bytes(b"".join([content[:start], *parts, packer.flush()]))
    with little_memory():
        assert dicom_contents(tmp_path).scan.passed_over == {"damaged": 1}
