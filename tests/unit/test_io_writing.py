"""Masks that lie exactly on their images, and images of our own making."""

from __future__ import annotations

import errno
import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.nifti1 import Nifti1Extension

from septum.core import VENTRICLES, Cine, Geometry, OutputError, Segmentation, Study
from septum.io import mask_suffix, read_mask, read_study, write_image, write_mask

SHAPE = (64, 56, 6)


def save(path: Path, shape: tuple[int, ...] = SHAPE, affine: np.ndarray | None = None) -> nib.Nifti1Image:
    array = np.random.default_rng(0).integers(0, 1000, shape).astype(np.int16)
    image = nib.Nifti1Image(array, np.diag([1.5, 1.4, 8.0, 1.0]) if affine is None else affine)
    nib.save(image, path)
    return image


def some_labels(study: Study) -> Segmentation:
    labels = np.random.default_rng(1).integers(0, 4, study.cine.array.shape).astype(np.uint8)
    return Segmentation(labels, study.cine.geometry, VENTRICLES)


@given(
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    flips=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    axes=st.permutations(range(3)),
    shear=st.floats(-0.2, 0.2),
    code=st.sampled_from([(1, 0), (0, 1), (2, 1)]),
)
@settings(max_examples=15)
def test_any_orientation_goes_through_reader_and_writer_unchanged(
    angles: tuple[float, ...],
    flips: tuple[float, ...],
    axes: list[int],
    shear: float,
    code: tuple[int, int],
) -> None:
    a, b, c = angles
    turn_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    columns = (turn_z @ turn_y @ turn_x @ np.diag(flips))[:, axes]
    if code[1] == 0:
        columns[:, 1] += shear * columns[:, 0]
        columns /= np.linalg.norm(columns, axis=0)
    affine = np.eye(4)
    affine[:3, :3] = columns * [1.5, 1.4, 8.0]
    affine[:3, 3] = (-30.0, 12.5, 80.0)
    image = nib.Nifti1Image(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), None)
    image.header["pixdim"][1:4] = (1.5, 1.4, 8.0)
    image.set_sform(affine, code[0])
    image.set_qform(affine, code[1], strip_shears=True)
    with TemporaryDirectory() as folder:
        nib.save(image, Path(folder, "a.nii.gz"))
        study = read_study(Path(folder, "a.nii.gz"))
        mask = some_labels(study)
        write_mask(Path(folder, "m.nii.gz"), mask, study)
        read, written = nib.load(Path(folder, "a.nii.gz")), nib.load(Path(folder, "m.nii.gz"))
        np.testing.assert_array_equal(written.affine, read.affine)
        np.testing.assert_array_equal(written.header["pixdim"][:4], read.header["pixdim"][:4])
        np.testing.assert_array_equal(np.asarray(written.dataobj), mask.labels[0].T)
        for k, j, i in ((0, 0, 0), (5, 3, 2)) if code[1] or not shear else ():  # a shear is not kept
            ras = read.affine @ [i, j, k, 1]
            lps = study.cine.geometry.to_patient_mm((k, j, i))
            np.testing.assert_allclose(lps, ras[:3] * [-1, -1, 1], atol=1e-3)


@pytest.mark.parametrize("shape", [(64, 56), SHAPE, (*SHAPE, 1), (*SHAPE, 3), (*SHAPE, 1, 3), (64, 56, 1, 3)])
def test_the_mask_has_the_shape_of_the_file(tmp_path: Path, shape: tuple[int, ...]) -> None:
    save(tmp_path / "a.nii", shape)
    study = read_study(tmp_path / "a.nii")
    mask = some_labels(study)
    write_mask(tmp_path / "m.nii.gz", mask, study)
    written = nib.load(tmp_path / "m.nii.gz")
    assert written.shape == shape
    assert written.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii.gz").cine.array, mask.labels)


def test_a_unit_scaled_affine_is_kept_and_pixdim_stays_true(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.int16), None)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    image.set_sform(affine, 2)
    image.set_qform(None, 0)
    image.header["pixdim"][1:4] = (1.5625, 1.5625, 10.0)
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + bytes(4) + image.dataobj.tobytes("F"))
    study = read_study(tmp_path / "a.nii")
    write_mask(tmp_path / "m.nii.gz", some_labels(study), study)
    header = nib.load(tmp_path / "m.nii.gz").header
    assert header.get_zooms() == (1.5625, 1.5625, 10.0)
    np.testing.assert_array_equal(header.get_sform(), affine)
    assert (header["sform_code"], header["qform_code"], header["xyzt_units"]) == (2, 0, 0)
    raw = nib.Nifti1Header(gzip.decompress((tmp_path / "m.nii.gz").read_bytes())[:348], check=False)
    assert (raw["scl_slope"], raw["scl_inter"], raw["vox_offset"]) == (1.0, 0.0, 352.0)


