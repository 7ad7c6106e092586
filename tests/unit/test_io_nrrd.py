"""NRRD files as they come: encodings, spaces, time in front or behind."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nrrd
import numpy as np
import pytest

from septum.core import VENTRICLES, InputError, Segmentation
from septum.core.errors import Remedy
from septum.core.geometry import IDENTITY_DIRECTION
from septum.io import mask_suffix, read_mask, read_study, write_mask
from septum.io.nrrd import nrrd_files

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import Study

DIRECTIONS = [[1.5, 0, 0], [0, 1.4, 0], [0, 0, 8]]
NONE = [np.nan] * 3


def noise(*shape: int, dtype: str = "i2") -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


def write_nrrd(path: Path, array: NDArray[Any], **fields: object) -> Path:
    header = {name.replace("_", " "): value for name, value in fields.items()}
    nrrd.write(str(path), array, header, compression_level=1)
    return path


def write_lps(path: Path, array: NDArray[Any], **fields: object) -> Path:
    given = {"space": "left-posterior-superior", "space_directions": DIRECTIONS, **fields}
    return write_nrrd(path, array, **given)


def some_labels(study: Study) -> Segmentation:
    labels = np.random.default_rng(1).integers(0, 4, study.cine.array.shape).astype(np.uint8)
    return Segmentation(labels, study.cine.geometry, VENTRICLES)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
@pytest.mark.parametrize("ending", [".nrrd", ".nhdr"])
def test_encodings_give_the_same_values(tmp_path: Path, encoding: str, ending: str) -> None:
    array = noise(80, 72, 3)
    study = read_study(write_lps(tmp_path / f"a{ending}", array, encoding=encoding))
    assert study.cine.array.dtype == np.float32
    np.testing.assert_array_equal(study.cine.array[0], array.T)


@pytest.mark.parametrize("skip", ["byte skip: 7\n", "byte skip: -1\n"])
def test_what_is_before_packed_voxels_is_skipped(tmp_path: Path, skip: str) -> None:
    array = noise(80, 72, 3)
    path = write_lps(tmp_path / "a.nhdr", array, encoding="gzip")
    path.write_bytes(path.read_bytes().rstrip(b"\n") + f"\nline skip: 2\n{skip}".encode())
    packed = gzip.compress(b"a title" + array.tobytes("F"))
    (tmp_path / "a.raw.gz").write_bytes(b"one line\nanother\n" + packed)
    np.testing.assert_array_equal(read_study(path).cine.array[0], array.T)


def test_big_endian_is_read(tmp_path: Path) -> None:
    array = noise(80, 72, 3, dtype=">i2")
    np.testing.assert_array_equal(read_study(write_lps(tmp_path / "a.nrrd", array)).cine.array[0], array.T)


@pytest.mark.parametrize(
    ("space", "origin", "x_direction", "y_direction"),
    [
        ("left-posterior-superior", (1, 2, 3), (1, 0, 0), (0, 1, 0)),
        ("right-anterior-superior", (-1, -2, 3), (-1, 0, 0), (0, -1, 0)),
        ("LAS", (1, -2, 3), (1, 0, 0), (0, -1, 0)),
    ],
)
def test_spaces_become_lps_by_hand(
    tmp_path: Path,
    space: str,
    origin: tuple[int, ...],
    x_direction: tuple[int, ...],
    y_direction: tuple[int, ...],
) -> None:
    path = write_lps(tmp_path / "a.nrrd", noise(80, 72, 3), space=space, space_origin=[1.0, 2.0, 3.0])
    geometry = read_study(path).cine.geometry
    assert geometry.origin_mm == origin
    assert geometry.spacing_mm == pytest.approx((8.0, 1.4, 1.5))
    np.testing.assert_array_equal(np.asarray(geometry.direction).T, [(0, 0, 1), y_direction, x_direction])


def test_time_is_found_in_front(tmp_path: Path) -> None:
    array = noise(4, 80, 72, 3)
    fields = {"space_directions": [NONE, *DIRECTIONS], "kinds": ["list", "domain", "domain", "domain"]}
    study = read_study(write_lps(tmp_path / "a.nrrd", array, **fields))
    np.testing.assert_array_equal(study.cine.array, array.transpose(0, 3, 2, 1))


def test_time_is_found_behind_with_its_step(tmp_path: Path) -> None:
    array = noise(80, 72, 3, 4)
    fields = {
        "space": "left-posterior-superior-time",
        "space_directions": [[*row, 0] for row in DIRECTIONS] + [[0, 0, 0, 40.0]],
        "units": ["mm", "mm", "mm", "ms"],
    }
    study = read_study(write_lps(tmp_path / "a.nrrd", array, **fields))
    np.testing.assert_array_equal(study.cine.array, array.transpose(3, 2, 1, 0))
    assert study.cine.frame_interval_ms == 40.0


@pytest.mark.parametrize(
    ("kinds", "order"),
    [
        (["time", "space", "space", "space"], (0, 3, 2, 1)),
        (["space", "space", "space", "time"], (3, 2, 1, 0)),
        (None, (3, 2, 1, 0)),
    ],
)
def test_time_without_directions_goes_by_kinds_or_is_last(
    tmp_path: Path, kinds: list[str] | None, order: tuple[int, ...]
) -> None:
    array = noise(40, 45, 50, 44)
    fields: dict[str, object] = {"kinds": kinds} if kinds else {}
    study = read_study(write_nrrd(tmp_path / "a.nrrd", array, spacings=[2.0] * 4, **fields))
    np.testing.assert_array_equal(study.cine.array, array.transpose(order))
    assert study.cine.geometry.direction == IDENTITY_DIRECTION
    assert "orientation_missing" in {note.key for note in study.notes}


def test_a_slice_is_a_volume_of_one(tmp_path: Path) -> None:
    study = read_study(write_nrrd(tmp_path / "a.nrrd", noise(80, 72), spacings=[1.5, 1.4]))
    assert study.cine.array.shape == (1, 1, 72, 80)
    assert study.cine.geometry.spacing_mm == (1.0, 1.4, 1.5)


@pytest.mark.parametrize("frames", [(), (4,)])
def test_a_slice_whose_thickness_is_zero_is_one_without(tmp_path: Path, frames: tuple[int, ...]) -> None:
    oblique = [[0.0, 1.5, 0.0], [0.0, 0.0, 1.4], [0.0, 0.0, 0.0]]
    directions = [*oblique, *(NONE for _ in frames)]
    path = write_lps(tmp_path / "a.nrrd", noise(80, 72, 1, *frames), space_directions=directions)
    study = read_study(path)
    assert study.cine.geometry.spacing_mm == (1.0, 1.4, 1.5)
    assert [note.key for note in study.notes] == ["thickness_missing"]
    # The missing direction is the normal: y cross z is x.
    np.testing.assert_array_equal(np.asarray(study.cine.geometry.direction).T, np.eye(3)[[0, 2, 1]])
    write_mask(tmp_path / "m.nrrd", some_labels(study), study)
    np.testing.assert_array_equal(nrrd.read_header(str(tmp_path / "m.nrrd"))["space directions"], directions)


def test_of_sheared_directions_the_nearest_right_angled_axes_are_taken(tmp_path: Path) -> None:
    sheared = [[1.5, 0, 0], [0, 1.4, 0], [0.8, 0, 8.0]]
    study = read_study(write_lps(tmp_path / "a.nrrd", noise(80, 72, 3), space_directions=sheared))
    direction = np.asarray(study.cine.geometry.direction)
    np.testing.assert_allclose(direction.T @ direction, np.eye(3), atol=1e-12)
    # atan(0.1) is 5.7 degrees.
    assert [note.key for note in study.notes] == ["axes_not_right_angled"]
    write_mask(tmp_path / "m.nrrd", some_labels(study), study)
    np.testing.assert_array_equal(nrrd.read_header(str(tmp_path / "m.nrrd"))["space directions"], sheared)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"space_directions": [[0, 0, 0], *DIRECTIONS[1:]]}, "true spacing"),
        ({"kinds": ["vector", "domain", "domain"]}, "grey values"),
        ({"kinds": ["RGB-color", "domain", "domain"]}, "grey values"),
    ],
)
def test_unusable_headers_are_refused(tmp_path: Path, fields: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_study(write_lps(tmp_path / "a.nrrd", noise(3, 72, 80), **fields))


@pytest.mark.parametrize("spacings", [None, [1.5, -1.4, 8.0], [0.0, 1.4, 8.0]])
def test_missing_zero_and_negative_spacings_are_refused(tmp_path: Path, spacings: list[float] | None) -> None:
    fields: dict[str, object] = {} if spacings is None else {"spacings": spacings}
    path = write_nrrd(tmp_path / "a.nrrd", noise(80, 72, 3), **fields)
    with pytest.raises(InputError) as caught:
        read_study(path)
    assert caught.value.remedy is Remedy.SPACING
    assert read_study(path, spacing_mm=(8.0, 1.4, 1.5)).cine.geometry.spacing_mm == (8.0, 1.4, 1.5)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_a_truncated_file_is_refused(tmp_path: Path, encoding: str) -> None:
    path = write_lps(tmp_path / "a.nrrd", noise(80, 72, 3), encoding=encoding)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=r"a\.nrrd"):
        read_study(path)


def test_text_of_a_header_stays_out_of_errors(tmp_path: Path) -> None:
    path = write_lps(tmp_path / "a.nhdr", noise(80, 72, 3), encoding="raw")
    content = path.read_bytes()
    for named in (b"data file: roe^jane.raw", b"data file: a.raw\nkinds: roe^jane space space"):
        path.write_bytes(content.replace(b"data file: a.raw", named))
        with pytest.raises(InputError, match=r"a\.nhdr") as caught:
            read_study(path)
        assert "jane" not in str(caught.value)
    assert "neither space nor time" in str(caught.value)


def test_missing_detached_voxels_are_told(tmp_path: Path) -> None:
    path = write_lps(tmp_path / "a.nhdr", noise(80, 72, 3), encoding="raw")
    (tmp_path / "a.raw").unlink()
    with pytest.raises(InputError, match="missing: expected the file of voxels that the header names"):
        read_study(path)


@pytest.mark.parametrize("content", [b"", b"a note", b"NRRD0005\nwhat\n\n", b"NRRD0005\ntype: short\n\n"])
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nrrd").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.nrrd"):
        read_study(tmp_path / "a.nrrd")


def test_a_mask_has_the_image_grid_and_none_of_its_text(tmp_path: Path) -> None:
    fields = {
        "space_directions": [NONE, *DIRECTIONS],
        "space_origin": [1.1, -2.2, 3.3],
        "kinds": ["list", "domain", "domain", "domain"],
        "content": "Jane Roe",
        "labels": ["Jane", "Roe", "born", "1950"],
        "units": ["Jane", "mm", "mm", "mm"],
        "PatientName": "Jane Roe",
    }
    image = write_lps(tmp_path / "a.nrrd", noise(4, 80, 72, 3), **fields)
    study = read_study(image)
    assert mask_suffix(study) == ".nrrd"
    mask = some_labels(study)
    write_mask(tmp_path / "a_mask.nrrd", mask, study)

    written, header = nrrd.read(str(tmp_path / "a_mask.nrrd"))
    _, original = nrrd.read(str(image))
    assert written.dtype == np.uint8
    np.testing.assert_array_equal(written, mask.labels.transpose(0, 3, 2, 1))
    for field in ("space", "space directions", "space origin", "kinds", "sizes"):
        np.testing.assert_array_equal(header[field], original[field])
    assert set(header) <= {*original, "encoding"} - {"content", "labels", "PatientName", "endian"}
    content = (tmp_path / "a_mask.nrrd").read_bytes()
    assert b"Jane" not in content
    assert b"1950" not in content
    np.testing.assert_array_equal(read_mask(tmp_path / "a_mask.nrrd").cine.array, mask.labels)


@pytest.mark.parametrize("directions", [True, False])
def test_the_spacing_that_is_asked_for_is_written(tmp_path: Path, *, directions: bool) -> None:
    if directions:
        path = write_lps(tmp_path / "a.nrrd", noise(80, 72, 3))
    else:
        path = write_nrrd(tmp_path / "a.nrrd", noise(80, 72, 3))
    study = read_study(path, spacing_mm=(9.0, 1.2, 1.1))
    write_mask(tmp_path / "a_mask.nrrd", some_labels(study), study)
    assert read_mask(tmp_path / "a_mask.nrrd").cine.geometry.spacing_mm == pytest.approx((9.0, 1.2, 1.1))


def test_sizes_that_are_no_numbers_are_refused(tmp_path):
    path = write_lps(tmp_path / "a.nrrd", noise(80, 72, 3))
    path.write_bytes(path.read_bytes().replace(b"sizes: 80 72 3", b"sizes: nan 72 3"))
    with pytest.raises(InputError):
        read_study(path)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "hex", "text"])
@pytest.mark.parametrize(
    "where", ["LIST", "LIST 2", "s%03d.raw 0 2 1", "s%03d.raw 2 0 -1 2", "s0.raw", "attached"]
)
def test_voxels_in_any_number_of_files_and_encoding(tmp_path: Path, where: str, encoding: str) -> None:
    array = noise(80, 72, 3)
    order = [2, 1, 0] if "-1" in where else [0, 1, 2]
    pack = {
        "raw": bytes,
        "gzip": gzip.compress,
        "hex": lambda raw: raw.hex().encode(),
        "text": lambda raw: " ".join(map(str, np.frombuffer(raw, "<i2"))).encode(),
    }[encoding]
    for place, z in enumerate(order):
        (tmp_path / f"s{place:03}.raw").write_bytes(pack(array[:, :, z].tobytes("F")))
    (tmp_path / "s0.raw").write_bytes(pack(array.tobytes("F")))
    listed = "".join(f"s{z:03}.raw\n" for z in range(3)) if "LIST" in where else ""
    fields = "type: short\ndimension: 3\nspace: lps\nsizes: 80 72 3\nendian: little\n"
    fields += f"space directions: (1.5,0,0) (0,1.4,0) (0,0,8)\nencoding: {encoding}\n"
    if where == "attached":
        content = f"NRRD0005\n{fields}\n".encode() + pack(array.tobytes("F"))
    else:
        content = f"NRRD0005\n{fields}data file: {where}\n{listed}".encode()
    (tmp_path / "a.nhdr").write_bytes(content)
    np.testing.assert_array_equal(read_study(tmp_path / "a.nhdr").cine.array[0], array.T)
    files = len({"attached": (1,), "s0.raw": (1, 2)}.get(where, (1, 2, 3, 4)))
    assert len(nrrd_files(tmp_path / "a.nhdr")) == files


@pytest.mark.parametrize(
    "where", ["LIST", "s%03d.raw 0 99999999 1", "s%03d.raw 0 2 0", "s%999999d.raw 0 2 1", "s%s.raw 0 2 1"]
)
def test_lists_and_patterns_that_lead_nowhere_are_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "a.nhdr").write_text(
        "NRRD0005\ntype: short\ndimension: 3\nsizes: 80 72 3\nspacings: 1 1 8\nendian: little\n"
        "encoding: raw\n"
        f"data file: {where}\n"
    )
    with pytest.raises(InputError, match=r"a\.nhdr"):
        read_study(tmp_path / "a.nhdr")


LISTED = {"space_directions": [*DIRECTIONS, NONE], "kinds": ["domain", "domain", "domain", "list"]}


@pytest.mark.parametrize(
    ("fields", "times_ms", "interval_ms"),
    [
        (
            {"axis 3 index type": "numeric", "axis 3 index values": "0 30 60 90"},
            (0.0, 30.0, 60.0, 90.0),
            30.0,
        ),
        ({"axis 3 index values": "0 .03 .06 .12"}, (0.0, 30.0, 60.0, 120.0), 40.0),
        (
            {"axis 3 index values": "0 0.5 1 1.5", "units": ["mm", "mm", "mm", "s"]},
            (0.0, 500.0, 1000.0, 1500.0),
            500,
        ),
        ({"axis 3 index values": "0 1 2 3"}, None, None),
        ({"axis 3 index values": "0 30 20 40"}, None, None),
        ({"axis 3 index values": "0 40 80 1e308", "units": ["mm", "mm", "mm", "s"]}, None, None),
        ({"axis 3 index values": "0 30 60"}, None, None),
        ({"axis 3 index type": "text", "axis 3 index values": "0 30 60 90"}, None, None),
        (
            {
                "MultiVolume.FrameIdentifyingDICOMTagName": "TriggerTime",
                "MultiVolume.FrameIdentifyingDICOMTagUnits": "ms",
                "MultiVolume.FrameLabels": "12,52,92,132",
            },
            (12.0, 52.0, 92.0, 132.0),
            40.0,
        ),
        (
            {
                "MultiVolume.FrameIdentifyingDICOMTagName": "FlipAngle",
                "MultiVolume.FrameLabels": "10,20,30,40",
            },
            None,
            None,
        ),
    ],
)
def test_frame_times_of_slicer_are_used(
    tmp_path: Path, fields: dict[str, object], times_ms: tuple[float, ...] | None, interval_ms: float | None
) -> None:
    path = write_lps(tmp_path / "a.seq.nrrd", noise(80, 72, 3, 4), **LISTED, **fields)
    cine = read_study(path).cine
    assert cine.frame_times_ms == times_ms
    assert cine.frame_interval_ms == (None if interval_ms is None else pytest.approx(interval_ms))
