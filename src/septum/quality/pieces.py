"""Pieces and holes of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core.components import largest_component

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def apart(structure: Mask) -> float:
    """Share of a structure, (Z, Y, X), outside its largest 26-connected component; 0 if it is empty."""
    largest = largest_component(structure)
    return 0.0 if largest is None else float(1.0 - largest.sum() / structure.sum())


def hollow(structure: Mask, background: Mask) -> float:
    """Voxels of background that a structure encloses in its slices, as a share of the structure.

    Args:
        structure: (Z, Y, X).
        background: what belongs to no structure; the cavity in a ring of myocardium is no hole.
    """
    size = int(structure.sum())
    if size == 0:
        return 0.0
    return float((_enclosed(structure) & background).sum()) / size


def _enclosed(structure: Mask) -> Mask:
    """Voxels outside a structure from which no way by sides of voxels leads out, in their slice."""
    inside = ~structure
    for axis in (1, 2):  # what is enclosed has some of the structure before and behind it
        inside &= np.logical_or.accumulate(structure, axis=axis)
        inside &= np.flip(np.logical_or.accumulate(np.flip(structure, axis), axis=axis), axis)
    while True:
        outside = np.pad(~structure & ~inside, ((0, 0), (1, 1), (1, 1)))
        beside = outside[:, :-2, 1:-1] | outside[:, 2:, 1:-1] | outside[:, 1:-1, :-2] | outside[:, 1:-1, 2:]
        reached = inside & beside
        if not reached.any():
            return inside
        inside &= ~reached
