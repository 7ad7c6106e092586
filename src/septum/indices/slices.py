"""Short-axis slices from base to apex, those with a whole ring of myocardium, and their thirds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

#: Basal, mid and apical third.
LEVELS = 3


@dataclass(frozen=True)
class Ring:
    """A slice in which myocardium surrounds the LV cavity.

    Attributes:
        cavity: LV cavity, (Y, X).
        outer: what the epicardium encloses: cavity, myocardium and what lies between, (Y, X).
        rv: RV cavity, (Y, X).
        spacing_mm: in plane, along (Y, X).
    """

    cavity: Mask
    outer: Mask
    rv: Mask
    spacing_mm: tuple[float, float]

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of mass of the cavity as a voxel index (Y, X)."""
        y, x = np.argwhere(self.cavity).mean(axis=0)
        return float(y), float(x)


def base_is_last(heart: Mask) -> bool:
    """Tell whether the base is at the last slices: where the heart is broad, by its centre of mass.

    This is the one rule for the ends of a stack; everything that needs the base or the apex asks it.

    Args:
        heart: both ventricles with their myocardium, (Z, Y, X), not empty.
    """
    areas = heart.sum(axis=(1, 2))
    slices = np.flatnonzero(areas)
    middle = (slices[0] + slices[-1]) / 2.0
    return bool((areas[slices] * slices).sum() / areas.sum() > middle)


def rings_of(lv: Mask, myo: Mask, rv: Mask, spacing_mm: tuple[float, float]) -> list[Ring]:
    """The slices of a frame, in their order, in which the myocardium surrounds the whole cavity.

    Args:
        lv: LV cavity of the frame, (Z, Y, X).
        myo: its myocardium.
        rv: RV cavity.
        spacing_mm: in plane, along (Y, X).
    """
    found = (
        ring_of(lv[z], myo[z], rv[z], spacing_mm)
        for z in np.flatnonzero(lv.any(axis=(1, 2)) & myo.any(axis=(1, 2)))
    )
    return [ring for ring in found if ring is not None]


def ring_of(lv: Mask, myo: Mask, rv: Mask, spacing_mm: tuple[float, float]) -> Ring | None:
    """Give a slice of a frame as a ring; ``None`` where myocardium does not surround the whole cavity.

    Args:
        lv: LV cavity in the slice, (Y, X), not empty.
        myo: its myocardium.
        rv: RV cavity.
        spacing_mm: in plane, along (Y, X).
    """
    from scipy.ndimage import binary_fill_holes  # noqa: PLC0415  # slow to load

    outer = binary_fill_holes(myo)
    return Ring(lv, outer, rv, spacing_mm) if outer[lv].all() else None


def thirds(count: int) -> NDArray[np.int_]:
    """Level of each of so many slices from base to apex: 0 basal, 1 mid, 2 apical.

    Slice i (from 0) of n is in the third that holds (i + 1/2) / n of their extent.
    """
    return (2 * np.arange(count) + 1) * LEVELS // (2 * max(count, 1))
