"""What a script gives to be segmented or measured: a file, a study that is read, or an array."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Cine, InputError, Study, Volume
from septum.core.arrays import spacing_of, study_from_array
from septum.core.files import is_folder, place_of
from septum.io import case_name, read_study
from septum.workflows.two_phases import TwoPhases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import StackKind

    #: What can be segmented.
    Source = str | Path | tuple[str | Path, str | Path] | Study | Cine | Volume | NDArray[Any]

#: What the files of an input without a name are called.
NAMELESS = "heart"


def load(path: str | Path, *, spacing_mm: Sequence[float] | None = None, kind: StackKind = "cine") -> Study:
    """Read an image file or a folder of DICOM files.

    Args:
        path: NIfTI or NRRD file, 3-D or 4-D, or a folder with a DICOM study.
        spacing_mm: (Z, Y, X) in mm, instead of the file's.
        kind: which images of a DICOM study are read, ``cine`` or ``late-gadolinium``.

    Returns:
        The image (T, Z, Y, X) as ``study.cine``, and what its reader had to settle as ``study.notes``.

    Raises:
        InputError: it cannot be used as an image of a heart.

    >>> from septum import Geometry, write_image
    >>> voxels = np.arange(8 * 96 * 96, dtype=np.float32).reshape(1, 8, 96, 96)
    >>> write_image("heart.nii.gz", Cine(voxels, Geometry((8, 96, 96), (8.0, 1.5, 1.5))))
    >>> load("heart.nii.gz")
    Study(1 x 8 x 96 x 96 float32, 8 x 1.5 x 1.5 mm; notes: 0)
    """
    spacing = None if spacing_mm is None else spacing_of(spacing_mm)
    return read_study(path_of(path), spacing_mm=spacing, wanted=kind)


def study_of(source: Source, spacing_mm: Sequence[float] | None, kind: StackKind) -> tuple[Study, str]:
    """Read or take over what is given, and name it.

    Args:
        source: a path, two of them with end-diastole and end-systole, an image, or an array (Z, Y, X) or
            (T, Z, Y, X).
        spacing_mm: (Z, Y, X) in mm; an array needs it, a file may do without.
        kind: which images of a DICOM study are read.

    Raises:
        InputError: it cannot be used as an image of a heart, or an array comes without a spacing.
    """
    if isinstance(source, str | Path):
        return load(source, spacing_mm=spacing_mm, kind=kind), name_of(Path(source))
    if isinstance(source, tuple):
        phases = phases_of(source)
        spacing = None if spacing_mm is None else spacing_of(spacing_mm)
        return phases.read(spacing_mm=spacing, wanted=kind), phases.name
    if isinstance(source, Study):
        return source, NAMELESS
    if isinstance(source, Cine | Volume):
        frames = source.array if isinstance(source, Cine) else source.array[None]
        made = study_from_array(frames, source.geometry.spacing_mm)
        cine = source if isinstance(source, Cine) else Cine(frames, source.geometry)
        return Study(cine, made.sha256), NAMELESS
    if not isinstance(source, np.ndarray):
        raise InputError(
            f"source: expected a path, a tuple of two paths, a study or an array, got "
            f"{type(source).__name__}; give one of these."
        )
    if spacing_mm is None:
        raise InputError(
            "array: expected its spacing_mm, too, the distance of voxel centres along (Z, Y, X) in mm; give "
            "it as in spacing_mm=(8.0, 1.4, 1.4)."
        )
    return study_from_array(source, spacing_mm), NAMELESS


def path_of(given: str | Path) -> Path:
    """Take a path; an empty one, which would be the current folder, is refused. Raises :class:`InputError`.

    >>> path_of("heart.nii.gz").name
    'heart.nii.gz'
    """
    if not isinstance(given, str | PathLike):
        raise InputError(f"expected the path of a file or folder, got {type(given).__name__}; give its name.")
    if given == "":
        raise InputError("expected the path of a file or folder, got an empty one; give its name.")
    return Path(given)


def phases_of(source: tuple[str | Path, ...]) -> TwoPhases:
    """Take two paths as end-diastole and end-systole. Raises :class:`InputError` if they are not two.

    >>> phases_of(("a_ed.nii.gz", "a_es.nii.gz")).name
    'a'
    """
    if len(source) != 2:
        raise InputError(
            f"source: expected two files, end-diastole and end-systole, got {len(source)}; give these two, "
            "or one study."
        )
    return TwoPhases(*map(path_of, source))


def has_spacing(source: Source) -> bool:
    """Tell whether an image is at hand with a spacing of its own, so that none can be given."""
    return isinstance(source, Study | Cine | Volume)


def name_of(path: Path) -> str:
    """Name the results of a file, without its ending, or of a study's folder, as it is."""
    return place_of(path).name if is_folder(path) else case_name(path)
