"""Finding the images in a folder."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from septum.core import InputError
from septum.core.files import place_of
from septum.io.dicom.finding import holds_dicom, is_dicom
from septum.io.names import (
    ARCHIVE_SUFFIXES,
    HEADER_SUFFIXES,
    IMAGE_SUFFIXES,
    OTHER_IMAGE_SUFFIXES,
    PHOTO_SUFFIXES,
    VOXEL_SUFFIXES,
    image_suffix,
    is_mask_name,
    other_half,
)
from septum.io.slices import LEAST_SLICES, slice_files


@dataclass(frozen=True)
class FolderImages:
    """What a folder holds.

    Attributes:
        images: files of other formats than DICOM, sorted by path.
        studies: folders and zip archives of DICOM files, one study each, and folders of files of one slice
            each, sorted by path.
        masks: files passed over because their names say that they are masks.
        unreadable: subfolders that could not be searched, and why.
        archives: files that may hold images, and are not looked into, sorted by path.
        unread: images by their names that are of another format, or half of a pair, sorted by path.
        photos: pictures without a spacing, by their names, sorted by path.
    """

    images: list[Path]
    masks: list[Path]
    unreadable: list[tuple[Path, InputError]]
    studies: list[Path] = field(default_factory=list)
    archives: list[Path] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    photos: list[Path] = field(default_factory=list)


def find_images(folder: Path, *, without: Path | None = None) -> FolderImages:
    """All image files and DICOM studies in a folder and its subfolders.

    Hidden files and folders are left out; a ``.hdr``/``.img`` pair is listed once, by its header. Files in
    DICOM are recognised by their content, and stand for the folder that holds all of their study.

    Args:
        folder: where to look.
        without: a subfolder that is not searched.

    Raises:
        InputError: the folder is missing or unreadable, or no image is in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder: expected a folder with images; check the path and run again."
        )
    found = _searched(folder, without)
    if found.images or found.studies:
        return found
    if found.unreadable:
        raise found.unreadable[0][1]
    count = len(found.masks)
    seen = f"only files named as masks ({count})" if count else "no file with such an ending"
    remedy = "give the folder that holds the images"
    if found.photos:
        seen = f"pictures without a spacing ({len(found.photos)}), such as {found.photos[0].name}"
        remedy = "give the study that they were made of"
    if found.archives:
        seen, remedy = f"archives ({len(found.archives)}), such as {found.archives[0].name}", "unpack them"
    if found.unread:
        seen = f"images that are not read ({len(found.unread)}), such as {found.unread[0].name}"
        remedy = "convert them, to NIfTI for one"
    raise InputError(
        f"{folder} holds no image: expected files ending in {', '.join(IMAGE_SUFFIXES)}, or DICOM files, in "
        f"it or in its subfolders, and found {seen}; {remedy}."
    )


def _searched(folder: Path, without: Path | None) -> FolderImages:
    files: list[Path] = []
    archives: list[Path] = []
    photos: list[Path] = []
    unread: list[Path] = []
    zipped: list[Path] = []
    samples: dict[Path, Path] = {}
    unreadable: list[tuple[Path, InputError]] = []
    left_out = None if without is None else place_of(without)
    for parent, subfolders, names in os.walk(folder, onerror=lambda e: unreadable.append(_unreadable(e))):
        here = Path(parent)
        subfolders[:] = [n for n in subfolders if not n.startswith(".") and place_of(here / n) != left_out]
        files += [here / name for name in names if _is_listed(here / name)]
        unread += [here / name for name in names if _is_unread(here / name)]
        photos += [here / name for name in names if _is_photo(name) and not is_dicom(here / name)]
        for name in names:
            if name.lower().endswith(ARCHIVE_SUFFIXES) and not name.startswith("."):
                (zipped if holds_dicom(here / name) else archives).append(here / name)
        sample = next((here / name for name in sorted(names) if is_dicom(here / name)), None)
        if sample is not None:
            samples[here] = sample
    images = sorted(path for path in files if not is_mask_name(path))
    masks = sorted(path for path in files if is_mask_name(path))
    unreadable.sort(key=lambda pair: pair[0])
    studies = [*_studies(folder, samples, {image.parent for image in images}), *zipped]
    images, stacked = _stacked(images, set(samples))
    return FolderImages(
        images,
        masks,
        unreadable,
        sorted([*studies, *stacked]),
        sorted(archives),
        sorted(unread),
        sorted(photos),
    )  # fmt: skip


def _stacked(images: list[Path], without: set[Path]) -> tuple[list[Path], list[Path]]:
    """The images that stand alone, and the folders whose files are slices of one stack.

    Args:
        images: sorted by path.
        without: folders that hold DICOM files, and stand for these.
    """
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for image in images:
        by_folder[image.parent].append(image)
    slices: set[Path] = set()
    for folder, own in by_folder.items():
        if folder not in without and len(own) >= LEAST_SLICES:
            slices.update(slice_files(own))
    return [image for image in images if image not in slices], sorted({image.parent for image in slices})


def _studies(folder: Path, samples: dict[Path, Path], image_folders: set[Path]) -> list[Path]:
    if not samples:
        return []
    from septum.io.dicom.study_folders import study_folders  # noqa: PLC0415  # pydicom only where DICOM is

    return study_folders(folder, samples, image_folders)


def _is_listed(path: Path) -> bool:
    suffix = image_suffix(path)
    if suffix is None or path.name.startswith("."):
        return False
    return suffix not in VOXEL_SUFFIXES and (suffix not in HEADER_SUFFIXES or other_half(path).exists())


def _is_unread(path: Path) -> bool:
    """Whether a name says that the file is an image, and nothing of it is read."""
    if path.name.startswith("."):
        return False
    suffix = image_suffix(path)
    if suffix in HEADER_SUFFIXES or suffix in VOXEL_SUFFIXES:
        return not other_half(path).exists()
    return suffix is None and path.name.lower().endswith(OTHER_IMAGE_SUFFIXES)


def _is_photo(name: str) -> bool:
    return name.lower().endswith(PHOTO_SUFFIXES) and not name.startswith(".")


def _unreadable(error: OSError) -> tuple[Path, InputError]:
    return Path(error.filename), InputError(
        f"{error.filename} cannot be read ({error.strerror}): expected a folder that may be listed; give "
        "yourself the right to read it, or name the files one by one."
    )
