"""Masks of a heart of discs: whole and steady, to be broken in one way at a time."""

from __future__ import annotations

import numpy as np

from septum.core import VENTRICLES, Geometry, Segmentation

RV, MYO, LV = 1, 2, 3
SHAPE = (10, 120, 120)
CENTRE = (60, 65)
#: Slices with a heart, apex first.
SLICES = range(1, 9)
WALL = 6


def heart(emptied: float = 0.0) -> np.ndarray:
    """Labels (Z, Y, X) of a heart that is filled (0) or has ejected the share ``emptied`` of its area.

    Radii grow from apex to base; the myocardium has the same area whatever the cavity has. Both ventricles
    are discs of one size, so that they pump the same.
    """
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for number, z in enumerate(SLICES):
        full = 6 + number
        cavity = full * np.sqrt(1 - emptied)
        outer = np.sqrt(cavity**2 + (full + WALL) ** 2 - full**2)
        labels[z][disc(CENTRE, full * np.sqrt(1 - emptied), offset=-(2 * full + WALL))] = RV
        labels[z][disc(CENTRE, outer)] = MYO
        labels[z][disc(CENTRE, cavity)] = LV
    return labels


def disc(centre: tuple[int, int], radius: float, offset: float = 0.0) -> np.ndarray:
    """A disc in a slice, moved along X."""
    y, x = np.indices(SHAPE[1:])
    return (y - centre[0]) ** 2 + (x - centre[1] - offset) ** 2 <= radius**2


def cine(*frames: np.ndarray, slice_mm: float = 8.0) -> Segmentation:
    """A mask of these frames."""
    shape = frames[0].shape
    return Segmentation(np.stack(frames), Geometry(shape, (slice_mm, 1.5, 1.5)), VENTRICLES)
