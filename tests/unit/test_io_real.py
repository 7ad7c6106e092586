"""Real files: the headers that the readers were written for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import nrrd
import numpy as np

from septum.core import LEFT_ATRIUM, VENTRICLES, Segmentation
from septum.io import find_images, read_mask, read_study, write_mask

if TYPE_CHECKING:
    from pathlib import Path


def test_an_acdc_case_is_read_and_its_truth_written_back(data_folder: Path, tmp_path: Path) -> None:
    found = find_images(data_folder / "acdc" / "training" / "patient001")
    images, masks = found.images, found.masks
    assert len(images) == len(masks) == 2
    truth = nib.load(masks[0])
    study, labels = read_study(images[0]), read_mask(masks[0])
    assert study.cine.geometry.spacing_mm == tuple(float(z) for z in truth.header.get_zooms()[::-1])
    assert "affine_scale_disagrees" in {note.key for note in study.notes}
    mask = Segmentation(labels.cine.array, study.cine.geometry, VENTRICLES)
    write_mask(tmp_path / "m.nii.gz", mask, study)
    written = nib.load(tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj), np.asarray(truth.dataobj))
    np.testing.assert_array_equal(written.affine, truth.affine)
    assert written.header.get_zooms() == truth.header.get_zooms()


def test_an_acdc_cine_has_all_its_frames(data_folder: Path) -> None:
    path = data_folder / "acdc" / "training" / "patient090" / "patient090_4d.nii.gz"
    study = read_study(path)
    assert study.cine.array.shape == nib.load(path).shape[::-1]
    assert study.cine.frame_interval_ms is None


def test_a_lasc_case_is_read_and_its_truth_written_back(data_folder: Path, tmp_path: Path) -> None:
    folder = min((data_folder / "lasc" / "training").iterdir())
    found = find_images(folder)
    (image,), masks = found.images, found.masks
    study, labels = read_study(image), read_mask(masks[0])
    assert study.cine.geometry.spacing_mm == (0.625, 0.625, 0.625)
    mask = Segmentation((labels.cine.array > 0).astype(np.uint8), study.cine.geometry, LEFT_ATRIUM)
    write_mask(tmp_path / "m.nrrd", mask, study)
    written, header = nrrd.read(str(tmp_path / "m.nrrd"))
    truth, given = nrrd.read(str(masks[0]))
    np.testing.assert_array_equal(written, truth // 255)
    for field in ("space", "space directions", "space origin", "kinds"):
        np.testing.assert_array_equal(header[field], given[field])
