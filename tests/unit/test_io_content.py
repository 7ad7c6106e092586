"""By what an input is known again: its bytes, and of two files the bytes of both."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import nibabel as nib
import nrrd
import numpy as np
import pytest

from septum.core import InputError
from septum.io import content_sha256, read_study

if TYPE_CHECKING:
    from pathlib import Path

GREY = np.random.default_rng(0).integers(0, 1000, (80, 72, 5)).astype(np.int16)
AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pair(folder: Path) -> tuple[Path, Path]:
    """Header and voxels of a NIfTI pair."""
    nib.save(nib.Nifti1Pair(GREY, AFFINE), folder / "a.hdr")
    return folder / "a.hdr", folder / "a.img"


def detached(folder: Path) -> tuple[Path, Path]:
    """Header and voxels of a detached NRRD file."""
    header = {"space": "left-posterior-superior", "space directions": AFFINE[:3, :3], "encoding": "raw"}
    nrrd.write(str(folder / "a.nhdr"), GREY, header)
    return folder / "a.nhdr", folder / "a.raw"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd"])
def test_a_single_file_is_known_by_its_bytes(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.nrrd":
        nrrd.write(str(path), GREY, {"spacings": [1.5, 1.5, 8.0]})
    else:
        nib.save(nib.Nifti1Image(GREY, AFFINE), path)
    assert content_sha256(path) == digest(path.read_bytes()) == read_study(path).sha256


@pytest.mark.parametrize("make", [pair, detached])
def test_two_files_are_known_by_the_bytes_of_both(tmp_path: Path, make) -> None:
    header, voxels = make(tmp_path)
    lines = f"{digest(header.read_bytes())}\n{digest(voxels.read_bytes())}\n"
    assert content_sha256(header) == digest(lines.encode()) == read_study(header).sha256
    whole = bytearray(voxels.read_bytes())
    whole[0] ^= 1
    voxels.write_bytes(whole)
    assert content_sha256(header) != digest(lines.encode())


def test_both_halves_of_a_pair_are_one_input(tmp_path: Path) -> None:
    header, voxels = pair(tmp_path)
    assert content_sha256(voxels) == content_sha256(header)


def test_where_the_two_files_lie_does_not_matter(tmp_path: Path) -> None:
    header, _ = detached(tmp_path)
    elsewhere = shutil.copytree(tmp_path, tmp_path / "copy")
    assert content_sha256(elsewhere / header.name) == content_sha256(header)


@pytest.mark.parametrize(
    ("make", "said"), [(pair, r"a\.img"), (detached, "the file of voxels that the header names")]
)
def test_missing_voxels_are_told(tmp_path: Path, make, said: str) -> None:
    header, voxels = make(tmp_path)
    voxels.unlink()
    with pytest.raises(InputError, match=said):
        content_sha256(header)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.nhdr"])
@pytest.mark.parametrize("content", [b"", b"a note", b"NRRD0005\nwhat\n\n"])
def test_what_is_no_image_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        content_sha256(tmp_path / name)
