"""MetaImage as ITK writes it: encodings, directions, frames, and masks that ITK opens again."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from septum.core import VENTRICLES, InputError, Segmentation
from septum.io import content_sha256, mask_suffix, read_mask, read_study, write_mask

if TYPE_CHECKING:
    from pathlib import Path

VOXELS = np.random.default_rng(0).integers(0, 900, (5, 72, 80)).astype("<i2")
CINE = np.random.default_rng(1).integers(0, 900, (6, 5, 72, 80)).astype("<i2")
#: Directions of the axes X, Y and Z in LPS, one a row: X runs to the back, Y to the head, Z to the left.
TURNED = "0 1 0 0 0 1 1 0 0"
#: As SimpleITK 2.5 writes it.
HEADER = f"""ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = {TURNED}
Offset = -10 20 30.5
CenterOfRotation = 0 0 0
AnatomicalOrientation = AIR
ElementSpacing = 1.5 1.3999999999999999 8
DimSize = 80 72 5
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
CINE_HEADER = (
    HEADER.replace("NDims = 3", "NDims = 4")
    .replace(TURNED, "0 1 0 0 0 0 1 0 1 0 0 0 0 0 0 1")
    .replace("30.5", "30.5 0")
    .replace("99 8", "99 8 30")
    .replace("72 5", "72 5 6")
)


def meta(path: Path, voxels: bytes = VOXELS.tobytes(), header: str = HEADER, **fields: str) -> Path:
    """Write a file; ``fields`` replace those of the header, ``None`` takes one away."""
    lines = [line for line in header.splitlines() if line.split(" = ")[0] not in fields]
    added = [f"{name} = {value}" for name, value in fields.items() if value is not None]
    path.write_bytes("\n".join([*added, *lines, ""]).encode() + voxels)
    return path


def test_the_grid_is_itks_by_hand(tmp_path):
    study = read_study(meta(tmp_path / "a.mha"))
    np.testing.assert_array_equal(study.cine.array, VOXELS[None])
    geometry = study.cine.geometry
    assert geometry.spacing_mm == (8.0, pytest.approx(1.4), 1.5)
    assert geometry.origin_mm == (-10.0, 20.0, 30.5)
    # Columns are (Z, Y, X): to the left, to the head, to the back.
    np.testing.assert_array_equal(np.asarray(geometry.direction).T, [(1, 0, 0), (0, 0, 1), (0, 1, 0)])
    assert study.notes == ()


@pytest.mark.parametrize(
    ("fields", "pack"),
    [
        ({"CompressedData": "True"}, zlib.compress),
        ({"BinaryDataByteOrderMSB": "True"}, lambda raw: np.frombuffer(raw, "<i2").astype(">i2").tobytes()),
        ({"HeaderSize": "7"}, lambda raw: b"a title" + raw),
        ({"HeaderSize": "-1"}, lambda raw: b"some title" + raw),
        ({"BinaryData": "False"}, lambda raw: " ".join(map(str, np.frombuffer(raw, "<i2"))).encode()),
        ({"ElementType": "MET_DOUBLE"}, lambda raw: np.frombuffer(raw, "<i2").astype("<f8").tobytes()),
        ({"ElementType": "MET_LONG"}, lambda raw: np.frombuffer(raw, "<i2").astype("<i4").tobytes()),
    ],
)
def test_encodings_give_the_same_values(tmp_path, fields, pack):
    study = read_study(meta(tmp_path / "a.mha", pack(VOXELS.tobytes()), **fields))
    np.testing.assert_array_equal(study.cine.array, VOXELS[None])


@pytest.mark.parametrize("where", ["a.raw", "LIST", "s%02d.raw 1 5 1"])
def test_voxels_may_be_in_other_files(tmp_path, where):
    (tmp_path / "a.raw").write_bytes(VOXELS.tobytes())
    for z in range(5):
        (tmp_path / f"s{z + 1:02}.raw").write_bytes(VOXELS[z].tobytes())
    listed = "\n".join(f"s{z + 1:02}.raw" for z in range(5)) if where == "LIST" else ""
    header = HEADER.replace("LOCAL", where)
    path = meta(tmp_path / "a.mhd", listed.encode(), header)
    np.testing.assert_array_equal(read_study(path).cine.array, VOXELS[None])
    before = content_sha256(path)
    (tmp_path / "s05.raw").write_bytes(VOXELS[0].tobytes())
    (tmp_path / "a.raw").write_bytes(VOXELS[::-1].tobytes())
    assert content_sha256(path) != before, "the voxels are part of what the image is known by"


def test_the_fourth_axis_is_time(tmp_path):
    study = read_study(meta(tmp_path / "a.mha", CINE.tobytes(), CINE_HEADER))
    np.testing.assert_array_equal(study.cine.array, CINE)
    assert study.cine.frame_interval_ms == 30.0
    assert study.cine.geometry.origin_mm == (-10.0, 20.0, 30.5)


def test_many_values_a_voxel_are_frames(tmp_path):
    path = meta(tmp_path / "a.mha", np.moveaxis(CINE, 0, -1).tobytes(), ElementNumberOfChannels="6")
    np.testing.assert_array_equal(read_study(path).cine.array, CINE)


