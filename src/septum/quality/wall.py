"""Whether myocardium surrounds the cavity of the left ventricle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.indices.slices import base_is_last

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def open_wall(lv: Mask, myo: Mask, heart: Mask) -> tuple[float, int | None]:
    """Share of the cavity's border that does not lie on myocardium, and the slice with most of it.

    The border is counted in sides of voxels, in plane, over all slices but the most basal one of the cavity,
    for the outflow tract opens there. What lies on the right ventricle is open, too: the septum is missing.

    Args:
        lv: cavity of a frame, (Z, Y, X).
        myo: its myocardium.
        heart: all structures, which tell where the base is.

    Returns:
        The share, 0 to 1; 0 and ``None`` where nothing is open.
    """
    slices = np.flatnonzero(lv.any(axis=(1, 2)))
    if slices.size < 2:
        return 0.0, None
    looked_at = slices[:-1] if base_is_last(heart) else slices[1:]
    cavity, wall = (np.pad(one[looked_at], ((0, 0), (1, 1), (1, 1))) for one in (lv, myo))
    sides, opened = np.zeros(len(looked_at)), np.zeros(len(looked_at))
    for axis in (1, 2):
        for step in (-1, 1):
            border = cavity & ~np.roll(cavity, step, axis)
            sides += border.sum(axis=(1, 2))
            opened += (border & ~np.roll(wall, step, axis)).sum(axis=(1, 2))
    worst = int(looked_at[opened.argmax()]) if opened.any() else None
    return float(opened.sum() / sides.sum()), worst
