"""Reading one image, of whatever format, into a ``Study`` or refusing it with a reason."""

from __future__ import annotations

import hashlib
import zlib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError, Level, Note, Study
from septum.core.errors import MaskGivenError, Remedy
from septum.core.files import is_folder, is_out_of_reach, sha256_of
from septum.core.geometry import check_heart_fits, mm
from septum.io.dicom.finding import holds_dicom
from septum.io.names import (
    IMAGE_SUFFIXES,
    META_SUFFIXES,
    NRRD_SUFFIXES,
    PHOTO_SUFFIXES,
    image_suffix,
    is_mask_name,
    looks_like_image,
)
from septum.io.native import NativeHeader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from septum.core import StackKind
    from septum.core.geometry import Triple
    from septum.io.native import Reading

#: A mask has at most this many distinct values; an image has more, or changes from voxel to voxel.
_MOST_LABELS = 12
_MOST_CHANGING = 0.5
_SAMPLE = 20_000
#: Frames of a cine that differ so many times as much as neighbours along another axis are no frames.
_MISPLACED = 3.0

TIME_MISPLACED = Note(
    "time_misplaced",
    "Frames differ more than neighbouring voxels do, as slices would: time may be another axis of the file "
    "than the last.",
    Level.WARNING,
)


def read_study(
    path: Path,
    *,
    spacing_mm: Triple | None = None,
    allow_mask: bool = False,
    wanted: StackKind = "cine",
    stack: int | None = None,
) -> Study:
    """Read an image on its own grid: nothing is turned, resampled or rescaled.

    Args:
        path: a NIfTI (``.nii``, ``.nii.gz``, ``.hdr``/``.img``, packed or not), NRRD (``.nrrd``, ``.nhdr``)
            or MetaImage (``.mha``, ``.mhd``) file, a folder or a zip archive of DICOM files, or a folder of
            NIfTI files of one slice each.
        spacing_mm: (Z, Y, X) in mm, instead of what the header states.
        allow_mask: read it even if it looks like a mask, an empty one too.
        wanted: which stack of a DICOM study.
        stack: its number, instead.

    Returns:
        The study, its image in float32, (T, Z, Y, X): file axes (i, j, k) are (X, Y, Z).

    Raises:
        MaskGivenError: it looks like a mask.
        InputError: the file cannot be used as an image of a heart.
        MissingExtraError: images are compressed, and what decodes them is not installed.
    """
    path = Path(path)
    if holds_dicom(path):
        study = _dicom_study(path, spacing_mm, wanted, stack)
    else:
        _refuse_choice(path, stack)
        slices = _slices_in(path)
        study = _stacked(path, slices, spacing_mm) if slices else _study(path, spacing_mm)
    misplaced = isinstance(study.header, NativeHeader) and looks_time_misplaced(study.cine.array)
    what, advice = str(path), "give the true spacing"
    if misplaced:
        advice = "its frames look like slices, so write it anew with the axes X, Y, Z, time"
    elif spacing_mm is not None:
        what = f"{path}, with the spacing that was given,"
        advice = "check its values, and their order, which is Z, Y, X"
    elif isinstance(study.header, NativeHeader) and study.header.affine_mm is not None:
        advice = f"the affine is scaled to voxels of {mm(study.header.affine_mm)}, so {advice}"
    check_heart_fits(what, study.cine.geometry, advice, None if misplaced else Remedy.SPACING)
    lows, highs = (extreme(study.cine.array, axis=(2, 3)) for extreme in (np.min, np.max))
    low, high = float(lows.min()), float(highs.max())
    if low == high and not (allow_mask and low == 0):
        raise InputError(
            f"{path} is constant: expected an image, and found the value {low:g} in every voxel; export the "
            "study again."
        )
    if not allow_mask and looks_like_mask(study):
        raise MaskGivenError(
            f"{path} looks like a mask: expected grey values, and found {np.unique(study.cine.array).size} "
            "whole values in connected areas; give the image that it was drawn on."
        )
    if not allow_mask or not looks_like_mask(study):
        _check_frames(path, lows == highs)
    return replace(study, notes=(*study.notes, TIME_MISPLACED)) if misplaced else study


def _check_frames(path: Path, blank: NDArray[np.bool_]) -> None:
    """Refuse a cine that lacks an image: it would be taken for an empty heart, and for end-systole.

    Args:
        path: for messages.
        blank: (T, Z), whether a slice of a frame has one value in every voxel. A slice that is blank in all
            frames is padding.
    """
    missing = np.argwhere(blank & ~blank.all(axis=0))
    if not len(missing):
        return
    t, z = (int(value) for value in missing[0])
    whole = bool((blank[t] | blank.all(axis=0)).all())
    what = f"frame {t}" if whole else f"slice {z} of frame {t}"
    count = f" ({len(missing)} slices in all)" if len(missing) > 1 else ""
    raise InputError(
        f"{path} holds a blank image: expected grey values in every frame, and found one value in all of "
        f"{what}, counted from 0{count}; export the study again, or give it without that frame."
    )


