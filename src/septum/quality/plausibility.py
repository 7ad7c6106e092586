"""Whether what was found can be a heart: volumes and stacks that no heart gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Flag, Orientation, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from septum.core import Geometry, VolumeCurve

#: Bounds of a frame's volumes. Among the 200 masks that experts drew in ACDC (100 adults, healthy and ill, at
#: end-diastole and end-systole) the least are 0.389, 19.4 ml and 32.6 ml.
LEAST_MYO_OF_LV = 0.35
LEAST_LV_ML = 15.0
LEAST_MYO_ML = 20.0
#: Bounds of a short-axis stack; there, 6 to 18 slices of 5 to 10 mm.
LEAST_SLICES = 4
SLICE_MM = (3.0, 15.0)


def plausibility_flags(curve: VolumeCurve, geometry: Geometry) -> Iterator[Flag]:
    """What speaks against a heart in the volumes at end-diastole (or of a single frame) and in the stack.

    Args:
        curve: volumes of a mask that is not empty. Without both MYO and LV there is nothing to compare with.
        geometry: native grid of one frame.

    Yields:
        One flag each. A structure that is missing altogether is not told here.
    """
    if not {"MYO", "LV"} <= curve.volumes_ml.keys():
        return
    myo, lv = (curve.volumes_ml[name][curve.end_diastole] for name in ("MYO", "LV"))
    if lv > 0 and 0 < myo < LEAST_MYO_OF_LV * lv:
        yield Flag(
            "little_myocardium",
            Verdict.REVIEW,
            f"MYO is {myo / lv:.2f} times as large as LV at end-diastole or in the only frame, and that of a "
            f"heart is at least {LEAST_MYO_OF_LV:g}: check that the image is a short-axis cine.",
            myo / lv,
            LEAST_MYO_OF_LV,
        )
    for name, volume, least in (("LV", lv, LEAST_LV_ML), ("MYO", myo, LEAST_MYO_ML)):
        if 0 < volume < least:
            yield Flag(
                f"small_{name.lower()}",
                Verdict.REVIEW,
                f"{name} has {volume:.1f} ml at end-diastole or in the only frame, and an adult's at least "
                f"{least:g} ml: check that the image shows the whole heart.",
                volume,
                least,
            )
    yield from _about_stack(geometry)


def _about_stack(geometry: Geometry) -> Iterator[Flag]:
    axis = Orientation.of(geometry).axes[0]
    slices, slice_mm = geometry.shape[axis], geometry.spacing_mm[axis]
    if slices < LEAST_SLICES:
        yield Flag(
            "few_slices",
            Verdict.REVIEW,
            f"The number of slices is {slices}: volumes of fewer than {LEAST_SLICES} slices are not those of "
            "a heart.",
            slices,
            LEAST_SLICES,
        )
    low, high = SLICE_MM
    if slices > 1 and not low <= slice_mm <= high:
        yield Flag(
            "slice_distance",
            Verdict.REVIEW,
            f"The slices are {slice_mm:.4g} mm apart, and those of a short-axis cine mostly 5 to 10 mm: "
            "check the spacing, and look at the mask.",
            slice_mm,
            low if slice_mm < low else high,
        )
