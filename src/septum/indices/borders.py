"""Borders of masks in plane: their distance from a centre in each direction, of many slices at once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Masks = NDArray[np.bool_]

#: Directions in which borders are given.
DIRECTIONS = 180
#: Harmonics of the distance of a border from the centre: what is finer are the corners of voxels.
HARMONICS = 10
#: The directions in radians, from array axis X towards Y.
ANGLES = np.arange(DIRECTIONS) * 2.0 * np.pi / DIRECTIONS


def borders_mm(masks: Masks, centres: Floats, spacing_mm: tuple[float, float]) -> Floats:
    """Measure the distance of each mask's border from a centre, smoothed, in mm: (N, directions).

    A border runs midway between neighbours of which one is in the mask, as the corners of marching squares.
    Of several pieces the largest counts, without its holes.

    Args:
        masks: (N, Y, X), none of them empty.
        centres: voxel index (Y, X) of each, (N, 2).
        spacing_mm: in plane, along (Y, X).

    >>> square = np.zeros((1, 9, 9), bool)
    >>> square[0, 2:7, 2:7] = True
    >>> float(borders_mm(square, np.array([[4.0, 4.0]]), (2.0, 2.0))[0, 0].round())
    5.0
    """
    padded = np.pad(_one_piece_each(masks), ((0, 0), (1, 1), (1, 1)))
    found = [np.argwhere(np.diff(padded, axis=axis)) for axis in (1, 2)]
    owner = np.concatenate([some[:, 0] for some in found])
    halves = np.eye(2) / 2.0 - 1.0  # the padding
    places = np.concatenate([some[:, 1:] + halves[k] for k, some in enumerate(found)])
    order = np.argsort(owner, kind="stable")
    owner, places = owner[order], places[order]
    y, x = ((places - centres[owner]) * np.asarray(spacing_mm)).T
    angles, distances = np.arctan2(y, x), np.hypot(x, y)
    ends = np.searchsorted(owner, np.arange(len(masks) + 1))
    around = np.stack(
        [np.interp(ANGLES, angles[a:b], distances[a:b], period=2.0 * np.pi) for a, b in pairwise(ends)]
    )
    spectrum = np.fft.rfft(around, axis=-1)
    spectrum[:, HARMONICS + 1 :] = 0.0
    smooth: Floats = np.maximum(np.fft.irfft(spectrum, DIRECTIONS, axis=-1), 0.0)
    return smooth


def _one_piece_each(masks: Masks) -> Masks:
    """Reduce masks to their largest piece without holes; those that have Euler's number of one stay."""
    down, right = masks[:, 1:] & masks[:, :-1], masks[..., 1:] & masks[..., :-1]
    corners = down[..., 1:] & down[..., :-1]
    euler = sum(
        sign * np.count_nonzero(part, axis=(1, 2))
        for sign, part in ((1, masks), (-1, down), (-1, right), (1, corners))
    )
    odd = np.flatnonzero(euler != 1)
    if not len(odd):
        return masks
    from scipy.ndimage import binary_fill_holes, label  # noqa: PLC0415  # slow to load

    whole = masks.copy()
    for k in odd:
        pieces, _ = label(masks[k])
        sizes = np.bincount(pieces.ravel())[1:]
        whole[k] = binary_fill_holes(pieces == 1 + sizes.argmax())
    return whole
