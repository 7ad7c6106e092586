"""Where voxels lie in the patient. The one owner of spacing, origin and direction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from septum.core.errors import InputError, Remedy
from septum.core.region import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

T = TypeVar("T")
Triple = tuple[float, float, float]

#: Direction of an image whose array axes (Z, Y, X) run along the patient axes (z, y, x) of LPS.
IDENTITY_DIRECTION: tuple[Triple, Triple, Triple] = (
    (0.0, 0.0, 1.0),
    (0.0, 1.0, 0.0),
    (1.0, 0.0, 0.0),
)

#: Share of a voxel by which a centre may miss the border of a region and still count as inside.
TOLERANCE_VOXELS = 1e-6


#: Spacings in the image plane and across it, and edge lengths of that plane, that can show a heart, in mm.
IN_PLANE_MM = (0.2, 6.0)
ACROSS_MM = (0.2, 30.0)
FIELD_OF_VIEW_MM = (60.0, 1000.0)
#: A stack of more slices than this that is thinner than this has lost the distance of its slices.
FEW_SLICES = 3
LEAST_STACK_MM = 25.0


@dataclass(frozen=True)
class Geometry:
    """Grid of an image in patient space (LPS: x to the left, y to the back, z to the head).

    Attributes:
        shape: number of voxels along the array axes (Z, Y, X).
        spacing_mm: distance of voxel centres along (Z, Y, X), in mm.
        origin_mm: patient position (x, y, z) of the centre of voxel (0, 0, 0), in mm.
        direction: 3 x 3 matrix by rows; column *a* is the patient direction, a unit vector (x, y, z),
            in which array axis *a* of (Z, Y, X) runs.

    >>> grid = Geometry((10, 128, 128), (8.0, 1.5, 1.5))
    >>> grid.extent_mm
    (80.0, 192.0, 192.0)
    >>> grid.voxel_volume_ml
    0.018
    """

    shape: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple = (0.0, 0.0, 0.0)
    direction: tuple[Triple, Triple, Triple] = IDENTITY_DIRECTION

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in ml."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    @property
    def extent_mm(self) -> Triple:
        """Edge lengths of the whole grid along (Z, Y, X), in mm, voxel borders included."""
        z, y, x = (n * s for n, s in zip(self.shape, self.spacing_mm, strict=True))
        return (z, y, x)

    @property
    def diagonal_mm(self) -> float:
        """Length of the grid's space diagonal in mm."""
        return float(np.linalg.norm(self.extent_mm))

    def to_patient_mm(self, index_zyx: Sequence[float]) -> NDArray[np.float64]:
        """Give the patient position (x, y, z) in mm of a (fractional) voxel index (Z, Y, X).

        >>> Geometry((10, 128, 128), (8.0, 1.5, 1.5)).to_patient_mm((1, 2, 0)).tolist()
        [0.0, 3.0, 8.0]
        """
        steps = np.asarray(index_zyx, float) * np.asarray(self.spacing_mm)
        return np.asarray(self.origin_mm) + np.asarray(self.direction) @ steps

    def to_index(self, position_mm: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the fractional voxel index (Z, Y, X) of a patient position (x, y, z) in mm.

        The position may lie beyond the grid.

        >>> Geometry((10, 128, 128), (8.0, 1.5, 1.5)).to_index((0.0, 3.0, 4.0)).tolist()
        [0.5, 2.0, 0.0]
        """
        steps_mm = np.asarray(self.direction) * np.asarray(self.spacing_mm)  # a column for each axis
        return np.linalg.solve(steps_mm, np.asarray(position_mm, float) - np.asarray(self.origin_mm))

    def permuted(self, axes: tuple[int, int, int]) -> Geometry:
        """Reorder the array axes as ``numpy.transpose(array, axes)`` does; the voxels stay where they are.

        >>> Geometry((128, 128, 10), (1.5, 1.5, 8.0)).permuted((2, 0, 1)).shape
        (10, 128, 128)
        """
        columns = np.asarray(self.direction)[:, list(axes)]
        return Geometry(
            shape=_triple(self.shape[a] for a in axes),
            spacing_mm=_triple(self.spacing_mm[a] for a in axes),
            origin_mm=self.origin_mm,
            direction=_matrix(columns),
        )

    def cropped(self, region: Region) -> Geometry:
        """Give the grid of ``region.crop(array)``; the region may reach beyond the grid.

        >>> part = Geometry((10, 128, 128), (8.0, 1.5, 1.5)).cropped(Region((1, 2, 0), (5, 66, 64)))
        >>> part.shape, part.origin_mm
        ((4, 64, 64), (0.0, 3.0, 8.0))
        """
        return replace(
            self,
            shape=region.size,
            origin_mm=_triple(float(v) for v in self.to_patient_mm(region.start)),
        )

    def window_of(self, region: Region, grid: Geometry) -> Region:
        """The voxels of this grid whose centres lie within a region of another grid of the same patient.

        Axes of the two grids may run in another order, to other sides, and with another spacing; where they
        are not parallel, it is the box about the region.

        Args:
            region: on ``grid``; the borders of its voxels belong to it.
            grid: the other grid.

        Returns:
            The region on this grid, clipped to it.
        """
        borders = [(a - 0.5, b - 0.5) for a, b in zip(region.start, region.stop, strict=True)]
        corners_mm = np.array([grid.to_patient_mm(corner) for corner in product(*borders)])
        steps_mm = np.asarray(self.direction) * np.asarray(self.spacing_mm)  # a column for each axis
        indices = np.linalg.solve(steps_mm, (corners_mm - np.asarray(self.origin_mm)).T)
        low = np.ceil(indices.min(axis=1) - TOLERANCE_VOXELS).astype(int)
        high = np.floor(indices.max(axis=1) + TOLERANCE_VOXELS).astype(int) + 1
        return Region(
            _triple(max(0, int(a)) for a in low),
            _triple(min(n, int(b)) for n, b in zip(self.shape, high, strict=True)),
        )

    def resampled(self, spacing_mm: Sequence[float | None]) -> Geometry:
        """Give the grid with another spacing about the same centre; ``None`` keeps an axis as it is.

        The number of voxels is the rounded quotient of extent and spacing, at least one, so that the
        spacing is exactly what was asked for.

        >>> Geometry((10, 128, 128), (8.0, 1.5, 1.5)).resampled((None, 3.0, 3.0)).shape
        (10, 64, 64)
        """
        spacing, shape, shift = [], [], []
        for n, old, asked in zip(self.shape, self.spacing_mm, spacing_mm, strict=True):
            new = old if asked is None else float(asked)
            count = n if asked is None else max(1, round(n * old / new))
            spacing.append(new)
            shape.append(count)
            shift.append(((n - 1) * old - (count - 1) * new) / 2.0)
        origin = np.asarray(self.origin_mm) + np.asarray(self.direction) @ np.asarray(shift)
        return Geometry(
            shape=_triple(shape),
            spacing_mm=_triple(spacing),
            origin_mm=_triple(float(v) for v in origin),
            direction=self.direction,
        )


def check_heart_fits(what: str, geometry: Geometry, remedy: str, mends: Remedy | None = None) -> None:
    """Refuse a grid that cannot show a heart.

    Whichever way the file is turned, the plane of the image is taken to be the two axes with the smallest
    spacing, its field of view the two longest edges, and its slices to follow each other along the shortest.

    Args:
        what: the image, to begin the sentence with.
        geometry: its grid.
        remedy: what to do about a wrong spacing, to end the sentence with.
        mends: what the user can give to mend it.

    Raises:
        InputError: the spacing is wildly wrong.
    """
    first, second, across = sorted(geometry.spacing_mm)
    (stack, slices), *plane = sorted(zip(geometry.extent_mm, geometry.shape, strict=True))
    edges = [edge for edge, _ in plane]
    if (
        not (IN_PLANE_MM[0] <= first <= second <= IN_PLANE_MM[1])
        or not (ACROSS_MM[0] <= across <= ACROSS_MM[1])
        or not all(FIELD_OF_VIEW_MM[0] <= edge <= FIELD_OF_VIEW_MM[1] for edge in edges)
    ):
        raise InputError(
            f"{what} has a spacing that does not fit a heart: expected {IN_PLANE_MM[0]:g} to "
            f"{IN_PLANE_MM[1]:g} mm in plane, at most {ACROSS_MM[1]:g} mm between slices and a field of view "
            f"of {FIELD_OF_VIEW_MM[0]:g} to {FIELD_OF_VIEW_MM[1]:g} mm, and found voxels of "
            f"{mm(geometry.spacing_mm)} and a field of {edges[0]:.4g} x {edges[1]:.4g} mm; {remedy}.",
            remedy=mends,
        )
    if slices > FEW_SLICES and stack < LEAST_STACK_MM:
        raise InputError(
            f"{what} has a spacing that does not fit a heart: expected more than {FEW_SLICES} slices to "
            f"reach over at least {LEAST_STACK_MM:g} mm, and found {slices} slices in {stack:.4g} mm, with "
            f"voxels of {mm(geometry.spacing_mm)}; {remedy}.",
            remedy=mends,
        )


def mm(values: Iterable[float]) -> str:
    """Write lengths for a message, such as ``10 x 1.562 x 1.562 mm (Z x Y x X)``.

    >>> mm((10, 1.5625, 1.5625))
    '10 x 1.562 x 1.562 mm (Z x Y x X)'
    """
    return " x ".join(f"{value:.4g}" for value in values) + " mm (Z x Y x X)"


def _triple(values: Iterable[T]) -> tuple[T, T, T]:
    first, second, third = values
    return (first, second, third)


def _matrix(values: NDArray[np.float64]) -> tuple[Triple, Triple, Triple]:
    first, second, third = (_triple(float(v) for v in row) for row in values)
    return (first, second, third)
