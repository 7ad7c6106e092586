"""NIfTI files as they come: odd headers, odd shapes, odd types."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header

from septum.core import VENTRICLES, InputError, Segmentation
from septum.core.geometry import IDENTITY_DIRECTION
from septum.io import read_mask, read_study, write_mask
from septum.io.nifti import nifti_files

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (80, 72, 5)
PIXDIM = (1.5625, 1.5, 10.0)
UNIT_SCALED = {
    "sform_code": 2,
    "srow_x": (-1, 0, 0, 0),
    "srow_y": (0, -1, 0, 0),
    "srow_z": (0, 0, 1, 0),
}


def noise(shape: tuple[int, ...], dtype: str = "<i2") -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


def write_raw(
    path: Path,
    array: NDArray[Any],
    pixdim: tuple[float, ...] = PIXDIM,
    kind: type = Nifti1Header,
    endianness: str = "<",
    qfac: float = 1.0,
    **fields: object,
) -> Path:
    """A NIfTI file with a header that no library has tidied up."""
    header = kind(endianness=endianness)
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    header["pixdim"][0] = qfac
    header["pixdim"][1 : len(pixdim) + 1] = pixdim
    header["vox_offset"] = len(header.binaryblock) + 4
    for name, value in fields.items():
        header[name] = value
    content = header.binaryblock + bytes(4) + array.astype(array.dtype.newbyteorder(endianness)).tobytes("F")
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


def test_the_grid_is_native_and_reversed(tmp_path: Path) -> None:
    array = noise(SHAPE)
    study = read_study(write_raw(tmp_path / "a.nii.gz", array, **UNIT_SCALED))
    assert study.cine.array.shape == (1, 5, 72, 80)
    assert study.cine.array.dtype == np.float32
    assert study.cine.array.flags.c_contiguous
    assert study.cine.array.flags.writeable
    assert study.cine.array[0, 4, 3, 2] == array[2, 3, 4]
    assert len(study.sha256) == 64


def test_a_unit_scaled_affine_gives_way_to_pixdim_and_is_reported(tmp_path: Path) -> None:
    study = read_study(write_raw(tmp_path / "a.nii.gz", noise(SHAPE), **UNIT_SCALED))
    geometry = study.cine.geometry
    assert geometry.spacing_mm == (10.0, 1.5, 1.5625)
    assert geometry.voxel_volume_ml == pytest.approx(0.0234375)
    # RAS columns (-1, 0, 0), (0, -1, 0), (0, 0, 1) are LPS x, y, z: the identity.
    np.testing.assert_allclose(geometry.direction, IDENTITY_DIRECTION)
    assert [note.key for note in study.notes] == ["affine_scale_disagrees"]


def test_a_lost_spacing_that_an_affine_contradicts_is_reported(tmp_path: Path) -> None:
    # 30 slices at 1 mm could show a heart: the note says what the affine says.
    rows = {"srow_x": (1.5, 0, 0, 0), "srow_y": (0, 1.5, 0, 0), "srow_z": (0, 0, 10, 0)}
    path = write_raw(tmp_path / "a.nii", noise((80, 72, 30)), (1.0, 1.0, 1.0), sform_code=1, **rows)
    (note,) = read_study(path).notes
    assert "10 x 1.5 x 1.5 mm" in note.text


def test_an_affine_that_agrees_is_not_remarked_upon(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(noise(SHAPE), np.diag([1.5, 1.5, 8.0, 1.0])), path)
    study = read_study(path)
    assert study.notes == ()
    assert study.cine.geometry.spacing_mm == (8.0, 1.5, 1.5)


def test_ras_becomes_lps_by_hand(tmp_path: Path) -> None:
    affine = np.array([[0, 0, 8, -10], [1.5, 0, 0, 20], [0, -1.4, 0, 30], [0, 0, 0, 1]], float)
    nib.save(nib.Nifti1Image(noise(SHAPE), affine), tmp_path / "a.nii")
    geometry = read_study(tmp_path / "a.nii").cine.geometry
    assert geometry.origin_mm == (10.0, -20.0, 30.0)
    assert geometry.spacing_mm == pytest.approx((8.0, 1.4, 1.5))
    # Z runs to the right (-x in LPS), Y to the feet (-z), X to the front (-y).
    np.testing.assert_allclose(geometry.direction, [[-1, 0, 0], [0, 0, -1], [0, -1, 0]])


@pytest.mark.parametrize(("degrees", "told"), [(0.0, False), (0.5, False), (1.5, True), (20.0, True)])
@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_of_a_sheared_affine_the_nearest_right_angled_axes_are_taken(
    tmp_path: Path, degrees: float, flip: float, *, told: bool
) -> None:
    # X and Y lean towards each other by half of the angle each: their bisector stays where it is.
    half = np.deg2rad(degrees) / 2
    units = np.array([[np.cos(half), np.sin(half), 0], [np.sin(half), np.cos(half), 0], [0, 0, flip]])
    rows = {f"srow_{a}": (*(units[i] * [1.5, 1.4, 8.0]), 0.0) for i, a in enumerate("xyz")}
    path = write_raw(tmp_path / "a.nii", noise(SHAPE), (1.5, 1.4, 8.0), sform_code=1, **rows)
    study = read_study(path)
    assert study.cine.geometry.spacing_mm == pytest.approx((8.0, 1.4, 1.5))
    expected = [[0, 0, -1], [0, -1, 0], [flip, 0, 0]]  # of (Z, Y, X) in LPS
    np.testing.assert_allclose(study.cine.geometry.direction, expected, atol=1e-6)
    assert all(
        note.key == "axes_not_right_angled" and f"{degrees:.2g} degrees" in note.text for note in study.notes
    )
    assert bool(study.notes) is told


def test_without_an_sform_the_qform_is_used_with_its_handedness(tmp_path: Path) -> None:
    half = np.sqrt(0.5)  # a quarter turn about z: x to y, y to -x
    fields = {"qform_code": 1, "quatern_d": half, "qoffset_x": 5.0}
    geometry = read_study(write_raw(tmp_path / "a.nii", noise(SHAPE), qfac=-1.0, **fields)).cine.geometry
    assert geometry.origin_mm == (-5.0, 0.0, 0.0)
    np.testing.assert_allclose(geometry.direction, [[0, 1, 0], [0, 0, -1], [-1, 0, 0]], atol=1e-6)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"sform_code": 1},
        {"sform_code": 1, "srow_x": (1, 1, 0, 0), "srow_y": (1, 1, 0, 0), "srow_z": (0, 0, 1, 0)},
        {"qform_code": 1, "quatern_b": 3.0},
    ],
)
def test_without_a_usable_orientation_axes_are_taken_as_they_stand(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    study = read_study(write_raw(tmp_path / "a.nii", noise(SHAPE), **fields))
    assert study.cine.geometry.direction == IDENTITY_DIRECTION
    assert "orientation_missing" in {note.key for note in study.notes}


@pytest.mark.parametrize(
    ("shape", "cine_shape"),
    [
        ((80, 72), (1, 1, 72, 80)),
        ((80, 72, 1), (1, 1, 72, 80)),
        ((80, 72, 5), (1, 5, 72, 80)),
        ((80, 72, 5, 1), (1, 5, 72, 80)),
        ((80, 72, 5, 3), (3, 5, 72, 80)),
        ((80, 72, 1, 3), (3, 1, 72, 80)),
        ((80, 72, 5, 1, 3), (3, 5, 72, 80)),
        ((80, 72, 5, 3, 1), (3, 5, 72, 80)),
    ],
)
def test_every_shape_of_a_study_is_read(
    tmp_path: Path, shape: tuple[int, ...], cine_shape: tuple[int, ...]
) -> None:
    array = noise(shape)
    study = read_study(write_raw(tmp_path / "a.nii.gz", array, **UNIT_SCALED))
    assert study.cine.array.shape == cine_shape
    np.testing.assert_array_equal(study.cine.array[-1, -1], array.reshape(80, 72, -1, order="F")[:, :, -1].T)


@pytest.mark.parametrize("shape", [(80, 72), (80, 72, 1), (80, 72, 1, 3)])
@pytest.mark.parametrize("thickness", [0.0, np.nan])
def test_a_slice_without_thickness_says_what_was_taken(
    tmp_path: Path, shape: tuple[int, ...], thickness: float
) -> None:
    study = read_study(write_raw(tmp_path / "a.nii", noise(shape), (1.5, 1.5, thickness), **UNIT_SCALED))
    assert study.cine.geometry.spacing_mm == (1.0, 1.5, 1.5)
    assert "thickness_missing" in {note.key for note in study.notes}


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("endianness", ["<", ">"])
def test_types_and_byte_orders_give_the_same_values(tmp_path: Path, dtype: str, endianness: str) -> None:
    array = (noise(SHAPE) % 100).astype(dtype)
    study = read_study(write_raw(tmp_path / "a.nii", array, endianness=endianness, **UNIT_SCALED))
    assert study.cine.array.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(study.cine.array[0], array.T)


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    array = noise(SHAPE)
    path = write_raw(tmp_path / "a.nii", array, scl_slope=0.5, scl_inter=-3.0, **UNIT_SCALED)
    np.testing.assert_array_equal(read_study(path).cine.array[0], array.T * 0.5 - 3.0)


def test_a_slope_of_zero_or_nan_means_none(tmp_path: Path) -> None:
    array = noise(SHAPE)
    for slope in (0.0, np.nan):
        path = write_raw(tmp_path / "a.nii", array, scl_slope=slope, scl_inter=7.0, **UNIT_SCALED)
        np.testing.assert_array_equal(read_study(path).cine.array[0], array.T)


def test_nifti_2_and_pairs_are_read(tmp_path: Path) -> None:
    array = noise(SHAPE)
    study = read_study(write_raw(tmp_path / "a.nii.gz", array, kind=Nifti2Header, **UNIT_SCALED))
    np.testing.assert_array_equal(study.cine.array[0], array.T)
    nib.save(nib.Nifti1Pair(array, np.diag([1.5, 1.5, 8.0, 1.0])), tmp_path / "b.hdr")
    for half in ("b.hdr", "b.img"):
        np.testing.assert_array_equal(read_study(tmp_path / half).cine.array[0], array.T)


@pytest.mark.parametrize(
    ("code", "pixdim"), [(0, PIXDIM), (2, PIXDIM), (1, (0.0015625, 0.0015, 0.01)), (3, (1562.5, 1500, 10000))]
)
def test_units_of_length_are_turned_into_mm(tmp_path: Path, code: int, pixdim: tuple[float, ...]) -> None:
    study = read_study(write_raw(tmp_path / "a.nii", noise(SHAPE), pixdim, xyzt_units=code))
    assert study.cine.geometry.spacing_mm == pytest.approx((10.0, 1.5, 1.5625))


@pytest.mark.parametrize(
    ("code", "value", "interval_ms"),
    [
        (8, 0.04, 40.0),
        (16, 40.0, 40.0),
        (24, 40000.0, 40.0),
        (0, 0.04, 40.0),
        (0, 40.0, 40.0),
        (0, 1.0, None),
        (8, 0.0, None),
        (8, -1.0, None),
    ],
)
def test_the_time_between_frames_is_believed_where_it_is_stated_or_likely(
    tmp_path: Path, code: int, value: float, interval_ms: float | None
) -> None:
    path = write_raw(tmp_path / "a.nii", noise((*SHAPE, 2)), (*PIXDIM, value), xyzt_units=code | 2)
    assert read_study(path).cine.frame_interval_ms == pytest.approx(interval_ms)


def test_the_spacing_that_is_asked_for_wins_and_is_reported(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.nii", noise(SHAPE), (0.0, 0.0, 0.0), **UNIT_SCALED)
    study = read_study(path, spacing_mm=(8.0, 1.4, 1.3))
    assert study.cine.geometry.spacing_mm == (8.0, 1.4, 1.3)
    assert "spacing_given" in {note.key for note in study.notes}


def test_a_gzip_file_without_its_ending_is_read(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.nii.gz", noise(SHAPE), **UNIT_SCALED)
    path.rename(tmp_path / "a.nii")
    assert read_study(tmp_path / "a.nii").cine.array.shape == (1, 5, 72, 80)


def test_a_mask_is_read_as_labels(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, "u1")
    labels[20:40, 20:40] = 3
    study = read_mask(write_raw(tmp_path / "a_gt.nii.gz", labels, **UNIT_SCALED))
    assert study.cine.array.dtype == np.uint8
    np.testing.assert_array_equal(study.cine.array[0], labels.T)


def test_an_empty_mask_and_a_small_one_are_read(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a_gt.nii.gz", np.zeros((4, 4, 2), "f4"), (1.0, 1.0, 1.0))
    assert not read_mask(path).cine.array.any()


@pytest.mark.parametrize(
    ("header_ending", "voxel_ending"),
    [(".hdr.gz", ".img.gz"), (".hdr", ".img.gz"), (".hdr.gz", ".img"), (".HDR", ".IMG"), (".hdr", ".IMG")],
)
def test_either_half_of_a_pair_may_be_packed(tmp_path: Path, header_ending: str, voxel_ending: str) -> None:
    array = noise(SHAPE)
    nib.save(nib.Nifti1Pair(array, np.diag([1.5, 1.5, 8.0, 1.0])), tmp_path / "made.hdr")
    for made, ending in ((".hdr", header_ending), (".img", voxel_ending)):
        content = (tmp_path / f"made{made}").read_bytes()
        (tmp_path / f"a{ending}").write_bytes(gzip.compress(content) if "gz" in ending else content)
    for ending in (header_ending, voxel_ending):
        np.testing.assert_array_equal(read_study(tmp_path / f"a{ending}").cine.array[0], array.T)
    assert len(nifti_files(tmp_path / f"a{header_ending}")) == 2


@pytest.mark.parametrize("size", [Nifti1Header, Nifti2Header])
@pytest.mark.parametrize(
    "fields",
    [
        {"quatern_b": 0.9, "quatern_c": 0.9},
        {"quatern_d": np.nan},
        {"qoffset_x": np.inf},
    ],
)
def test_a_mask_has_no_quaternion_that_other_programs_refuse(
    tmp_path: Path, size: type, fields: dict[str, float]
) -> None:
    study = read_study(write_raw(tmp_path / "a.nii", noise(SHAPE), kind=size, qform_code=1, **fields))
    labels = np.ones(study.cine.array.shape, np.uint8)
    write_mask(tmp_path / "m.nii.gz", Segmentation(labels, study.cine.geometry, VENTRICLES), study)
    mask = nib.load(tmp_path / "m.nii.gz")
    assert np.isfinite(mask.affine).all()
    assert mask.header["qform_code"] == 0
    assert mask.header.get_zooms() == pytest.approx(PIXDIM)
    assert read_mask(tmp_path / "m.nii.gz").cine.geometry.spacing_mm == study.cine.geometry.spacing_mm


def beating(frames: int) -> NDArray[Any]:
    """A cine (X, Y, Z, T) whose frames are alike, and whose slices are not."""
    slices = np.random.default_rng(0).integers(0, 900, (64, 60, 5, 1))
    return (slices + np.random.default_rng(1).integers(0, 40, (64, 60, 5, frames))).astype("<i2")


def test_time_in_front_is_told_in_place_of_a_spacing(tmp_path: Path) -> None:
    array = np.moveaxis(beating(12), 3, 0)
    with pytest.raises(InputError, match="X, Y, Z, time") as caught:
        read_study(write_raw(tmp_path / "a.nii", array, (1.0, 1.8, 1.8, 1.0)))
    assert caught.value.remedy is None
    study = read_study(write_raw(tmp_path / "b.nii", array, (4.0, 1.8, 1.8, 1.0)))
    assert "time_misplaced" in {note.key for note in study.notes}


def test_time_behind_is_no_doubt(tmp_path: Path) -> None:
    study = read_study(write_raw(tmp_path / "a.nii", beating(12), (1.8, 1.8, 8.0, 30.0)))
    assert "time_misplaced" not in {note.key for note in study.notes}


def test_an_affine_beyond_all_numbers_is_no_orientation(tmp_path: Path) -> None:
    rows = {"srow_x": (1e300, 0, 0, 0), "srow_y": (0, 1.5, 0, 0), "srow_z": (0, 1e300, 10, 0)}
    path = write_raw(tmp_path / "a.nii", noise(SHAPE), kind=Nifti2Header, sform_code=1, **rows)
    assert "orientation_missing" in {note.key for note in read_study(path).notes}
