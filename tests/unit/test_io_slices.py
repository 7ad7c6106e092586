"""Folders with one file a slice, as dcm2niix leaves some cines."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from septum.core import VENTRICLES, InputError, Segmentation
from septum.io import content_sha256, find_images, nifti, read_mask, read_study, write_mask
from septum.io.slices import MOST_PROBED, slice_files

if TYPE_CHECKING:
    from pathlib import Path

CINE = np.random.default_rng(0).integers(0, 900, (48, 44, 5, 4)).astype(np.int16)
TURN = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]


def affine(z: float, step_mm: float = 9.0) -> np.ndarray:
    """Of slice ``z``, whose own thickness is 6 mm."""
    made = np.eye(4)
    made[:3, :3] = TURN * [2.0, 2.0, 6.0]
    made[:3, 3] = [-40.0, 30.0, 20.0] + TURN[:, 2] * step_mm * z
    return made


def one_a_slice(folder: Path, places: tuple[float, ...] = (0, 1, 2, 3, 4)) -> Path:
    folder.mkdir(exist_ok=True)
    for number, z in enumerate((3, 1, 4, 0, 2)):
        image = nib.Nifti1Image(CINE[:, :, z : z + 1], affine(places[z]))
        image.header.set_xyzt_units("mm", "sec")
        image.header["pixdim"][4] = 0.03
        nib.save(image, folder / f"{number:02}_sax.nii.gz")
    return folder


def test_slices_are_stacked_by_their_positions(tmp_path):
    study = read_study(one_a_slice(tmp_path / "patient"))
    np.testing.assert_array_equal(study.cine.array, CINE.T)
    assert study.cine.geometry.spacing_mm == pytest.approx((9.0, 2.0, 2.0))
    np.testing.assert_allclose(study.cine.geometry.origin_mm, affine(0)[:3, 3] * [-1, -1, 1], atol=1e-4)
    assert study.cine.frame_interval_ms == pytest.approx(30.0)
    assert [note.key for note in study.notes] == ["slices_stacked"]
    assert study.sha256 == content_sha256(tmp_path / "patient")


def test_a_mask_of_the_stack_lies_on_it(tmp_path):
    study = read_study(one_a_slice(tmp_path / "patient"))
    labels = (study.cine.array > 450).astype(np.uint8)
    write_mask(tmp_path / "m.nii.gz", Segmentation(labels, study.cine.geometry, VENTRICLES), study)
    again = read_mask(tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(again.cine.array, labels)
    np.testing.assert_allclose(again.cine.geometry.origin_mm, study.cine.geometry.origin_mm, atol=1e-3)


def test_the_folder_is_one_study_and_other_views_are_images_of_their_own(tmp_path):
    folder = one_a_slice(tmp_path / "patient")
    nib.save(nib.Nifti1Image(CINE[:, :, :1], np.diag([2.0, 2.0, 6.0, 1.0])), folder / "lax.nii.gz")
    nib.save(nib.Nifti1Image(CINE, affine(0)), tmp_path / "other.nii.gz")
    found = find_images(tmp_path)
    assert found.studies == [folder]
    assert {path.name for path in found.images} == {"other.nii.gz", "lax.nii.gz"}


@pytest.mark.parametrize("places", [(0, 1, 2, 3, 5), (0, 0, 1, 2, 3), (0, 0, 0, 0, 0)])
def test_slices_at_unequal_distances_are_not_stacked(tmp_path, places):
    folder = one_a_slice(tmp_path / "patient", places)
    assert find_images(folder).studies == []
    with pytest.raises(InputError):
        read_study(folder)


def test_other_images_of_the_folder_are_told(tmp_path):
    folder = one_a_slice(tmp_path / "patient")
    for name in ("lax.nii.bz2", "scout.mha", "sax_seg.nii.gz", "sax.json"):
        (folder / name).write_bytes(b"")
    notes = {note.key: note.text for note in read_study(folder).notes}
    assert set(notes) == {"slices_stacked", "other_images"}
    assert " 2 other images" in notes["other_images"]


def test_few_headers_are_read_of_a_large_folder_of_whole_images(tmp_path, monkeypatch):
    nib.save(nib.Nifti1Image(CINE, affine(0)), tmp_path / "p0000.nii")
    files = [tmp_path / f"p{number:04}.nii" for number in range(300)]
    for file in files[1:]:
        shutil.copy(files[0], file)
    opened = []
    monkeypatch.setattr(nifti, "single_slice_grid", opened.append)
    assert slice_files(files) == []
    assert len(opened) <= MOST_PROBED
    monkeypatch.undo()
    one_a_slice(tmp_path)
    assert len(slice_files(sorted(tmp_path.iterdir()))) == 5
