"""A box of voxels: the region of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Index = tuple[int, int, int]
Slices = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Region:
    """Half-open box ``start <= index < stop`` on a grid with axes (Z, Y, X), in voxels.

    A region may reach beyond its grid; :meth:`crop` then pads and :meth:`paste` leaves out.

    >>> region = Region((0, 2, 2), (1, 4, 5))
    >>> region.size
    (1, 2, 3)
    >>> region.crop(np.ones((1, 3, 3))).tolist()  # padded beyond the grid
    [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]
    """

    start: Index
    stop: Index

    @property
    def size(self) -> Index:
        """Number of voxels along (Z, Y, X)."""
        z, y, x = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return (z, y, x)

    @classmethod
    def whole(cls, shape: Sequence[int]) -> Region:
        """Cover a grid of this shape.

        >>> Region.whole((2, 3, 4))
        Region(start=(0, 0, 0), stop=(2, 3, 4))
        """
        z, y, x = shape
        return cls((0, 0, 0), (z, y, x))

    @classmethod
    def around(cls, centre: Sequence[float], size: Sequence[int]) -> Region:
        """Place a box of ``size`` voxels so that its middle is nearest to ``centre`` (voxel indices).

        >>> Region.around((5, 10, 10), (1, 3, 5))
        Region(start=(5, 9, 8), stop=(6, 12, 13))
        """
        z, y, x = (round(c - (n - 1) / 2.0) for c, n in zip(centre, size, strict=True))
        return cls((z, y, x), (z + size[0], y + size[1], x + size[2]))

    @classmethod
    def bounding(cls, mask: NDArray[np.bool_]) -> Region | None:
        """Find the smallest region that holds all true voxels (Z, Y, X); ``None`` where there is none.

        >>> Region.bounding(np.array([[[False, True, True], [False, False, False]]]))
        Region(start=(0, 0, 1), stop=(1, 1, 3))
        """
        spans: list[tuple[int, int]] = []
        plane = np.any(mask, axis=0)  # far less to look through for two of the axes
        for line in (mask.any(axis=(1, 2)), np.any(plane, axis=1), np.any(plane, axis=0)):
            hit = np.flatnonzero(line)
            if hit.size == 0:
                return None
            spans.append((int(hit[0]), int(hit[-1]) + 1))
        (z0, z1), (y0, y1), (x0, x1) = spans
        return cls((z0, y0, x0), (z1, y1, x1))

    def widened(self, margin: Sequence[int]) -> Region:
        """Add a margin of voxels on both sides of each axis.

        >>> Region((1, 4, 4), (2, 6, 6)).widened((0, 2, 2))
        Region(start=(1, 2, 2), stop=(2, 8, 8))
        """
        start = [a - m for a, m in zip(self.start, margin, strict=True)]
        stop = [b + m for b, m in zip(self.stop, margin, strict=True)]
        return Region(_index(start), _index(stop))

    def through(self, slices: int) -> Region:
        """Keep what the region takes in plane, and cover all slices of a grid.

        Args:
            slices: of the grid.

        >>> Region((1, 4, 4), (2, 6, 6)).through(8)
        Region(start=(0, 4, 4), stop=(8, 6, 6))
        """
        return Region((0, *self.start[1:]), (slices, *self.stop[1:]))

    def moved(self, by: Sequence[int]) -> Region:
        """Move the region by a number of voxels along each axis.

        >>> Region((1, 4, 4), (2, 6, 6)).moved((1, 0, -4))
        Region(start=(2, 4, 0), stop=(3, 6, 2))
        """
        start = [a + m for a, m in zip(self.start, by, strict=True)]
        stop = [b + m for b, m in zip(self.stop, by, strict=True)]
        return Region(_index(start), _index(stop))

    def clipped(self, shape: Sequence[int]) -> Region:
        """Keep the part of the region that lies inside a grid of this shape.

        >>> Region((-1, 4, 4), (2, 6, 9)).clipped((8, 8, 8))
        Region(start=(0, 4, 4), stop=(2, 6, 8))
        """
        start = [min(max(a, 0), n) for a, n in zip(self.start, shape, strict=True)]
        stop = [min(max(b, a), n) for a, b, n in zip(start, self.stop, shape, strict=True)]
        return Region(_index(start), _index(stop))

    def shifted_inside(self, shape: Sequence[int]) -> Region:
        """Move the box into the grid where it fits, and centre it on the grid where it does not.

        >>> Region((0, -2, 6), (1, 2, 10)).shifted_inside((1, 8, 8))
        Region(start=(0, 0, 4), stop=(1, 4, 8))
        """
        start = []
        for a, n, grid in zip(self.start, self.size, shape, strict=True):
            start.append(min(max(a, 0), grid - n) if n <= grid else -((n - grid) // 2))
        return self.moved([new - old for new, old in zip(start, self.start, strict=True)])

    def holds(self, mask: NDArray[np.bool_]) -> float:
        """Give the share of true voxels of ``mask`` (Z, Y, X) that lie inside, 0 to 1 (1 if there is none).

        >>> Region((0, 0, 0), (1, 1, 1)).holds(np.ones((1, 2, 2), bool))
        0.25
        """
        total = int(mask.sum())
        return 1.0 if total == 0 else float(self.crop(mask, fill=False).sum()) / total

    def crop(self, array: NDArray[Any], fill: float | bool = 0) -> NDArray[Any]:
        """Cut the box out of ``array`` (..., Z, Y, X); what lies beyond the grid is ``fill``."""
        inner, outer = self._overlap(array.shape[-3:])
        if inner == tuple(slice(0, n) for n in self.size):
            return array[..., outer[0], outer[1], outer[2]]
        out = np.full((*array.shape[:-3], *self.size), fill, dtype=array.dtype)
        out[..., inner[0], inner[1], inner[2]] = array[..., outer[0], outer[1], outer[2]]
        return out

    def paste(self, part: NDArray[Any], onto: NDArray[Any]) -> None:
        """Write ``part`` (..., Z, Y, X), as cut by :meth:`crop`, back to its place in ``onto``."""
        inner, outer = self._overlap(onto.shape[-3:])
        onto[..., outer[0], outer[1], outer[2]] = part[..., inner[0], inner[1], inner[2]]

    def _overlap(self, shape: Sequence[int]) -> tuple[Slices, Slices]:
        """Slices of the overlap of box and grid, counted in the box and counted in the grid."""
        inner: list[slice] = []
        outer: list[slice] = []
        for a, b, n in zip(self.start, self.stop, shape, strict=True):
            low, high = min(max(a, 0), n), max(min(b, n), 0)
            high = max(high, low)
            outer.append(slice(low, high))
            inner.append(slice(low - a, high - a) if high > low else slice(0, 0))
        return (inner[0], inner[1], inner[2]), (outer[0], outer[1], outer[2])


def _index(values: Sequence[int]) -> Index:
    z, y, x = values
    return (z, y, x)
