"""What a name tells: known endings, masks, and the images of a folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from septum.core import InputError
from septum.io import case_name, find_images, image_suffix, is_mask_name


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("name", "suffix", "case"),
    [
        ("a.nii.gz", ".nii.gz", "a"),
        ("A.NII.GZ", ".nii.gz", "A"),
        ("a.b.nii", ".nii", "a.b"),
        ("a.nrrd", ".nrrd", "a"),
        ("a.hdr", ".hdr", "a"),
        ("a.dcm", None, "a"),
        ("a.gz", None, "a"),
    ],
)
def test_known_endings_are_told_from_others(name: str, suffix: str | None, case: str) -> None:
    assert image_suffix(Path(name)) == suffix
    assert case_name(Path(name)) == case


@pytest.mark.parametrize(
    "name",
    [
        "patient001_frame01_gt.nii.gz",
        "laendo.nrrd",
        "x_seg.nii",
        "x-mask.nii.gz",
        "x_mask2.nii.gz",
        "x.seg.nrrd",
        "Segmentation_2.nrrd",
        "label_0007.nii.gz",
        "x_labels.nii.gz",
        "x_SA_ED_GT.nii.gz",
        "seg.nii.gz",
        "seg01.nii.gz",
    ],
)
def test_names_of_masks_are_recognised(name: str) -> None:
    assert is_mask_name(Path(name))


@pytest.mark.parametrize(
    "name",
    [
        "patient001_frame01.nii.gz",
        "lgemri.nrrd",
        "segal.nii",
        "unmasked.nii.gz",
        "target.nii",
        "a_segment_b.nii",
        "truth_in_disguise.nii.gz",
        "seg01_x.nii.gz",
        "label_study.nrrd",
        "mask-patient7.nii",
    ],
)
def test_names_of_images_are_not_taken_for_masks(name: str) -> None:
    assert not is_mask_name(Path(name))


def test_the_folder_of_a_mask_does_not_make_an_image_a_mask() -> None:
    assert not is_mask_name(Path("masks_gt") / "patient001.nii.gz")


def test_a_folder_is_searched_deep_sorted_and_without_hidden_files(tmp_path: Path) -> None:
    touch(tmp_path, "b.nii.gz", "a/z.nrrd", "a/z_gt.nrrd", ".x.nii", ".git/y.nii", "notes.txt", "c.raw")
    found = find_images(tmp_path)
    assert found.images == [tmp_path / "a" / "z.nrrd", tmp_path / "b.nii.gz"]
    assert found.masks == [tmp_path / "a" / "z_gt.nrrd"]
    assert found.unreadable == []


def test_a_pair_is_listed_once_and_a_header_without_voxels_not_at_all(tmp_path: Path) -> None:
    touch(tmp_path, "a.hdr", "a.img", "b.hdr.gz", "b.img.gz", "C.HDR", "C.IMG", "alone.hdr", "lone.img.gz")
    found = find_images(tmp_path)
    assert [path.name for path in found.images] == ["C.HDR", "a.hdr", "b.hdr.gz"]
    assert [path.name for path in found.unread] == ["alone.hdr", "lone.img.gz"]


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let a folder refuse to be listed, as it would to anyone but an administrator."""
    list_folder = os.scandir

    def scandir(path: str | Path) -> object:
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_subfolder_that_cannot_be_read_is_told_and_the_others_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/x.nii", "b/y.nii", "c/z.nii")
    forbid(monkeypatch, tmp_path / "b")
    found = find_images(tmp_path)
    assert found.images == [tmp_path / "a" / "x.nii", tmp_path / "c" / "z.nii"]
    ((folder, error),) = found.unreadable
    assert folder == tmp_path / "b"
    assert "Permission denied" in str(error)


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, tmp_path)
    with pytest.raises(InputError, match="Permission denied"):
        find_images(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "no file with such an ending"),
        (("a_gt.nii",), "named as masks"),
        (("b/A.ZIP",), "such as A.ZIP; unpack them"),
    ],
)
def test_a_folder_without_images_is_refused(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(InputError, match=said):
        find_images(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        find_images(tmp_path / "nowhere")


def test_images_that_are_not_read_are_named(tmp_path: Path) -> None:
    names = ["a.nii.bz2", "b.nrrd.gz", "c.mgz", "d.PAR", "e.mnc", "f.nii.zst"]
    touch(tmp_path, "z.nii.gz", "y.mha", "x.mhd", "x.raw", "note.txt", "page.html", *names)
    found = find_images(tmp_path)
    assert [path.name for path in found.unread] == names
    assert [path.name for path in found.images] == ["x.mhd", "y.mha", "z.nii.gz"]


def test_a_folder_of_images_that_are_not_read_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.bz2", "b.nii.bz2")
    with pytest.raises(InputError, match=r"not read \(2\), such as a\.nii\.bz2"):
        find_images(tmp_path)
