"""Connected components of a mask, by runs of voxels along X that touch.

As ``scipy.ndimage.label`` finds them and about as fast; loading that would take a program that segments one
image longer than its first network runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core.region import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.intp]

#: Rows, as (z, y) steps, that lie after a row and touch it by a side, an edge or a corner.
_LATER_ROWS = ((0, 1), (1, -1), (1, 0), (1, 1))
#: The one of them in the same slice.
_NEXT_ROW = _LATER_ROWS[:1]


def largest_component(
    mask: NDArray[np.bool_], weights: NDArray[np.float32] | None = None
) -> NDArray[np.bool_] | None:
    """Find the largest 26-connected component, by voxels or by the sum of weights; ``None`` if there is none.

    Args:
        mask: (Z, Y, X).
        weights: (Z, Y, X), or ``None``.

    >>> largest_component(np.array([[[True, False, True, True]]])).tolist()
    [[[False, False, True, True]]]
    """
    runs = _Runs.of(mask, _LATER_ROWS)
    if runs is None:
        return None
    starts, stops, roots = runs.starts, runs.stops, runs.roots
    if (roots == roots[0]).all():
        return mask
    if weights is None:
        sizes = (stops - starts).astype(np.float64)
    else:
        sums = np.cumsum(_separated(runs.box.crop(weights)), dtype=np.float64)
        sizes = sums[stops - 1] - np.where(starts > 0, sums[starts - 1], 0.0)
    return runs.filled(mask, roots == np.bincount(roots, sizes).argmax())


def largest_in_slices(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest 8-connected component of each slice of a mask (Z, Y, X).

    >>> largest_in_slices(np.array([[[True, False, True, True]]])).tolist()
    [[[False, False, True, True]]]
    """
    runs = _Runs.of(mask, _NEXT_ROW)
    if runs is None:
        return mask
    roots, (_, height, width) = runs.roots, runs.shape
    slices = runs.starts // (height * width)
    sizes = np.bincount(roots, runs.stops - runs.starts)
    order = np.lexsort((-roots, sizes[roots], slices))  # the last run of a slice is of its largest component
    last = np.append(np.flatnonzero(np.diff(slices[order])), len(order) - 1)
    kept = np.isin(roots, roots[order[last]])
    return mask if kept.all() else runs.filled(mask, kept)


def clear_apart(
    labels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    part_of: Callable[[NDArray[np.bool_]], NDArray[np.bool_] | None],
) -> None:
    """Make background, in place, of what lies apart from the part of a mask that is kept.

    Args:
        labels: (Z, Y, X).
        mask: (Z, Y, X), of which a part is kept; nothing is changed outside.
        part_of: gives that part, such as :func:`largest_component`; with ``None`` all is kept.

    >>> labels = np.array([[[3, 0, 3, 3]]], np.uint8)
    >>> clear_apart(labels, labels == 3, largest_component)
    >>> labels.tolist()
    [[[0, 0, 3, 3]]]
    """
    kept = part_of(mask)
    if kept is not None:
        labels[mask & ~kept] = 0


@dataclass(frozen=True)
class _Runs:
    """The runs along X of a mask, within the box about all of it.

    Attributes:
        box: on the grid of the mask.
        shape: of what the box holds, separated.
        starts, stops: of each run, in that as one line.
        roots: number of the first run that each is connected to.
    """

    box: Region
    shape: tuple[int, ...]
    starts: Integers
    stops: Integers
    roots: Integers

    @classmethod
    def of(cls, mask: NDArray[np.bool_], rows: Sequence[tuple[int, int]]) -> _Runs | None:
        """The runs of a mask (Z, Y, X), connected across these rows; ``None`` if it is empty."""
        box = Region.bounding(mask)
        if box is None:
            return None
        part = _separated(box.crop(mask))
        edges = np.flatnonzero(np.diff(part.reshape(-1), prepend=False))
        starts, stops = edges[::2], edges[1::2]
        return cls(box, part.shape, starts, stops, _roots(starts, stops, part.shape, rows))

    def filled(self, mask: NDArray[np.bool_], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Those of the runs that are kept, on the grid of the mask."""
        turns = np.zeros(self.shape, dtype=np.int8)
        turns.reshape(-1)[self.starts[kept]], turns.reshape(-1)[self.stops[kept]] = 1, -1
        _, height, width = self.box.size
        filled = np.zeros_like(mask)
        runs = np.cumsum(turns.reshape(-1), dtype=np.int8).astype(bool).reshape(self.shape)
        self.box.paste(runs[:, :height, :width], filled)
        return filled


def _separated(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """With an empty row after each slice and two empty voxels after each row: nothing touches across them."""
    depth, height, width = array.shape
    out = np.zeros((depth, height + 1, width + 2), array.dtype)
    out[:, :height, :width] = array
    return out


def _roots(
    starts: Integers, stops: Integers, shape: tuple[int, ...], rows: Sequence[tuple[int, int]]
) -> Integers:
    """Number, for each run, the first run that it is connected to.

    Args:
        starts: where each run begins in the flattened array.
        stops: where each run ends, likewise.
        shape: of the array, (Z, Y, X).
        rows: steps (z, y) to the rows that count as neighbours.
    """
    _, height, width = shape
    pairs: list[tuple[Integers, Integers]] = []
    for z, y in rows:
        step = (z * height + y) * width
        first = np.searchsorted(stops, starts + step, side="left")
        counts = np.searchsorted(starts, stops + step, side="right") - first
        runs = np.repeat(np.arange(len(starts)), counts)
        within = np.arange(len(runs)) - np.repeat(np.cumsum(counts) - counts, counts)
        pairs.append((runs, np.repeat(first, counts) + within))
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    roots = np.arange(len(starts))
    while True:
        low, high = np.minimum(roots[one], roots[other]), np.maximum(roots[one], roots[other])
        if (low == high).all():
            return roots
        np.minimum.at(roots, high, low)
        while not np.array_equal(roots, roots[roots]):
            roots = roots[roots]