@pytest.mark.parametrize(("code", "unit_mm"), [(2, 1.0), (1, 1000.0)])
def test_the_spacing_that_is_asked_for_is_written_in_the_unit_of_the_file(
    tmp_path: Path, code: int, unit_mm: float
) -> None:
    image = save(tmp_path / "a.nii")
    image.header["xyzt_units"] = code
    nib.save(image, tmp_path / "a.nii")
    study = read_study(tmp_path / "a.nii", spacing_mm=(9.0, 1.25, 1.5))
    write_mask(tmp_path / "m.nii.gz", some_labels(study), study)
    zooms = nib.load(tmp_path / "m.nii.gz").header.get_zooms()
    assert zooms == pytest.approx((1.5 / unit_mm, 1.25 / unit_mm, 9.0 / unit_mm))


def test_no_text_of_the_input_reaches_the_mask(tmp_path: Path) -> None:
    image = save(tmp_path / "a.nii")
    for field in ("descrip", "intent_name", "aux_file", "db_name", "data_type"):
        image.header[field] = b"Jane Roe"
    image.header.extensions.append(Nifti1Extension("comment", b"Jane Roe 1950-01-01"))
    nib.save(image, tmp_path / "a.nii")
    assert b"Jane" in (tmp_path / "a.nii").read_bytes()
    study = read_study(tmp_path / "a.nii")
    assert b"Jane" not in study.header.mask_header
    write_mask(tmp_path / "m.nii.gz", some_labels(study), study)
    written = nib.load(tmp_path / "m.nii.gz").header
    assert not written.extensions
    assert all(
        written[field] == b"" for field in ("descrip", "intent_name", "aux_file", "db_name", "data_type")
    )


def test_the_same_mask_gives_the_same_bytes(tmp_path: Path) -> None:
    save(tmp_path / "a.nii.gz")
    study = read_study(tmp_path / "a.nii.gz")
    for name in ("m.nii.gz", "n.nii.gz"):
        write_mask(tmp_path / name, some_labels(study), study)
    assert (tmp_path / "m.nii.gz").read_bytes() == (tmp_path / "n.nii.gz").read_bytes()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.nii.gz")
    study = read_study(tmp_path / "a.nii.gz")
    out = tmp_path / "out"

    def half(path: Path, content: bytes) -> int:
        with path.open("wb") as stream:
            stream.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OutputError, match="No space left"):
        write_mask(out / "m.nii.gz", some_labels(study), study)
    assert list(out.iterdir()) == []


def test_a_mask_on_another_grid_or_with_another_ending_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.nii.gz")
    study = read_study(tmp_path / "a.nii.gz")
    assert mask_suffix(study) == ".nii.gz"
    mask = some_labels(study)
    with pytest.raises(OutputError, match="ending"):
        write_mask(tmp_path / "m.nrrd", mask, study)
    with pytest.raises(ValueError, match="shape"):
        write_mask(tmp_path / "m.nii.gz", Segmentation(mask.labels[:, 1:], mask.geometry, VENTRICLES), study)


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_an_image_of_our_own_comes_back_as_it_was(tmp_path: Path, frames: int, dtype: str) -> None:
    geometry = Geometry((6, 56, 64), (8.0, 1.4, 1.5), (10.0, -20.0, 30.0))
    values = np.random.default_rng(0).integers(0, 255, (frames, *geometry.shape)).astype(dtype)
    write_image(tmp_path / "a.nii.gz", Cine(values, geometry, 40.0))
    study = read_study(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(study.cine.array, values)
    assert study.notes == ()
    assert study.cine.frame_interval_ms == (pytest.approx(40.0) if frames > 1 else None)
    np.testing.assert_allclose(study.cine.geometry.spacing_mm, geometry.spacing_mm, rtol=1e-6)
    np.testing.assert_allclose(study.cine.geometry.origin_mm, geometry.origin_mm, rtol=1e-6)
    np.testing.assert_allclose(study.cine.geometry.direction, geometry.direction, atol=1e-6)
    header = nib.load(tmp_path / "a.nii.gz").header
    assert header.get_xyzt_units() == ("mm", "sec")
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
