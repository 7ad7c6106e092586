"""Shape of a mask in one frame: pieces, holes, gaps, its reach along the stack, an open wall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core.components import largest_component
from septum.indices.slices import base_is_last

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

#: Slices whose left ventricle is smaller than this share of its largest slice have no steady centre.
STEADY_SHARE = 0.2


def apart(structure: Mask) -> float:
    """Give the share of a structure (Z, Y, X) outside its largest 26-connected component; 0 if it is empty.

    >>> apart(np.array([[[1, 1, 1, 0, 1]]], bool))  # one voxel of four
    0.25
    """
    largest = largest_component(structure)
    return 0.0 if largest is None else float(1.0 - largest.sum() / structure.sum())


def hollow(structure: Mask, background: Mask) -> float:
    """Count voxels of background that a structure encloses in its slices, as a share of the structure.

    Args:
        structure: (Z, Y, X).
        background: what belongs to no structure; the cavity in a ring of myocardium is no hole.

    >>> ring = np.ones((1, 3, 3), bool)
    >>> ring[0, 1, 1] = False
    >>> hollow(ring, ~ring)  # one voxel in a ring of eight
    0.125
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


@dataclass(frozen=True)
class LeftVentricle:
    """Reach of the left ventricle, cavity and myocardium, along the stack.

    Attributes:
        length: number of slices times their distance, over the diameter of a disc as large as the largest
            slice; 0 for an empty mask.
        apex_cut: area in the last slice of the stack at the apex, as a share of the largest slice; 0 where
            that slice has none.
        apex_stopped: area in the last slice of the mask towards the apex, likewise, if the stack goes on.
    """

    length: float
    apex_cut: float
    apex_stopped: float


def left_ventricle(lv: Mask, heart: Mask, spacing_mm: tuple[float, float, float]) -> LeftVentricle:
    """How much of the left ventricle the stack and the mask hold.

    The base gives no such sign as the apex: expert masks, too, end there at full area, and most stacks of
    ACDC end with them. What is missing there shortens the ventricle.

    Args:
        lv: cavity with its myocardium, (Z, Y, X).
        heart: all structures, which tell where the base is.
        spacing_mm: along (Z, Y, X).
    """
    areas = lv.sum(axis=(1, 2)).astype(float)
    if not areas.any():
        return LeftVentricle(0.0, 0.0, 0.0)
    if not base_is_last(heart):
        areas = areas[::-1]
    slice_mm, y_mm, x_mm = spacing_mm
    diameter_mm = 2.0 * float(np.sqrt(areas.max() * y_mm * x_mm / np.pi))
    shares, first = areas / areas.max(), int(np.flatnonzero(areas)[0])
    return LeftVentricle(
        length=float(np.count_nonzero(areas)) * slice_mm / diameter_mm,
        apex_cut=float(shares[0]),
        apex_stopped=float(shares[first]) if first > 0 else 0.0,
    )


def gaps(structure: Mask) -> tuple[int, ...]:
    """List the slices without a structure (Z, Y, X) that lie between slices with it.

    >>> gaps(np.array([1, 0, 1], bool).reshape(3, 1, 1))
    (1,)
    """
    areas = structure.sum(axis=(1, 2))
    slices = np.flatnonzero(areas)
    return () if slices.size == 0 else tuple(int(z) for z in range(slices[0], slices[-1]) if areas[z] == 0)


def slice_growth(diastole: Mask, systole: Mask) -> tuple[int, int]:
    """Find the slice in which a cavity grows most towards end-systole: by how many voxels, and which slice.

    A ventricle shrinks. Where it grows, one of the two masks is often of the atrium or of the aorta.

    Args:
        diastole: the cavity at end-diastole, (Z, Y, X).
        systole: the same at end-systole.

    >>> diastole, systole = np.ones((2, 1, 3), bool), np.ones((2, 1, 3), bool)
    >>> diastole[1, 0, :2] = False
    >>> slice_growth(diastole, systole)
    (2, 1)
    """
    growth = systole.sum(axis=(1, 2)) - diastole.sum(axis=(1, 2))
    z = int(growth.argmax())
    return max(int(growth[z]), 0), z


def slice_shift_mm(lv: Mask, spacing_mm: tuple[float, float]) -> tuple[float, int | None]:
    """Measure how far a slice is from where its two neighbours say that it should be, in plane.

    The centre of the LV in a slice is compared with the point midway between the centres in the slices before
    and after it: along a smooth axis both are the same, and a slice taken in another breath-hold stands out
    by as much as it is shifted.

    Args:
        lv: cavity with its myocardium, (Z, Y, X).
        spacing_mm: in plane, along (Y, X).

    Returns:
        The largest distance in mm and its slice; 0 and ``None`` with fewer than three slices in a row.

    >>> lv = np.zeros((3, 8, 8), bool)
    >>> lv[(0, 2), 2:4, 2:4] = True
    >>> lv[1, 2:4, 4:6] = True  # two voxels to the side
    >>> slice_shift_mm(lv, (1.5, 1.5))
    (3.0, 1)
    """
    areas = lv.sum(axis=(1, 2))
    steady = areas >= max(1.0, STEADY_SHARE * float(areas.max()))
    centres = {int(z): np.argwhere(lv[z]).mean(axis=0) * spacing_mm for z in np.flatnonzero(steady)}
    shifts = {
        z: float(np.linalg.norm(centre - (centres[z - 1] + centres[z + 1]) / 2.0))
        for z, centre in centres.items()
        if z - 1 in centres and z + 1 in centres
    }
    if not shifts:
        return 0.0, None
    worst = max(shifts, key=lambda z: shifts[z])
    return shifts[worst], worst


def on_edge(heart: Mask) -> int:
    """Count voxels of the heart (Z, Y, X) in the outermost rows and columns of its slices.

    >>> on_edge(np.ones((1, 3, 3), bool))
    8
    """
    return int(heart.sum()) - int(heart[:, 1:-1, 1:-1].sum())


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
