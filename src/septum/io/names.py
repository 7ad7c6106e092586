"""What a file's name tells before the file is opened: its format, and whether it is a mask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Halves of a pair of NIfTI, and the endings that the other half may have, the likeliest first.
HEADER_SUFFIXES = {".hdr": (".img", ".img.gz"), ".hdr.gz": (".img.gz", ".img")}
VOXEL_SUFFIXES = {".img": (".hdr", ".hdr.gz"), ".img.gz": (".hdr.gz", ".hdr")}
NIFTI_SUFFIXES = (".nii.gz", ".nii", *HEADER_SUFFIXES, *VOXEL_SUFFIXES)
NRRD_SUFFIXES = (".nrrd", ".nhdr")
META_SUFFIXES = (".mha", ".mhd")
IMAGE_SUFFIXES = NIFTI_SUFFIXES + NRRD_SUFFIXES + META_SUFFIXES
#: Of images in formats that are not read. Who has such a file should know that it was passed over.
OTHER_IMAGE_SUFFIXES = (
    *(
        f"{suffix}{packed}"
        for suffix in (".nii", ".hdr", ".img")
        for packed in (".bz2", ".xz", ".zst", ".lz4")
    ),
    *(
        f"{suffix}{packed}"
        for suffix in (".nrrd", ".mha", ".mhd", ".dcm")
        for packed in (".gz", ".bz2", ".xz")
    ),
    *(".nii.zip", ".gipl", ".gipl.gz", ".mnc", ".mnc.gz", ".mgh", ".mgz", ".mif", ".mif.gz", ".mih"),
    *(".par", ".v", ".vti", ".vtk", ".analyze", ".spr", ".bfloat", ".afni", ".head", ".brik", ".brik.gz"),
)
#: Of pictures for people, which no scanner makes.
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic")
#: Of files that hold others, which nobody looks into.
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
#: Of masks that Septum writes, ``NAME_seg.nii.gz``, and of the JSON beside them.
MASK_SUFFIXES = (".nii.gz", ".nrrd", ".mha")
RECORD_ENDING = "_seg.json"

#: Words that name a mask when they close the stem of a file's name (``x_gt``), or, with a number, are all of
#: it (``Segmentation_2``).
_MASK_WORDS = (
    "gt|groundtruth|ground[_-]?truth|truth|seg|segs|dseg|segmentation|mask|masks|label|labels|labelmap|lbl|"
    "annotation|manual|contours?|laendo|lawall|atriumsegimgmo"
)
#: By which 3D Slicer's sequences end, before ``.nrrd``.
_SEQUENCE = ".seq"
_MASK_NAME = re.compile(rf"(^|[_\-. ])({_MASK_WORDS})\d*$|^({_MASK_WORDS})[_\-. ]\d+$")


def image_suffix(path: Path) -> str | None:
    """The known ending of a file's name in lower case, such as ``.nii.gz``; ``None`` for any other."""
    name = path.name.lower()
    return next((suffix for suffix in IMAGE_SUFFIXES if name.endswith(suffix)), None)


def looks_like_image(path: Path) -> bool:
    """Tell whether a name is that of an image, in a format that is read or not, and not of a mask.

    >>> from pathlib import Path
    >>> [looks_like_image(Path(name)) for name in ("a.mha", "a.nii.bz2", "a_seg.nii", "a.json")]
    [True, True, False, False]
    """
    name = path.name.lower()
    known = image_suffix(path) is not None or name.endswith(OTHER_IMAGE_SUFFIXES)
    return known and not name.startswith(".") and not is_mask_name(path)


def other_half(path: Path) -> Path:
    """The file that makes a pair with a header or with its voxels; the one that is there, if one is.

    >>> from pathlib import Path
    >>> other_half(Path("missing/heart.hdr.gz")).as_posix()
    'missing/heart.img.gz'
    """
    suffix = image_suffix(path) or ""
    endings = (HEADER_SUFFIXES | VOXEL_SUFFIXES)[suffix]
    stem = path.name[: -len(suffix)]
    names = [path.with_name(stem + ending) for ending in (*endings, *(e.upper() for e in endings))]
    return next((name for name in names if name.exists()), names[0])


def mask_ending(path: Path) -> str:
    """The ending of the mask of an image, whose format is the image's: that of a DICOM study is NIfTI.

    >>> from pathlib import Path
    >>> mask_ending(Path("heart.mhd")), mask_ending(Path("study"))
    ('.mha', '.nii.gz')
    """
    suffix = image_suffix(path)
    return ".nrrd" if suffix in NRRD_SUFFIXES else ".mha" if suffix in META_SUFFIXES else ".nii.gz"


def masks_called(folder: Path, stem: str) -> list[Path]:
    """List the names that the mask of a result may have, one for each format.

    >>> from pathlib import Path
    >>> [path.name for path in masks_called(Path("out"), "heart")]
    ['heart_seg.nii.gz', 'heart_seg.nrrd', 'heart_seg.mha']
    """
    return [folder / f"{stem}_seg{suffix}" for suffix in MASK_SUFFIXES]


def model_ending(model: str) -> str:
    """End the names of results that stand next to those of another model.

    Args:
        model: its name; what does not belong into a file's name goes.

    >>> model_ending("my_model")
    '_my-model'
    """
    return "_" + re.sub("[^A-Za-z0-9-]+", "-", model)


def case_name(path: Path) -> str:
    """A file's name without its known ending: ``a/b.nii.gz`` is ``b``."""
    suffix = image_suffix(path)
    return path.name[: -len(suffix)] if suffix else path.stem


def is_mask_name(path: Path) -> bool:
    """Whether a file's name says that it holds a mask, not an image (``_gt``, ``-seg``, ``laendo``).

    >>> from pathlib import Path
    >>> [is_mask_name(Path(name)) for name in ("a_gt.nii", "a.seg.nrrd", "a_seg.seq.nrrd", "a.seq.nrrd")]
    [True, True, True, False]
    """
    return _MASK_NAME.search(case_name(path).lower().removesuffix(_SEQUENCE)) is not None


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
