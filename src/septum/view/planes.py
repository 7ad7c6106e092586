"""Where the planes of two images cut each other: the reference lines of long and short axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core import Geometry

    Vector = NDArray[np.float64]

#: Two ends (Y, X) of a line in a slice, in voxels.
Line = tuple[tuple[float, float], tuple[float, float]]

#: Planes whose normals make a sine below this are parallel.
_PARALLEL = 0.05


@dataclass(frozen=True)
class Plane:
    """A slice in the patient.

    Attributes:
        corner_mm: position (x, y, z) of the centre of its first voxel.
        down, along: unit vectors of its rows' order (Y) and of its columns' order (X).
        shape: voxels along (Y, X).
        spacing_mm: along (Y, X).
    """

    corner_mm: Vector
    down: Vector
    along: Vector
    shape: tuple[int, int]
    spacing_mm: tuple[float, float]

    @classmethod
    def of(cls, geometry: Geometry, z: int) -> Plane:
        """Take a slice of a grid whose slices come first."""
        _, down, along = np.asarray(geometry.direction).T
        return cls(
            geometry.to_patient_mm((z, 0, 0)), down, along, (geometry.shape[1], geometry.shape[2]),
            (geometry.spacing_mm[1], geometry.spacing_mm[2]),
        )  # fmt: skip

    @property
    def normal(self) -> Vector:
        """Unit vector across it."""
        across: Vector = np.cross(self.down, self.along)
        return across / np.linalg.norm(across)

    def index(self, position_mm: Vector) -> tuple[float, float]:
        """Give the voxel (Y, X) of a position on the plane."""
        away = position_mm - self.corner_mm
        return float(away @ self.down) / self.spacing_mm[0], float(away @ self.along) / self.spacing_mm[1]


def line_in(plane: Plane, other: Plane) -> Line | None:
    """Find the line in which another slice cuts this one, as far as both reach.

    Args:
        plane: in whose voxels the line is given.
        other: the slice that cuts it.

    Returns:
        Both ends (Y, X); ``None`` where they are parallel or do not meet.

    >>> x, y, z = np.eye(3)
    >>> flat = Plane(0 * x, y, x, (5, 5), (1.0, 1.0))
    >>> upright = Plane(2 * x - 2 * z, z, y, (5, 5), (1.0, 1.0))
    >>> line_in(flat, upright)
    ((-0.5, 2.0), (4.5, 2.0))
    """
    direction: Vector = np.cross(plane.normal, other.normal)
    length = float(np.linalg.norm(direction))
    if length < _PARALLEL:
        return None
    direction = direction / length
    equations = np.stack([plane.normal, other.normal, direction])
    offsets = [plane.normal @ plane.corner_mm, other.normal @ other.corner_mm, direction @ plane.corner_mm]
    point = np.linalg.solve(equations, np.asarray(offsets))
    low, high = -np.inf, np.inf
    for one in (plane, other):
        for axis, count, step in zip((one.down, one.along), one.shape, one.spacing_mm, strict=True):
            start, slope = float((point - one.corner_mm) @ axis) / step, float(direction @ axis) / step
            if abs(slope) < 1e-9:
                if not -0.5 <= start <= count - 0.5:
                    return None
                continue
            ends = sorted(((-0.5 - start) / slope, (count - 0.5 - start) / slope))
            low, high = max(low, ends[0]), min(high, ends[1])
    if low >= high:
        return None
    first, last = sorted(plane.index(point + t * direction) for t in (low, high))
    return first, last
