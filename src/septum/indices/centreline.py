"""Thickness of a ring of myocardium by the centreline method.

A line is drawn midway between the two borders of the wall, and the thickness is the length of the chord
between the borders that stands at right angles on it.

Sources: Sheehan FH et al. Advantages and applications of the centerline method for characterizing regional
ventricular function. Circulation 1986; 74:293-305; for wall thickness in cine images: van Rugge FP et al.
Circulation 1994; 90:127-138.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.measure import find_contours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.indices.slices import Ring

    Floats = NDArray[np.float64]

#: Directions in which borders are given, and chords of a ring.
CHORDS = 180
#: Harmonics of the distance of a border from the centre: what is finer are the corners of voxels.
HARMONICS = 10
_ANGLES = np.arange(CHORDS) * 2.0 * np.pi / CHORDS
_BISECTIONS = 30


def chords_mm(ring: Ring) -> tuple[Floats, Floats]:
    """Directions of the chords about the cavity's centre in radians, and their lengths in mm.

    Borders are taken as seen from the centre of the cavity, at half a voxel's accuracy or better.

    Args:
        ring: a slice with a whole ring of myocardium.
    """
    endo, epi = (_border_mm(mask, ring) for mask in (ring.cavity, ring.outer))
    epi = np.maximum(epi, endo)
    middle = (endo + epi) / 2.0
    points = np.stack([middle * np.cos(_ANGLES), middle * np.sin(_ANGLES)])
    tangents = np.stack([_slope(axis) for axis in points])
    normals = np.stack([tangents[1], -tangents[0]]) / np.hypot(*tangents)  # outwards
    reach = 3.0 * float((epi - endo).max())
    outer = _distance_mm(points, normals, epi, reach, sign=1.0)
    inner = _distance_mm(points, -normals, endo, reach, sign=-1.0)
    return _ANGLES, outer + inner


def _border_mm(mask: NDArray[np.bool_], ring: Ring) -> Floats:
    """Distance of a mask's border from the cavity's centre in each direction, smoothed, in mm."""
    contours = find_contours(np.pad(mask, 1).astype(float), 0.5)
    longest = max(contours, key=len) - 1.0
    y, x = ((longest - np.asarray(ring.centre)) * np.asarray(ring.spacing_mm)).T
    around = np.interp(_ANGLES, np.arctan2(y, x), np.hypot(x, y), period=2.0 * np.pi)
    spectrum = np.fft.rfft(around)
    spectrum[HARMONICS + 1 :] = 0.0
    return np.maximum(np.fft.irfft(spectrum, CHORDS), 0.0)


def _slope(values: Floats) -> Floats:
    """Derivative by the angle of a smooth periodic function."""
    spectrum = np.fft.rfft(values) * 1j * np.arange(CHORDS // 2 + 1)
    return np.fft.irfft(spectrum, CHORDS)


def _distance_mm(points: Floats, directions: Floats, border_mm: Floats, reach: float, *, sign: float) -> Floats:
    """How far points are from a border along their directions, in mm, by bisection; at most ``reach``.

    Args:
        points, directions: (2, chords), from the centre.
        border_mm: distance of the border from the centre by direction.
        reach: where to stop.
        sign: 1 for a border outside of the points, -1 for one inside.
    """
    low, high = np.zeros(CHORDS), np.full(CHORDS, reach)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        x, y = points + middle * directions
        border = np.interp(np.arctan2(y, x), _ANGLES, border_mm, period=2.0 * np.pi)
        before = sign * (border - np.hypot(x, y)) > 0
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return (low + high) / 2.0
