"""Overlap of two masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.metrics.shapes import require_same_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def dice(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float | None:
    """Dice similarity coefficient, twice the common voxels over the sum of both masks' voxels.

    Source: Vesal et al. 2020, equation (6).

    Args:
        predicted: mask of any shape; every value but zero is inside.
        truth: mask of the same shape.

    Returns:
        A number from 0 to 1; ``None`` if both masks are empty (0 / 0).

    Raises:
        InputError: the shapes differ.

    >>> import numpy as np
    >>> dice(np.array([1, 1, 0]), np.array([0, 1, 1]))  # one common voxel: 2 * 1 / (2 + 2)
    0.5
    """
    require_same_shape(predicted.shape, truth.shape)
    inside_predicted, inside_truth = predicted.astype(bool), truth.astype(bool)
    total = int(inside_predicted.sum()) + int(inside_truth.sum())
    if total == 0:
        return None
    return 2.0 * int((inside_predicted & inside_truth).sum()) / total
