"""A region of interest in the voxels of the image that the user gave."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Region

if TYPE_CHECKING:
    from septum.core import Geometry

#: Share of a voxel by which a centre may miss the border and still count as inside.
TOLERANCE_VOXELS = 1e-6


def native_region(region: Region, working: Geometry, native: Geometry) -> Region:
    """The native voxels whose centres lie within a region of another grid of the same patient.

    Axes of the two grids may run in another order, to other sides, and with another spacing.

    Args:
        region: on ``working``.
        working: grid of the segmenter.
        native: grid of the image.

    Returns:
        The region on ``native``, clipped to that grid.
    """
    borders = [(a - 0.5, b - 0.5) for a, b in zip(region.start, region.stop, strict=True)]
    corners = np.array([working.to_patient_mm(corner) for corner in product(*borders)])
    steps = np.asarray(native.direction) * np.asarray(native.spacing_mm)  # columns in mm a voxel
    indices = np.linalg.solve(steps, (corners - np.asarray(native.origin_mm)).T)
    low = np.ceil(indices.min(axis=1) - TOLERANCE_VOXELS).astype(int)
    high = np.floor(indices.max(axis=1) + TOLERANCE_VOXELS).astype(int) + 1
    start = [max(0, int(a)) for a in low]
    stop = [min(n, int(b)) for b, n in zip(high, native.shape, strict=True)]
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
