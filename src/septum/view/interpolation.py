"""Shapes between shapes: signed distances of the structures of a slice, blended.

Source: Raya SP, Udupa JK. Shape-based interpolation of multidimensional objects. IEEE Trans Med Imaging 1990;
9:32-42, doi 10.1109/42.52980. The wall is taken as what its outer border encloses, the cavity included, so
that a thin wall stays whole where it moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core import LabelSchema

    Slice = NDArray[np.uint8]
    #: Of one region: signed distance in mm to its border, positive inside.
    Distance = NDArray[np.float64]


#: Voxels about all shapes within which a correction that is carried over may grow.
_MARGIN = 16


@dataclass(frozen=True)
class Area:
    """What is blended as one shape.

    Attributes:
        value: that it is painted with.
        members: values of the voxels that it is made of.
    """

    value: int
    members: tuple[int, ...]


def areas_of(schema: LabelSchema) -> tuple[Area, ...]:
    """List the shapes of a mask, the cavity after the wall that encloses it.

    >>> from septum.core import VENTRICLES
    >>> [(area.value, area.members) for area in areas_of(VENTRICLES)]
    [(1, (1,)), (2, (2, 3)), (3, (3,))]
    """
    values = {one.role: one.value for one in schema.structures}
    inside = {values.get(Role.MYO): values.get(Role.LV)}
    order = sorted(schema.structures, key=lambda one: one.role is Role.LV)
    return tuple(
        Area(one.value, (one.value, *(v for v in (inside.get(one.value),) if v is not None))) for one in order
    )


@dataclass(frozen=True)
class Shapes:
    """The shapes of a slice as signed distances, one for each area.

    Attributes:
        distances: (areas, Y, X) in mm; minus infinity where an area has no voxel.
        present: which areas have a voxel.
    """

    distances: NDArray[np.float64]
    present: tuple[bool, ...]

    @classmethod
    def of(cls, labels: Slice, areas: tuple[Area, ...], spacing_mm: tuple[float, float]) -> Shapes:
        """Measure a slice (Y, X) with its spacing along (Y, X)."""
        masks = [np.isin(labels, area.members) for area in areas]
        found = [_signed_mm(mask, spacing_mm) for mask in masks]
        return cls(np.stack(found), tuple(bool(mask.any()) for mask in masks))

    def beside(self, other: Shapes) -> Shapes:
        """Let an area that is missing here, and is there in another slice, shrink to nothing on the way."""
        distances = self.distances.copy()
        for k, (here, there) in enumerate(zip(self.present, other.present, strict=True)):
            if not here:
                distances[k] = -max(float(other.distances[k].max()), 1.0) if there else -np.inf
        return Shapes(distances, self.present)


def painted(distances: NDArray[np.float64], areas: tuple[Area, ...]) -> Slice:
    """Make a slice of blended distances (areas, Y, X).

    A cavity lies within its wall, and of two shapes that overlap the deeper one has the voxel.
    """
    labels = np.zeros(distances.shape[1:], np.uint8)
    deepest = np.zeros(distances.shape[1:])
    enclosed = {v: area.value for area in areas for v in area.members if v != area.value}
    for area, distance in zip(areas, distances, strict=True):
        if area.value in enclosed:
            labels[(distance > 0) & (labels == enclosed[area.value])] = area.value
        else:
            deeper = distance > deepest
            labels[deeper] = area.value
            deepest[deeper] = distance[deeper]
    return labels


def between(
    first: Slice, second: Slice, share: float, schema: LabelSchema, spacing_mm: tuple[float, float]
) -> Slice:
    """Draw the slice between two slices (Y, X).

    Args:
        first: at one end.
        second: at the other, on the same grid.
        share: of the way from the first to the second, 0 to 1.
        schema: what their values mean.
        spacing_mm: along (Y, X).

    >>> from septum.core import LEFT_ATRIUM
    >>> narrow, wide = np.zeros((2, 9, 9), np.uint8)
    >>> narrow[3:6, 3:6] = 1
    >>> wide[1:8, 1:8] = 1
    >>> int(between(narrow, wide, 0.5, LEFT_ATRIUM, (1.0, 1.0)).sum())
    25
    """
    areas, window = areas_of(schema), _window((first, second), 0)
    one, other = (Shapes.of(labels[window], areas, spacing_mm) for labels in (first, second))
    start, stop = one.beside(other).distances, other.beside(one).distances
    drawn = np.zeros_like(first)
    drawn[window] = painted(_blend(start, stop, share), areas)
    return drawn


def carried(
    before: Slice,
    after: Slice,
    onto: Slice,
    weight: float,
    schema: LabelSchema,
    spacing_mm: tuple[float, float],
) -> Slice:
    """Do to a slice what was done to another one.

    Args:
        before: the other slice, as it was.
        after: the same, corrected.
        onto: the slice to change, (Y, X).
        weight: share of the change, 0 to 1.
        schema: what their values mean.
        spacing_mm: along (Y, X).
    """
    areas, window = areas_of(schema), _window((before, after, onto), _MARGIN)
    old, new, target = (Shapes.of(one[window], areas, spacing_mm) for one in (before, after, onto))
    moved = target.distances.copy()
    for k in range(len(areas)):
        if not (old.present[k] or new.present[k]):
            continue
        start, stop = old.beside(new).distances[k], new.beside(old).distances[k]
        base = target.distances[k] if target.present[k] else start
        moved[k] = base + weight * (stop - start)
    drawn = np.zeros_like(onto)
    drawn[window] = painted(moved, areas)
    return drawn


def _window(slices: tuple[Slice, ...], margin: int) -> tuple[slice, slice]:
    """The rows and columns in which any of some slices has a voxel, and so many about them."""
    there = np.any([labels > 0 for labels in slices], axis=0)
    if not there.any():
        return slice(0, 1), slice(0, 1)
    rows, columns = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    low, high = (max(0, int(one[0]) - margin) for one in (rows, columns)), (rows[-1], columns[-1])
    first, second = (slice(a, int(b) + margin + 1) for a, b in zip(low, high, strict=True))
    return first, second


def _blend(start: NDArray[np.float64], stop: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    absent = np.isneginf(start) | np.isneginf(stop)
    with np.errstate(invalid="ignore"):
        mixed = (1.0 - share) * start + share * stop
    return np.where(absent, -np.inf, mixed)


def _signed_mm(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Distance:
    """Distance of each voxel from the border of a mask (Y, X) in mm, positive inside."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415  # slow to load

    if not mask.any():
        return np.full(mask.shape, -np.inf)
    half = min(spacing_mm) / 2.0
    inside = distance_transform_edt(np.pad(mask, 1), sampling=spacing_mm)[1:-1, 1:-1]
    outside = distance_transform_edt(~mask, sampling=spacing_mm)
    signed: Distance = np.where(mask, inside - half, half - outside)
    return signed