def test_a_slice_has_a_normal_and_a_noted_thickness(tmp_path):
    two = HEADER.replace("NDims = 3", "NDims = 2").replace(TURNED, "1 0 0 1").replace("20 30.5", "20")
    two = two.replace("99 8", "99").replace("72 5", "72")
    study = read_study(meta(tmp_path / "a.mha", VOXELS[0].tobytes(), two))
    assert study.cine.array.shape == (1, 1, 72, 80)
    assert study.cine.geometry.spacing_mm == (1.0, pytest.approx(1.4), 1.5)
    assert [note.key for note in study.notes] == ["thickness_missing"]


def test_a_header_without_orientation_is_noted(tmp_path):
    study = read_study(meta(tmp_path / "a.mha", TransformMatrix="0 0 0 0 0 0 0 0 0"))
    assert [note.key for note in study.notes] == ["orientation_missing"]


@pytest.mark.parametrize(
    ("fields", "voxels"),
    [
        ({"DimSize": "80 72 9"}, VOXELS.tobytes()),
        ({"CompressedData": "True"}, zlib.compress(VOXELS.tobytes())[:-9]),
        ({"CompressedData": "True"}, zlib.compress(VOXELS.tobytes() + bytes(2**22))),
        ({"ElementNumberOfChannels": "3"}, VOXELS.tobytes() * 3),
        ({"ElementType": "MET_STRING"}, VOXELS.tobytes()),
        ({"DimSize": "80 72"}, VOXELS.tobytes()),
        ({"DimSize": "80 72 99999999"}, VOXELS.tobytes()),
        ({"ElementDataFile": "roe^jane.raw"}, b""),
        ({"ElementDataFile": "LIST"}, b""),
        ({"NDims": "three"}, VOXELS.tobytes()),
    ],
)
def test_damaged_files_are_refused_without_a_header_s_text(tmp_path, fields, voxels):
    header = HEADER.replace("ElementDataFile = LOCAL\n", "") if "ElementDataFile" in fields else HEADER
    kept = {name: value for name, value in fields.items() if name != "ElementDataFile"}
    path = meta(tmp_path / "a.mha", b"", header, **kept)
    last = f"ElementDataFile = {fields['ElementDataFile']}\n" if "ElementDataFile" in fields else ""
    path.write_bytes(path.read_bytes() + last.encode() + voxels)
    with pytest.raises(InputError, match=r"a\.mha") as caught:
        read_study(path)
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"a note", HEADER.split("DimSize", maxsplit=1)[0].encode()])
def test_other_content_is_refused(tmp_path, content):
    (tmp_path / "a.mha").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mha"):
        read_study(tmp_path / "a.mha")


@pytest.mark.parametrize("ending", [".mha", ".mhd"])
def test_a_mask_has_the_image_s_grid_and_none_of_its_text(tmp_path, ending):
    (tmp_path / "a.raw").write_bytes(CINE.tobytes())
    header = CINE_HEADER if ending == ".mha" else CINE_HEADER.replace("LOCAL", "a.raw")
    voxels = CINE.tobytes() if ending == ".mha" else b""
    image = meta(tmp_path / f"a{ending}", voxels, header, Comment="Jane Roe")
    study = read_study(image)
    assert mask_suffix(study) == ".mha"
    labels = np.random.default_rng(2).integers(0, 4, CINE.shape).astype(np.uint8)
    write_mask(tmp_path / "m.mha", Segmentation(labels, study.cine.geometry, VENTRICLES), study)
    content = (tmp_path / "m.mha").read_bytes()
    assert b"Jane" not in content
    head, packed = content.split(b"LOCAL\n", maxsplit=1)
    fields = dict(line.split(" = ") for line in head.decode().splitlines()[:-1])
    assert fields["DimSize"] == "80 72 5 6"
    assert fields["ElementSpacing"].split()[-1] == "30"
    assert int(fields["CompressedDataSize"]) == len(packed)
    assert zlib.decompress(packed) == labels.tobytes()
    again = read_mask(tmp_path / "m.mha")
    np.testing.assert_array_equal(again.cine.array, labels)
    assert again.cine.geometry == study.cine.geometry


def test_the_spacing_that_is_given_is_written(tmp_path):
    study = read_study(meta(tmp_path / "a.mha"), spacing_mm=(9.0, 1.2, 1.1))
    labels = np.zeros(study.cine.array.shape, np.uint8)
    labels[0, 2] = 1
    write_mask(tmp_path / "m.mha", Segmentation(labels, study.cine.geometry, VENTRICLES), study)
    assert read_mask(tmp_path / "m.mha").cine.geometry.spacing_mm == (9.0, 1.2, 1.1)


def test_directions_beyond_all_numbers_are_no_orientation(tmp_path):
    study = read_study(meta(tmp_path / "a.mha", TransformMatrix="1e308 1e308 0 0 1e308 1 1 0 0"))
    assert [note.key for note in study.notes] == ["orientation_missing"]
