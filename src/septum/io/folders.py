"""Finding the images in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from septum.core import InputError
from septum.io.names import IMAGE_SUFFIXES, image_suffix, is_mask_name


def find_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """All image files in a folder and its subfolders, sorted by path, and the masks passed over.

    Hidden files and folders are left out; a ``.hdr``/``.img`` pair is listed once, by its header.

    Args:
        folder: where to look.

    Returns:
        The images, and the files passed over because their names say that they are masks.

    Raises:
        InputError: the folder is missing or unreadable, or no image is in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder: expected a folder with images; check the path and run again."
        )
    images: list[Path] = []
    masks: list[Path] = []
    for path in _known_files(folder):
        (masks if is_mask_name(path) else images).append(path)
    if not images:
        found = f"only files named as masks ({len(masks)})" if masks else "no file with such an ending"
        raise InputError(
            f"{folder} holds no image: expected files ending in {', '.join(IMAGE_SUFFIXES)} in it or in its "
            f"subfolders, and found {found}; give the folder that holds the images."
        )
    return images, masks


def _known_files(folder: Path) -> list[Path]:
    found = []
    for parent, subfolders, names in os.walk(folder, onerror=_stop):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if _is_listed(Path(parent, name))]
    return sorted(found)


def _is_listed(path: Path) -> bool:
    suffix = image_suffix(path)
    if suffix is None or path.name.startswith("."):
        return False
    if suffix == ".hdr":
        return path.with_suffix(".img").exists() or path.with_suffix(".IMG").exists()
    return suffix != ".img"


def _stop(error: OSError) -> None:
    raise InputError(
        f"{error.filename} cannot be read ({error.strerror}): expected a folder that may be listed; "
        "give yourself the right to read it, or name the files one by one."
    ) from error