def read_mask(path: Path, *, spacing_mm: Triple | None = None) -> Study:
    """Read a mask on its own grid, as :func:`read_study` reads an image.

    Returns:
        The study, its labels in the smallest unsigned integer type that holds them.

    Raises:
        InputError: the file cannot be read, or not all of its voxels are labels (0, 1, 2, ...).
    """
    path = Path(path)
    study = _study(path, spacing_mm)
    values = study.cine.array
    for kind in (np.uint8, np.uint16):
        labels = _whole(values, kind)
        if labels is not None:
            return replace(study, cine=replace(study.cine, array=labels))
    raise InputError(
        f"{path} is not a mask: expected whole labels from 0 to {np.iinfo(np.uint16).max}, and found "
        f"values from {values.min():g} to {values.max():g}; give the file that holds the segmentation."
    )


def _whole(values: NDArray[np.float32], kind: type[np.unsignedinteger[Any]]) -> NDArray[Any] | None:
    """The same values as whole numbers of a type; ``None`` if they are none. One frame after the other."""
    labels = np.empty(values.shape, kind)
    with np.errstate(invalid="ignore"):  # a cast of what does not fit, which the comparison finds
        for frame, into in zip(values, labels, strict=True):
            np.copyto(into, frame, casting="unsafe")
            if not (into == frame).all():
                return None
    return labels


def content_sha256(path: Path, *, wanted: StackKind = "cine") -> str:
    """SHA-256, in hexadecimal, by which an input is known again: header and voxels are both in it.

    Of a single file it is the hash of its bytes. Of a ``.hdr``/``.img`` pair or a detached NRRD it is the
    hash of two lines, the hexadecimal hashes of the header's file and of the voxels' file. Of a DICOM study
    it is the hash of such lines in alphabetical order, one for each file of the stack that is ``wanted``.

    Raises:
        InputError: a file is missing or cannot be read, or has no header.
    """
    path = Path(path)
    if holds_dicom(path):
        from septum.io.dicom.reading import dicom_sha256  # noqa: PLC0415  # other files do not need pydicom

        return dicom_sha256(path, wanted=wanted)
    if slices := _slices_in(path):
        from septum.io.slices import stacked_sha256  # noqa: PLC0415  # as above

        return stacked_sha256(content_sha256(file) for file in slices)
    suffix = _checked_suffix(path)
    with _refusals(path, suffix):
        hashes = [sha256_of(file) for file in _files(path, suffix)]
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("".join(f"{one}\n" for one in hashes).encode()).hexdigest()


