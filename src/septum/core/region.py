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
        """The region that covers a grid of this shape."""
        z, y, x = shape
        return cls((0, 0, 0), (z, y, x))

    @classmethod
    def around(cls, centre: Sequence[float], size: Sequence[int]) -> Region:
        """The box of ``size`` voxels whose middle is nearest to ``centre`` (voxel indices)."""
        z, y, x = (round(c - (n - 1) / 2.0) for c, n in zip(centre, size, strict=True))
        return cls((z, y, x), (z + size[0], y + size[1], x + size[2]))

    @classmethod
    def bounding(cls, mask: NDArray[np.bool_]) -> Region | None:
        """The smallest region that holds all true voxels; ``None`` where there is none."""
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
        """The region with a margin of voxels on both sides of each axis."""
        start = [a - m for a, m in zip(self.start, margin, strict=True)]
        stop = [b + m for b, m in zip(self.stop, margin, strict=True)]
        return Region(_index(start), _index(stop))

    def moved(self, by: Sequence[int]) -> Region:
        """The region moved by a number of voxels along each axis."""
        start = [a + m for a, m in zip(self.start, by, strict=True)]
        stop = [b + m for b, m in zip(self.stop, by, strict=True)]
        return Region(_index(start), _index(stop))

    def clipped(self, shape: Sequence[int]) -> Region:
        """The part of the region that lies inside a grid of this shape."""
        start = [min(max(a, 0), n) for a, n in zip(self.start, shape, strict=True)]
        stop = [min(max(b, a), n) for a, b, n in zip(start, self.stop, shape, strict=True)]
        return Region(_index(start), _index(stop))

    def shifted_inside(self, shape: Sequence[int]) -> Region:
        """The same box moved into the grid where it fits, centred on the grid where it does not."""
        start = []
        for a, n, grid in zip(self.start, self.size, shape, strict=True):
            start.append(min(max(a, 0), grid - n) if n <= grid else -((n - grid) // 2))
        return self.moved([new - old for new, old in zip(start, self.start, strict=True)])

    def holds(self, mask: NDArray[np.bool_]) -> float:
        """Share of the true voxels of ``mask`` that lie inside, from 0 to 1 (1 if there is none)."""
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
