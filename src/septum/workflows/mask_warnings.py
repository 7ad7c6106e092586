"""Warnings: what the mask itself, or the way to it, gives reason to look at, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import LocalisationPath
from septum.workflows.plausibility import implausibilities

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from septum.core import Geometry, VolumeCurve
    from septum.workflows.record import FrameRegion


def mask_warnings(
    curve: VolumeCurve, regions: tuple[FrameRegion, ...], geometry: Geometry
) -> tuple[str, ...]:
    """What the mask itself, or the way to it, gives reason to look at.

    Args:
        curve: its volumes.
        regions: one a frame.
        geometry: native grid of one frame.
    """
    frames = set(range(len(regions)))
    empty = {t for t in frames if not any(volumes[t] for volumes in curve.volumes_ml.values())}
    if empty == frames:
        return ("No structure was found: the mask is empty. Check that the image shows the heart.",)
    return (
        *_about_structures(curve.volumes_ml, frames, empty),
        *_about_function(curve, len(frames)),
        *_about_regions(regions),
        *implausibilities(curve, geometry),
    )


def _about_structures(
    volumes_ml: Mapping[str, tuple[float, ...]], frames: set[int], empty: set[int]
) -> Iterator[str]:
    """Structures that are missing where others are there."""
    if empty:
        yield f"No structure was found in frames {_listed(empty)} (counted from 0)."
    missing = [name for name, volumes in volumes_ml.items() if not any(volumes)]
    if missing:
        yield f"{' and '.join(missing)} found in no frame."
    for name, volumes in volumes_ml.items():
        gaps = {t for t in frames if not volumes[t]} - empty
        if gaps and name not in missing:
            yield (
                f"{name} was found in some frames and not in frames {_listed(gaps)} (counted from 0): look "
                "at the mask before you use volumes and ejection fractions."
            )


def _about_function(curve: VolumeCurve, frames: int) -> Iterator[str]:
    """Ejection fractions that cannot be."""
    if frames > 1 and curve.end_diastole == curve.end_systole:
        yield (
            "The volume that tells end-diastole from end-systole is the same in all frames: there is no "
            "ejection fraction."
        )
    for name, percent in curve.ejection_fraction_percent.items():
        if percent < 0:
            yield f"The ejection fraction of {name} is negative; look at the mask."


def _about_regions(regions: tuple[FrameRegion, ...]) -> Iterator[str]:
    """Regions of interest found without the map, or too small for the mask."""
    fallbacks = sum(region.path is not LocalisationPath.MAP for region in regions)
    if fallbacks:
        yield (
            f"The heart was not localised by the map in {fallbacks} of {len(regions)} frames; "
            "look at the mask."
        )
    cut_off = {region.frame for region in regions if region.cut_off}
    if cut_off:
        yield (
            f"The mask touches the border of the region of interest in frames {_listed(cut_off)} "
            "(counted from 0): the heart may be cut off there."
        )


def _listed(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
