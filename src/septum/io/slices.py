"""One file a slice, as dcm2niix leaves the short-axis cines of some scanners: found and stacked."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Cine, InputError, Note, Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

#: Fewer slices are views of their own.
LEAST_SLICES = 3
#: Headers that are read of a large folder to see whether it may hold slices.
MOST_PROBED = 64
#: Steps between slices may differ by this share of their median, and slices be shifted in plane by so much.
_STEP_TOLERANCE = 0.1
_SHIFT_TOLERANCE_MM = 1.0


@dataclass(frozen=True)
class StackedHeader:
    """What ``Study.header`` holds of slices from several files: nothing but the ending of a mask.

    Attributes:
        suffix: ending of the mask's name.
    """

    suffix: str = ".nii.gz"


def slice_files(files: Iterable[Path]) -> list[Path]:
    """Pick the files of a folder that hold one slice each of a common stack, by their headers.

    Of a folder with more files than :data:`MOST_PROBED`, so many headers are read, evenly spread over the
    names. The others are read only if one of these has a single slice.

    Args:
        files: images of one folder.

    Returns:
        Those of the largest stack, in the order of their names; none where there is none.
    """
    from septum.io.nifti import single_slice_grid  # noqa: PLC0415  # only folders with several files need it

    groups: dict[tuple[object, ...], list[tuple[float, Path]]] = defaultdict(list)
    ordered = sorted(files)
    probed = ordered[:: -(-len(ordered) // MOST_PROBED)] if len(ordered) > MOST_PROBED else []
    if probed and not any(single_slice_grid(file) for file in probed):
        return []
    for file in ordered:
        found = single_slice_grid(file)
        if found is None:
            continue
        frames, geometry = found
        normal = np.asarray(geometry.direction)[:, 0]
        rounded = tuple(np.round(np.asarray(geometry.direction), 3).ravel().tolist())
        key = (frames, geometry.shape, tuple(np.round(geometry.spacing_mm[1:], 3).tolist()), rounded)
        groups[key].append((float(normal @ np.asarray(geometry.origin_mm)), file))
    stacks = [group for group in groups.values() if _are_even([place for place, _ in group])]
    largest = max(stacks, key=len, default=[])
    return sorted(file for _, file in largest)


def read_slices(folder: Path, files: Sequence[Path], read: Callable[[Path], Study]) -> Study:
    """Stack files of one slice each, in the order of their positions.

    Args:
        folder: that holds them, for messages.
        files: as of :func:`slice_files`.
        read: reads one of them.

    Raises:
        InputError: a file cannot be read, or they are of no common stack.
    """
    studies = [read(file) for file in files]
    first = studies[0].cine
    normal = np.asarray(first.geometry.direction)[:, 0]
    places = [float(normal @ np.asarray(study.cine.geometry.origin_mm)) for study in studies]
    order = np.argsort(places)
    ordered = [studies[i] for i in order]
    lowest = ordered[0].cine
    step_mm = float(np.median(np.diff(np.asarray(places)[order])))
    for z, study in enumerate(ordered):
        expected = np.asarray(lowest.geometry.origin_mm) + z * step_mm * normal
        off_mm = float(np.linalg.norm(np.asarray(study.cine.geometry.origin_mm) - expected))
        fits = study.cine.array.shape == lowest.array.shape
        if not fits or off_mm > _STEP_TOLERANCE * step_mm * max(1, z) + _SHIFT_TOLERANCE_MM:
            raise InputError(
                f"{folder} holds files of one slice each that make no stack: expected slices at equal "
                "distances above each other, with as many frames; segment the files one by one."
            )
    array = np.concatenate([study.cine.array for study in ordered], axis=1)
    _, *in_plane = lowest.geometry.spacing_mm
    geometry = replace(lowest.geometry, shape=array.shape[1:], spacing_mm=(step_mm, in_plane[0], in_plane[1]))
    text = f"The slices come from {len(files)} files, {step_mm:.4g} mm apart by their positions."
    notes = {note.key: note for study in ordered for note in study.notes if note.key != "thickness_missing"}
    return Study(
        Cine(array, geometry, lowest.frame_interval_ms, lowest.frame_times_ms),
        stacked_sha256(study.sha256 for study in studies),
        (Note("slices_stacked", text), *notes.values()),
        StackedHeader(),
    )


def stacked_sha256(hashes: Iterable[str]) -> str:
    """Hash the hashes of the files, whatever their names are."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(hashes)).encode()).hexdigest()


def _are_even(places_mm: Sequence[float]) -> bool:
    """Tell whether positions along a normal are those of a stack."""
    steps = np.diff(sorted(places_mm))
    if len(steps) < LEAST_SLICES - 1:
        return False
    middle = float(np.median(steps))
    return middle > 0 and bool((np.abs(steps - middle) <= _STEP_TOLERANCE * middle).all())
