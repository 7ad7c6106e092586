"""Finding the images in a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from septum.core import InputError
from septum.io.names import IMAGE_SUFFIXES, image_suffix, is_mask_name


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        images: sorted by path.
        masks: files passed over because their names say that they are masks.
        unreadable: subfolders that could not be searched, and why.
    """

    images: list[Path]
    masks: list[Path]
    unreadable: list[tuple[Path, InputError]]


def find_images(folder: Path) -> Found:
    """All image files in a folder and its subfolders.

    Hidden files and folders are left out; a ``.hdr``/``.img`` pair is listed once, by its header.

    Args:
        folder: where to look.

    Raises:
        InputError: the folder is missing or unreadable, or no image is in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder: expected a folder with images; check the path and run again."
        )
    found = _searched(folder)
    if found.images:
        return found
    if found.unreadable:
        raise found.unreadable[0][1]
    count = len(found.masks)
    seen = f"only files named as masks ({count})" if count else "no file with such an ending"
    raise InputError(
        f"{folder} holds no image: expected files ending in {', '.join(IMAGE_SUFFIXES)} in it or in its "
        f"subfolders, and found {seen}; give the folder that holds the images."
    )


def _searched(folder: Path) -> Found:
    files: list[Path] = []
    unreadable: list[tuple[Path, InputError]] = []
    for parent, subfolders, names in os.walk(folder, onerror=lambda e: unreadable.append(_unreadable(e))):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if _is_listed(Path(name), names)]
    images = sorted(path for path in files if not is_mask_name(path))
    masks = sorted(path for path in files if is_mask_name(path))
    return Found(images, masks, sorted(unreadable, key=lambda pair: pair[0]))


def _is_listed(path: Path, siblings: list[str]) -> bool:
    suffix = image_suffix(path)
    if suffix is None or path.name.startswith("."):
        return False
    if suffix == ".hdr":
        return path.with_suffix(".img").name in siblings or path.with_suffix(".IMG").name in siblings
    return suffix != ".img"


def _unreadable(error: OSError) -> tuple[Path, InputError]:
    return Path(error.filename), InputError(
        f"{error.filename} cannot be read ({error.strerror}): expected a folder that may be listed; "
        "give yourself the right to read it, or name the files one by one."
    )
