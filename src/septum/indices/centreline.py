"""Thickness of a ring of myocardium along its centreline.

A line is drawn midway between the two borders of the wall. The thickness at a place of it is the sum of the
shortest ways from there to the one border and to the other: a chord of the centreline method whose halves may
meet at an angle, so that it cannot miss a cavity that is small or out of round.

Sources: Sheehan FH et al. Advantages and applications of the centerline method for characterizing regional
ventricular function. Circulation 1986; for wall thickness in cine images: van Rugge FP et al. Circulation
1994.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.indices.slices import Ring

    Floats = NDArray[np.float64]

#: Directions in which borders are given, and thickness is told.
DIRECTIONS = 180
#: Harmonics of the distance of a border from the centre: what is finer are the corners of voxels.
HARMONICS = 10
_ANGLES = np.arange(DIRECTIONS) * 2.0 * np.pi / DIRECTIONS


def thickness_mm(ring: Ring) -> tuple[Floats, Floats]:
    """Directions from the cavity's centre in radians, and the thickness of the wall there in mm.

    Borders are taken as seen from the centre of the cavity, at half a voxel's accuracy or better.

    Args:
        ring: a slice with a whole ring of myocardium.
    """
    endo, epi = (_border_mm(mask, ring) for mask in (ring.cavity, ring.outer))
    epi = np.maximum(epi, endo)
    centreline, inner, outer = (_points_mm(border) for border in ((endo + epi) / 2.0, endo, epi))
    return _ANGLES, _ways_mm(centreline, inner) + _ways_mm(centreline, outer)


def _border_mm(mask: NDArray[np.bool_], ring: Ring) -> Floats:
    """Distance of a mask's border from the cavity's centre in each direction, smoothed, in mm."""
    from skimage.measure import find_contours  # noqa: PLC0415  # slow to load

    contours = find_contours(np.pad(mask, 1).astype(float), 0.5)  # type: ignore[no-untyped-call]
    longest = max(contours, key=len) - 1.0  # the padding
    y, x = ((longest - np.asarray(ring.centre)) * np.asarray(ring.spacing_mm)).T
    around = np.interp(_ANGLES, np.arctan2(y, x), np.hypot(x, y), period=2.0 * np.pi)
    spectrum = np.fft.rfft(around)
    spectrum[HARMONICS + 1 :] = 0.0
    return np.maximum(np.fft.irfft(spectrum, DIRECTIONS), 0.0)


def _points_mm(border_mm: Floats) -> Floats:
    """Places (directions, 2) in plane from the distances of a border from the centre."""
    return border_mm[:, None] * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def _ways_mm(points: Floats, border: Floats) -> Floats:
    """Shortest way from each point to a border, a closed polygon of points (directions, 2)."""
    sides = np.roll(border, -1, axis=0) - border
    towards = points[:, None] - border
    lengths = np.maximum((sides**2).sum(axis=1), 1e-12)
    share = np.clip((towards * sides).sum(axis=2) / lengths, 0.0, 1.0)
    return np.hypot(*np.moveaxis(towards - share[..., None] * sides, 2, 0)).min(axis=1)
