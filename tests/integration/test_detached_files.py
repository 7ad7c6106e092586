"""Images of two files, header and voxels: a rerun sees a change in either."""

from __future__ import annotations

import json

import nibabel as nib
import nrrd
import numpy as np
import pytest

SPACINGS = (1.5, 1.5, 8.0)


def grey(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(300.0, 40.0, (48, 44, 3)).astype(np.float32)


def write_pair(folder):
    nib.save(nib.Nifti1Pair(grey(0), np.diag([*SPACINGS, 1.0])), folder / "a.hdr")
    return folder / "a.hdr", folder / "a.img"


def write_detached(folder):
    header = {"space": "left-posterior-superior", "space directions": np.diag(SPACINGS), "encoding": "raw"}
    nrrd.write(str(folder / "a.nhdr"), grey(0), header)
    return folder / "a.nhdr", folder / "a.raw"


@pytest.mark.parametrize("write", [write_pair, write_detached])
def test_changed_voxels_beside_the_same_header_are_another_input(septum, bundle, tmp_path, write):
    header, voxels = write(tmp_path)
    command = ("segment", header, "-o", tmp_path / "out", "--model", bundle)
    assert septum(*command).code == 0
    assert "1 already done" in septum(*command).out

    before = json.loads((tmp_path / "out/a_seg.json").read_text())["input"]["sha256"]
    voxels.write_bytes(grey(1).tobytes("F"))
    assert septum(*command).code == 4
    answer = septum(*command, "--overwrite")
    assert (answer.code, "1 segmented" in answer.out) == (0, True)
    assert json.loads((tmp_path / "out/a_seg.json").read_text())["input"]["sha256"] != before
    assert "1 already done" in septum(*command).out


def test_voxels_that_have_gone_are_an_error_and_no_reason_to_skip(septum, bundle, tmp_path):
    header, voxels = write_detached(tmp_path)
    command = ("segment", header, "-o", tmp_path / "out", "--model", bundle)
    assert septum(*command).code == 0
    voxels.unlink()
    answer = septum(*command)
    assert answer.code == 3
    assert "the file of voxels that the header names" in answer.err
