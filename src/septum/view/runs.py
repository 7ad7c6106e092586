"""A slice of a mask as run lengths: what the page and the server send to each other."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.view.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    Slice = NDArray[np.uint8]

#: Value and length in turn, row after row; background after the last run is left out.
Runs = list[int]


def encode(labels: Slice) -> Runs:
    """Give the runs of a slice (Y, X).

    >>> encode(np.array([[0, 3, 3], [3, 0, 0]], np.uint8))
    [0, 1, 3, 3]
    """
    flat = labels.ravel()
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], starts, [flat.size]))
    values = flat[bounds[:-1]]
    runs = np.stack([values, np.diff(bounds)], axis=1)
    return [int(number) for number in (runs[:-1] if values[-1] == 0 else runs).ravel()]


def decode(runs: Any, shape: tuple[int, int], values: Collection[int]) -> Slice:
    """Make the slice (Y, X) of its runs.

    Args:
        runs: as sent, so that nothing about it is known.
        shape: of the slice.
        values: that it may hold, background aside.

    Raises:
        RefusedError: they are no runs of such a slice.

    >>> decode([0, 1, 3, 3], (2, 3), {3}).tolist()
    [[0, 3, 3], [3, 0, 0]]
    """
    if not isinstance(runs, list) or len(runs) % 2 or not all(type(one) is int for one in runs):
        raise RefusedError("A slice is a list of values and lengths in turn, all whole numbers.", "bad_runs")
    numbers, lengths = runs[::2], runs[1::2]
    size = shape[0] * shape[1]
    if any(length < 1 for length in lengths) or sum(lengths) > size:
        raise RefusedError(
            f"A slice has {size} voxels: expected runs of at least one voxel and of no more together.",
            "bad_runs",
        )
    if unknown := set(numbers) - {0, *values}:
        raise RefusedError(
            f"The value {min(unknown)} is none of this mask: expected 0 or one of "
            f"{', '.join(map(str, sorted(values)))}.",
            "bad_runs",
        )
    flat = np.zeros(size, np.uint8)
    ends = np.cumsum([0, *lengths])
    for value, (start, stop) in zip(numbers, pairwise(ends), strict=True):
        if value:
            flat[start:stop] = value
    return flat.reshape(shape)
