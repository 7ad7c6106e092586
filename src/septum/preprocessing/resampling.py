"""Linear resampling between parallel grids, by one small banded matrix an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import Geometry

#: Grids whose positions differ by less than this share of a voxel count as the same.
TOLERANCE_VOXELS = 1e-4


def resample(array: NDArray[Any], source: Geometry, target: Geometry) -> NDArray[np.float32]:
    """Interpolate ``array`` at the voxel centres of another grid.

    Linear interpolation; where the target is coarser, the triangle grows with it, so that nothing aliases.
    Positions beyond the source take its border value.

    Args:
        array: (..., Z, Y, X) on ``source``.
        source: grid of the array.
        target: a grid with the same directions; spacing, origin and shape are free.

    Returns:
        (..., Z, Y, X) on ``target``, float32.

    Raises:
        ValueError: the grids are not parallel.

    >>> from septum.core import Geometry, Region
    >>> line = Geometry((1, 1, 4), (1.0, 1.0, 1.0))
    >>> middle = line.cropped(Region((0, 0, 1), (1, 1, 3)))
    >>> resample(np.array([[[0.0, 2.0, 4.0, 6.0]]]), line, middle).tolist()
    [[[2.0, 4.0]]]
    """
    if not np.allclose(source.direction, target.direction, atol=1e-5):
        raise ValueError(f"grids must be parallel, got directions {source.direction} and {target.direction}")
    steps = np.asarray(source.direction).T @ (np.asarray(target.origin_mm) - np.asarray(source.origin_mm))
    out = np.asarray(array, dtype=np.float32)
    for axis in range(3):
        weights = _weights(
            source.shape[axis],
            target.shape[axis],
            first=float(steps[axis]) / source.spacing_mm[axis],
            step=target.spacing_mm[axis] / source.spacing_mm[axis],
        )
        if weights is not None:
            out = _along(out, weights, axis)
    return out


def resample_labels(
    labels: NDArray[Any], values: Sequence[int], source: Geometry, target: Geometry
) -> NDArray[np.uint8]:
    """Bring a mask to another grid: each voxel takes the value whose resampled share is largest.

    Args:
        labels: (Z, Y, X) on ``source``.
        values: the foreground values to keep; all others become 0.
        source: grid of the labels.
        target: a parallel grid.

    Returns:
        (Z, Y, X) on ``target``.

    >>> from septum.core import Geometry
    >>> line = Geometry((1, 1, 4), (1.0, 1.0, 1.0))
    >>> resample_labels(np.array([[[0, 1, 1, 3]]]), (1, 3), line, line).tolist()
    [[[0, 1, 1, 3]]]
    """
    shares = resample(np.stack([labels == v for v in values]), source, target)
    background = 1.0 - shares.sum(axis=0, keepdims=True)
    choice = np.concatenate([background, shares]).argmax(axis=0)
    return np.asarray([0, *values], dtype=np.uint8)[choice]


def _weights(n_in: int, n_out: int, *, first: float, step: float) -> NDArray[np.float32] | None:
    """Compute the matrix (n_out, n_in) of triangle weights, rows summing to 1; ``None`` for the identity.

    Args:
        n_in: voxels of the source along the axis.
        n_out: voxels of the target.
        first: place of the first target voxel, in source voxels.
        step: distance of target voxels, in source voxels.
    """
    if n_in == n_out and abs(first) < TOLERANCE_VOXELS and abs(step - 1.0) * n_in < TOLERANCE_VOXELS:
        return None
    positions = np.clip(first + step * np.arange(n_out), 0.0, n_in - 1.0)
    distance = np.abs(positions[:, None] - np.arange(n_in)[None, :])
    weights = np.maximum(0.0, 1.0 - distance / max(1.0, step))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _along(array: NDArray[np.float32], weights: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Multiply one of the last three axes by a banded matrix, one diagonal of the band after the other.

    A matrix product would start the threads of the linear algebra library, which go on spinning for a while
    and take the cores from the network that runs next.

    Args:
        array: (..., Z, Y, X).
        weights: (n_out, n_in), as of :func:`_weights`.
        axis: 0, 1 or 2 for Z, Y or X.
    """
    axis += array.ndim - 3
    lift = [1] * array.ndim
    lift[axis] = -1
    first = (weights != 0).argmax(axis=1)
    rows = np.arange(len(weights))
    out = None
    for tap in range(int(np.count_nonzero(weights, axis=1).max())):
        source = np.minimum(first + tap, weights.shape[1] - 1)
        share = np.where(first + tap < weights.shape[1], weights[rows, source], np.float32(0))
        part = array.take(source, axis=axis)
        part *= share.reshape(lift)
        out = part if out is None else np.add(out, part, out=out)
    if out is None:
        raise ValueError("expected a row for each target voxel, got none")
    return out
