"""Which voxel of a mask lies on which voxel of the true one, or of its image, by their headers."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from septum.core import InputError, Level, Note
from septum.core.geometry import IDENTITY_DIRECTION
from septum.io import read_mask
from septum.workflows.masks import labels_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema, Study
    from septum.core.geometry import Triple

#: Spacings that differ by less than this are the same; files round them.
SPACING_TOLERANCE_MM = 1e-3
#: Axes may miss each other by so much of their length, and grids by so many voxels, and still be the same.
_AXIS_TOLERANCE = 0.1
_SHIFT_TOLERANCE_VOXELS = 0.5
#: Grids that lie farther apart, in diagonals of a voxel, are not of one place.
_APART = 1.0


def on_grid_of(
    truth: Study, truth_path: Path, prediction: Study, path: Path
) -> tuple[NDArray[np.generic], tuple[Note, ...]]:
    """Bring a mask to the axes of the true one, or of its image, by reordering its voxels alone.

    Where the headers let the axes run in other orders or directions of one space, voxels are reordered. Where
    a header has lost the place in the patient, grids of one shape and spacing are compared as they stand.

    Args:
        truth: the true mask, or the image.
        truth_path: its file.
        prediction: the mask.
        path: its file.

    Returns:
        Labels (T, Z, Y, X) on the grid of the truth, and notes, which name no file: they stand in results.

    Raises:
        InputError: the grids are not of one space.
    """
    ours, theirs = prediction.cine.geometry, truth.cine.geometry
    labels = prediction.cine.array
    order = _reordering(ours, theirs)
    if order is not None:
        axes, flips = order
        if axes == (0, 1, 2) and not any(flips):
            return labels, ()
        turned = labels.transpose(0, *(axis + 1 for axis in axes))
        turned = np.flip(turned, tuple(axis + 1 for axis in range(3) if flips[axis]))
        text = "The mask was brought to the axes of its image, or of the true mask, by the headers of both."
        return np.ascontiguousarray(turned), (Note("axes_reordered", text),)
    _require_same_grid(truth_path, theirs, path, ours)
    apart_mm = float(np.linalg.norm(np.subtract(ours.origin_mm, theirs.origin_mm)))
    if _same_direction(ours, theirs):
        is_far = apart_mm > _APART * float(np.linalg.norm(theirs.spacing_mm))
        if is_far and not (_is_lost(ours) or _is_lost(theirs)):
            raise InputError(
                f"{path} and {truth_path} lie {apart_mm:.4g} mm apart by their headers: expected one place; "
                "give files that belong together, or correct the header that is wrong."
            )
        text = (
            f"The mask lies {apart_mm:.2g} mm from its image, or from the true mask, by their headers: the "
            "two were matched voxel by voxel."
        )
        return labels, (Note("origins_differ", text, Level.WARNING),)
    text = (
        "The mask and its image, or the true mask, were matched voxel by voxel, although their headers let "
        "the axes run in different directions; look at both in a viewer."
    )
    return labels, (Note("directions_differ", text, Level.WARNING),)


def read_labels(
    mask: Path, study: Study, source: Path, schema: LabelSchema, *, spacing_mm: Triple | None = None
) -> NDArray[np.uint8]:
    """Read a mask that somebody may have saved with other axes, or with 255 for its only structure.

    Args:
        mask: its file.
        study: image of the mask.
        source: file of the image, for messages.
        schema: what the labels mean.
        spacing_mm: (Z, Y, X) in mm, instead of what the mask's file says.

    Returns:
        Labels (T, Z, Y, X) in the order of the study's axes.

    Raises:
        InputError: the file is no mask of these labels, or does not lie on the grid of its image.
    """
    return labels_on(study, source, read_mask(mask, spacing_mm=spacing_mm), mask, schema)


def labels_on(study: Study, source: Path, read: Study, mask: Path, schema: LabelSchema) -> NDArray[np.uint8]:
    """Give what :func:`read_labels` gives, of a mask that was read already.

    Args:
        study: image of the mask.
        source: file of the image, for messages.
        read: the mask, on its own grid.
        mask: its file, for messages.
        schema: what the labels mean.

    Raises:
        InputError: as of :func:`read_labels`.
    """
    return labels_of(mask, on_grid_of(study, source, read, mask)[0], schema).astype(np.uint8)


def _is_lost(geometry: Geometry) -> bool:
    """Tell whether a header says nothing of the place in the patient, or what stands for nothing."""
    return geometry.origin_mm == (0.0, 0.0, 0.0) and _is_plain(geometry)


def _is_plain(geometry: Geometry) -> bool:
    """Tell whether the axes run along those of the patient in the order that files without a place have."""
    return bool(np.allclose(np.abs(geometry.direction), IDENTITY_DIRECTION, atol=1e-6))


def _reordering(
    ours: Geometry, theirs: Geometry
) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]] | None:
    """The axes and flips that bring one grid onto the other; ``None`` if nothing of the kind does."""
    our_steps = np.asarray(ours.direction) * np.asarray(ours.spacing_mm)
    their_steps = np.asarray(theirs.direction) * np.asarray(theirs.spacing_mm)
    shares = np.linalg.solve(their_steps, our_steps)  # of their axes (rows) in each of ours (columns)
    for axes in permutations(range(3)):
        signs = np.array([shares[axis, own] for axis, own in enumerate(axes)])
        expected = np.zeros((3, 3))
        expected[range(3), axes] = np.sign(signs)
        if np.abs(shares - expected).max() > _AXIS_TOLERANCE:
            continue
        permuted = ours.permuted(axes)  # type: ignore[arg-type]  # three of them
        last = np.subtract(permuted.shape, 1)
        first_voxel = np.where(signs < 0, last, 0)
        ends = zip((first_voxel, last - first_voxel), (np.zeros(3), last), strict=True)
        shifts = [theirs.to_index(permuted.to_patient_mm(end.tolist())) - index for end, index in ends]
        if (
            permuted.shape != theirs.shape
            or not np.allclose(permuted.spacing_mm, theirs.spacing_mm, rtol=0.0, atol=SPACING_TOLERANCE_MM)
            or np.abs(shifts).max() > _SHIFT_TOLERANCE_VOXELS
        ):
            return None
        first, second, third = axes
        return (first, second, third), (bool(signs[0] < 0), bool(signs[1] < 0), bool(signs[2] < 0))
    return None


def _require_same_grid(truth_path: Path, theirs: Geometry, path: Path, ours: Geometry) -> None:
    if ours.shape != theirs.shape:
        raise InputError(
            f"{path} has the shape {ours.shape} (Z, Y, X), but {truth_path} has {theirs.shape}; bring one "
            "to the grid of the other."
        )
    if not np.allclose(ours.spacing_mm, theirs.spacing_mm, rtol=0.0, atol=SPACING_TOLERANCE_MM):
        raise InputError(
            f"{path} has the spacing {_millimetres(ours)}, but {truth_path} has "
            f"{_millimetres(theirs)} (Z, Y, X); correct the header that is wrong."
        )


def _same_direction(one: Geometry, other: Geometry) -> bool:
    """Whether each array axis runs along the same patient direction, within about 25 degrees."""
    cosines = np.sum(np.asarray(one.direction) * np.asarray(other.direction), axis=0)
    return bool(np.all(cosines > 0.9))


def _millimetres(geometry: Geometry) -> str:
    return " x ".join(f"{s:g}" for s in geometry.spacing_mm) + " mm"
