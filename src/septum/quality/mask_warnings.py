"""Warnings: what the mask itself, or the way to it, gives reason to look at, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.quality.verdict import basic_flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import Geometry, VolumeCurve
    from septum.quality.regions import FoundRegion


def mask_warnings(curve: VolumeCurve, regions: Sequence[FoundRegion], geometry: Geometry) -> tuple[str, ...]:
    """The reasons of :func:`septum.quality.verdict.basic_flags`.

    Args:
        curve: volumes of the mask.
        regions: one a frame.
        geometry: native grid of one frame.
    """
    return tuple(flag.reason for flag in basic_flags(curve, regions, geometry))
