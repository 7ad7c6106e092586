"""Pieces and holes of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_fill_holes, label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

_TOUCHING = np.ones((3, 3, 3), bool)


def apart(structure: Mask) -> float:
    """Share of a structure, (Z, Y, X), outside its largest 26-connected component; 0 if it is empty."""
    numbered, count = label(structure, _TOUCHING)
    if count < 2:
        return 0.0
    sizes = np.bincount(numbered.ravel())[1:]
    return float(1.0 - sizes.max() / sizes.sum())


def hollow(structure: Mask, background: Mask) -> float:
    """Voxels of background that a structure encloses in its slices, as a share of the structure.

    Args:
        structure: (Z, Y, X).
        background: what belongs to no structure; the cavity in a ring of myocardium is no hole.
    """
    size = int(structure.sum())
    if size == 0:
        return 0.0
    holes = sum(
        int((binary_fill_holes(one) & ~one & other).sum())
        for one, other in zip(structure, background, strict=True)
        if one.any()
    )
    return holes / size
