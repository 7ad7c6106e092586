"""What a file's name tells before the file is opened: its format, and whether it is a mask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NIFTI_SUFFIXES = (".nii.gz", ".nii", ".hdr", ".img")
NRRD_SUFFIXES = (".nrrd", ".nhdr")
IMAGE_SUFFIXES = NIFTI_SUFFIXES + NRRD_SUFFIXES
#: Of files that hold others, which nobody looks into.
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
#: Of masks that Septum writes.
MASK_SUFFIXES = (".nii.gz", ".nrrd")

#: Words that name a mask when they close the stem of a file's name (``x_gt``), or, with a number, are all of
#: it (``Segmentation_2``).
_MASK_WORDS = (
    "gt|groundtruth|ground[_-]?truth|truth|seg|segs|segmentation|mask|masks|label|labels|labelmap|lbl|"
    "annotation|manual|contours?|laendo|lawall|atriumsegimgmo"
)
_MASK_NAME = re.compile(rf"(^|[_\-. ])({_MASK_WORDS})\d*$|^({_MASK_WORDS})[_\-. ]\d+$")


def image_suffix(path: Path) -> str | None:
    """The known ending of a file's name in lower case, such as ``.nii.gz``; ``None`` for any other."""
    name = path.name.lower()
    return next((suffix for suffix in IMAGE_SUFFIXES if name.endswith(suffix)), None)


def case_name(path: Path) -> str:
    """A file's name without its known ending: ``a/b.nii.gz`` is ``b``."""
    suffix = image_suffix(path)
    return path.name[: -len(suffix)] if suffix else path.stem


def is_mask_name(path: Path) -> bool:
    """Whether a file's name says that it holds a mask, not an image (``_gt``, ``-seg``, ``laendo``)."""
    return _MASK_NAME.search(case_name(path).lower()) is not None


def mesh_name(name: str, structure: str, value: int, frame: int | None, file_format: str) -> str:
    """The name of the file with the surface of one structure in one frame, ``NAME_LV_000.stl``.

    Args:
        name: how it begins.
        structure: its name; characters that do not belong into a file's go, and its value comes with it.
        value: of the structure in the mask.
        frame: from 0; ``None`` in a mask of a single frame, ``NAME_LV.stl``.
        file_format: its ending.
    """
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", structure)
    told = plain if plain == structure else f"{plain}-{value}"
    return f"{name}_{told}{'' if frame is None else f'_{frame:03}'}.{file_format}"
