"""An array as an image: what a script gives in place of a file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Cine, Geometry, InputError, Study
from septum.core.geometry import check_heart_fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core.geometry import Triple


def study_from_array(array: NDArray[Any], spacing_mm: Sequence[float]) -> Study:
    """Take an array for a study, whose hash is that of its voxels, shape and spacing.

    Args:
        array: as of :func:`cine_from_array`.
        spacing_mm: along (Z, Y, X), in mm.

    Raises:
        InputError: it is no image of a heart.
    """
    cine = cine_from_array(array, spacing_mm)
    voxels = np.ascontiguousarray(cine.array)
    said = f"{voxels.dtype.str} {voxels.shape} {cine.geometry.spacing_mm}\n"
    return Study(cine, hashlib.sha256(said.encode() + voxels.tobytes()).hexdigest())


def cine_from_array(array: NDArray[Any], spacing_mm: Sequence[float]) -> Cine:
    """Take an array for an image.

    Args:
        array: (Z, Y, X), or (T, Z, Y, X) for a cine; any numeric type.
        spacing_mm: distance of voxel centres along (Z, Y, X), in mm.

    Raises:
        InputError: it is no image of numbers with 3 or 4 axes, or none of a heart; its axes are in another
            order; or the spacing is not three positive numbers.

    >>> image = np.arange(8 * 96 * 96).reshape(8, 96, 96)
    >>> cine_from_array(image, (8.0, 1.5, 1.5)).array.shape
    (1, 8, 96, 96)
    """
    frames = np.asarray(array)
    if frames.ndim not in (3, 4) or frames.dtype.kind not in "biuf" or frames.size == 0:
        raise InputError(
            "array: expected numbers with axes (Z, Y, X) or (T, Z, Y, X), "
            f"got {frames.dtype} of shape {frames.shape}."
        )
    spacing = spacing_of(spacing_mm)
    _check_order(frames.shape)
    if not np.isfinite(frames).all():
        raise InputError("array: expected finite voxels, got NaN or infinity; replace them first.")
    if frames.min() == frames.max():
        raise InputError(f"array: expected an image, got the value {float(frames.min()):g} in every voxel.")
    frames = frames if frames.ndim == 4 else frames[None]  # T, Z, Y, X
    depth, height, width = frames.shape[1:]
    geometry = Geometry((depth, height, width), spacing)
    check_heart_fits("array", geometry, remedy="give the true spacing_mm")
    return Cine(frames, geometry)


def spacing_of(spacing_mm: Sequence[float]) -> Triple:
    """Three positive numbers along (Z, Y, X), in mm. Raises :class:`InputError` for anything else.

    >>> spacing_of([8, 1.5, 1.5])
    (8.0, 1.5, 1.5)
    """
    try:
        z, y, x = (float(one) for one in spacing_mm)
    except (TypeError, ValueError):
        raise InputError(_expected(spacing_mm)) from None
    if not all(np.isfinite(one) and one > 0 for one in (z, y, x)):
        raise InputError(_expected(spacing_mm))
    return (z, y, x)


def _expected(spacing_mm: object) -> str:
    return (
        "spacing_mm: expected three positive numbers (Z, Y, X) in mm, as in (8.0, 1.4, 1.4), "
        f"got {spacing_mm!r}."
    )


def _check_order(shape: tuple[int, ...]) -> None:
    """Refuse an array whose axes are surely in the order of other libraries.

    Slices and frames are fewer than rows and columns: where the last axes are the short ones, slices, or
    slices and frames, come last.
    """
    plane, rest = shape[:2], shape[2:]
    if len(shape) == 3 and 2 * rest[0] <= min(plane):
        found, remedy = "(X, Y, Z)", "array.transpose(2, 1, 0)"
    elif len(shape) == 4 and max(rest) < min(plane):
        found, remedy = "(X, Y, Z, T)", "array.transpose(3, 2, 1, 0)"
    else:
        return
    raise InputError(
        f"array: expected axes (Z, Y, X) or (T, Z, Y, X), got the shape {shape}, whose axes look like "
        f"{found} as nibabel has them; give {remedy}, and spacing_mm along (Z, Y, X), or the file itself."
    )
