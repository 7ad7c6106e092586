"""Distances between the surfaces of two masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion, generate_binary_structure
from scipy.spatial import KDTree

from septum.core import InputError, Region
from septum.metrics.shapes import require_same_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class SurfaceDistances:
    """Symmetric distances between two surfaces, in the unit of the spacing.

    Attributes:
        hausdorff: the largest distance from a voxel of either surface to the other surface.
        asd: the mean distance over the voxels of both surfaces together.
    """

    hausdorff: float
    asd: float


def surface_distances(
    predicted: NDArray[np.bool_], truth: NDArray[np.bool_], spacing_mm: Sequence[float]
) -> SurfaceDistances | None:
    """Hausdorff and average surface distance between two masks.

    A surface is the mask's voxels with at least one face neighbour outside the mask; beyond the border
    of the image is outside. An image of one slice has no surface across z: there, a voxel belongs to
    the contour if one of its four neighbours in the slice is outside. Distances run between voxel
    centres and are exact.

    Source: Vesal et al. 2020. Equation (7), made symmetric by taking the larger of both directions, and
    equation (8), in which all distances of both directions are summed and divided by the number of
    voxels of both surfaces (not the mean of two means).

    Args:
        predicted: mask, (Z, Y, X); every value but zero is inside.
        truth: mask of the same shape.
        spacing_mm: distance of voxel centres along (Z, Y, X); give (1, 1, 1) for distances in voxels.

    Returns:
        Both distances, in mm; ``None`` if either mask is empty, for then there is no distance.

    Raises:
        InputError: the shapes differ or are not 3-D.

    >>> predicted, truth = np.zeros((1, 5, 5), bool), np.zeros((1, 5, 5), bool)
    >>> predicted[0, 0, 0] = truth[0, 3, 4] = True  # 3 and 4 voxels apart, at 2 mm
    >>> surface_distances(predicted, truth, (8.0, 2.0, 2.0))
    SurfaceDistances(hausdorff=10.0, asd=10.0)
    """
    require_same_shape(predicted.shape, truth.shape)
    if predicted.ndim != 3:
        raise InputError(
            f"Surface distances need 3-D masks (Z, Y, X), but they are {predicted.ndim}-D; "
            "score a cine frame by frame."
        )
    points_predicted = _surface_points_mm(predicted, spacing_mm)
    points_truth = _surface_points_mm(truth, spacing_mm)
    if points_predicted is None or points_truth is None:
        return None
    distances = np.concatenate(
        [
            KDTree(points_truth).query(points_predicted)[0],
            KDTree(points_predicted).query(points_truth)[0],
        ]
    )
    return SurfaceDistances(hausdorff=float(distances.max()), asd=float(distances.mean()))


def _surface_points_mm(mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.float64] | None:
    """Centres of the surface voxels, (N, 3) in mm; ``None`` for an empty mask."""
    inside = mask.astype(bool)
    region = Region.bounding(inside)
    if region is None:
        return None
    neighbours = generate_binary_structure(rank=3, connectivity=1)
    if mask.shape[0] == 1:
        neighbours[[0, 2]] = False
    box = region.crop(inside)
    surface = box & ~binary_erosion(box, neighbours)
    indices = np.argwhere(surface).astype(np.float64) + region.start
    return indices * np.asarray(spacing_mm, dtype=np.float64)
