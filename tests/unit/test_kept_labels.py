"""A corrected mask that a later run keeps means what it meant when it was measured."""

from __future__ import annotations

from types import SimpleNamespace

import nibabel as nib
import numpy as np

from septum.core import Cine, Geometry, Study
from septum.io import read_mask
from septum.workflows.case_steps import kept_labels


def test_an_atrium_of_255_is_one_in_a_mask_that_is_kept(tmp_path):
    labels = np.zeros((12, 10, 4), np.uint8)
    labels[3:6, 3:6, 1:3] = 255
    path = tmp_path / "a_seg.nii.gz"
    nib.save(nib.Nifti1Image(labels, np.diag([2.0, 2.0, 8.0, 1.0])), path)
    read = read_mask(path)
    geometry: Geometry = read.cine.geometry
    study = Study(Cine(np.zeros((1, *geometry.shape), np.float32), geometry), "")
    plan = SimpleNamespace(earlier=SimpleNamespace(mask_origin="corrected", labels={"LA": 1}))
    case = SimpleNamespace(source=tmp_path / "a.nii.gz")
    kept = kept_labels(study, case, path, plan)
    assert kept.dtype == np.uint8
    assert np.array_equal(kept, (read.cine.array == 255).astype(np.uint8))