def looks_like_mask(study: Study) -> bool:
    """Whether an image holds a few whole values in connected areas, as masks do.

    Two values are always a mask. Up to twelve are one if fewer than half of the neighbours along X that
    touch foreground differ from each other: in an image of so low a contrast, noise changes most.
    """
    array = study.cine.array
    step = max(1, array.size // _SAMPLE)
    if len(set(array.reshape(-1)[::step].tolist())) > _MOST_LABELS:  # np.unique would load np.ma, for .03 s
        return False
    values = np.unique(array)
    if values.size > _MOST_LABELS or not (values == np.rint(values)).all():
        return False
    if values.size <= 2:
        return True
    left, right = array[..., :-1], array[..., 1:]
    touching = np.count_nonzero((left != values[0]) | (right != values[0]))
    return bool(np.count_nonzero(left != right) < _MOST_CHANGING * touching)


def looks_time_misplaced(array: NDArray[np.float32]) -> bool:
    """Tell whether the frames of a cine (T, Z, Y, X) are its slices, and time is among the other axes.

    Neighbours in time are the most alike of all in a cine. Looked at is the middle of the image alone.
    """
    if min(array.shape) < 2:
        return False
    middle = array[tuple(slice(max(0, n // 2 - 24), n // 2 + 24) for n in array.shape)]
    steps = [float(np.abs(np.diff(middle, axis=axis)).mean()) for axis in range(4)]
    return steps[0] > _MISPLACED * min(steps[1:])


def _refuse_choice(path: Path, stack: int | None) -> None:
    """Refuse the choice of a stack in what has none to choose among."""
    if stack is not None and path.is_file():
        raise InputError(
            f"{path} holds one image, not a DICOM study: expected no number of a stack, and got {stack}; "
            "leave it out.",
            remedy=Remedy.STACK,
        )


def _slices_in(path: Path) -> list[Path]:
    """The files of a folder that hold one slice each of a stack, in order."""
    if not is_folder(path):
        return []
    from septum.io.slices import slice_files  # noqa: PLC0415  # only folders need it

    files = sorted(file for file in path.iterdir() if image_suffix(file) and not is_mask_name(file))
    return slice_files(file for file in files if not file.name.startswith("."))


def _stacked(folder: Path, slices: list[Path], spacing_mm: Triple | None) -> Study:
    from septum.io.slices import read_slices  # noqa: PLC0415  # as above

    study = read_slices(folder, slices, lambda file: _study(file, None))
    others = [file for file in folder.iterdir() if file not in slices and looks_like_image(file)]
    if others:
        text = f"The folder holds {len(others)} other images that are no part of this stack."
        study = replace(study, notes=(*study.notes, Note("other_images", text, Level.WARNING)))
    if spacing_mm is None:
        return study
    return replace(
        study, cine=replace(study.cine, geometry=replace(study.cine.geometry, spacing_mm=spacing_mm))
    )


def _dicom_study(path: Path, spacing_mm: Triple | None, wanted: StackKind, stack: int | None) -> Study:
    from septum.io.dicom.reading import read_dicom_study  # noqa: PLC0415  # other files do not need pydicom

    return read_dicom_study(path, wanted=wanted, stack=stack, spacing_mm=spacing_mm)


def _study(path: Path, spacing_mm: Triple | None) -> Study:
    """What the file holds, if it can be read to its end and every voxel is a number."""
    suffix = _checked_suffix(path)
    with _refusals(path, suffix):
        reading = _read(path, suffix, spacing_mm)
    array = reading.cine.array
    if not np.isfinite(array.min()) or not np.isfinite(array.max()):
        bad = array.size - np.count_nonzero(np.isfinite(array))
        raise InputError(
            f"{path} holds voxels that are not numbers: expected finite values, and found NaN or infinity in "
            f"{bad:,} of {array.size:,} voxels; export the study again."
        )
    return Study(reading.cine, content_sha256(path), reading.notes, reading.header)


@contextmanager
def _refusals(path: Path, suffix: str) -> Iterator[None]:
    """Turn what goes wrong while a file is read into an :class:`InputError` that says so."""
    try:
        yield
    except FileNotFoundError as error:
        named = "the file of voxels that the header names"  # any text of a header may be a patient's name
        detached = suffix in (*NRRD_SUFFIXES, *META_SUFFIXES)
        raise InputError(
            f"{path} refers to a file that is missing: expected "
            f"{named if detached else error.filename}; put it beside the header and run again."
        ) from error
    except MemoryError as error:
        raise InputError(
            f"{path} does not fit into memory: expected room for its voxels; free some, or use a machine "
            "with more."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{path} cannot be read: expected a whole {suffix} file, and found a problem ({reason}); check "
            "the right to read it, or copy or export it again."
        ) from error
    except (ValueError, OverflowError) as error:  # their text may repeat the header's
        raise InputError(
            f"{path} cannot be read: expected a well-formed {suffix} header, and found values out of range; "
            "export the study again."
        ) from error


def _checked_suffix(path: Path) -> str:
    if is_out_of_reach(path):
        raise InputError(
            f"{path} cannot be read: expected a file or a folder, and found a folder above it closed; give "
            "yourself the right to look into it."
        )
    if path.is_dir():
        raise InputError(
            f"{path} is a folder without a DICOM file: expected an image file, or a folder of DICOM files; "
            "name the file in it."
        )
    if not path.exists():
        raise InputError(
            f"{path} is missing: expected a file or a folder there; check the path and run again."
        )
    suffix = image_suffix(path)
    if suffix is None and path.name.lower().endswith(PHOTO_SUFFIXES):
        raise InputError(
            f"{path} is a picture without a spacing, and no image of a scanner: expected DICOM or NIfTI; "
            "give the study that the picture was made of."
        )
    if suffix is None:
        raise InputError(
            f"{path} is of an unknown kind: expected DICOM, or a name that ends in "
            f"{', '.join(IMAGE_SUFFIXES)}; unpack an archive and give the folder, or convert it to NIfTI."
        )
    if not path.is_file():
        raise InputError(
            f"{path} is no file but a pipe or a device: expected an image file, or a folder of DICOM files; "
            "name one."
        )
    return suffix


def _read(path: Path, suffix: str, spacing_mm: Triple | None) -> Reading:
    if suffix in NRRD_SUFFIXES:
        from septum.io.nrrd import read_nrrd  # noqa: PLC0415  # a NIfTI file does not need pynrrd

        return read_nrrd(path, spacing_mm)
    if suffix in META_SUFFIXES:
        from septum.io.meta_image import read_meta_image  # noqa: PLC0415  # as above

        return read_meta_image(path, spacing_mm)
    from septum.io.nifti import read_nifti  # noqa: PLC0415

    return read_nifti(path, spacing_mm)


def _files(path: Path, suffix: str) -> tuple[Path, ...]:
    """The files that an image is made of, header first."""
    if suffix in NRRD_SUFFIXES:
        from septum.io.nrrd import nrrd_files  # noqa: PLC0415  # as above

        return nrrd_files(path)
    if suffix in META_SUFFIXES:
        from septum.io.meta_image import meta_image_files  # noqa: PLC0415  # as above

        return meta_image_files(path)
    from septum.io.nifti import nifti_files  # noqa: PLC0415

    return nifti_files(path)
