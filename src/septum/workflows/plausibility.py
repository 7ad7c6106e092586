"""Whether what was found can be a heart: numbers that no heart gives, images that a model does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Orientation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from septum.core import Geometry, VolumeCurve
    from septum.inference import Manifest
    from septum.inference.out_of_distribution import Evidence

#: Bounds of a frame's volumes. Among the 200 masks that experts drew in ACDC (100 adults, healthy and ill, at
#: end-diastole and end-systole) the least are 0.389, 19.4 ml and 32.6 ml.
LEAST_MYO_OF_LV = 0.35
LEAST_LV_ML = 15.0
LEAST_MYO_ML = 20.0
#: Bounds of a short-axis stack; there, 6 to 18 slices of 5 to 10 mm.
LEAST_SLICES = 4
SLICE_MM = (3.0, 15.0)


def implausibilities(curve: VolumeCurve, geometry: Geometry) -> Iterator[str]:
    """What speaks against a heart in the volumes at end-diastole (or of a single frame) and in the stack.

    Args:
        curve: volumes of a mask that is not empty. Without both MYO and LV there is nothing to compare with.
        geometry: native grid of one frame.

    Yields:
        One sentence each. A structure that is missing altogether is not told here.
    """
    if not {"MYO", "LV"} <= curve.volumes_ml.keys():
        return
    myo, lv = (curve.volumes_ml[name][curve.end_diastole] for name in ("MYO", "LV"))
    if lv > 0 and 0 < myo < LEAST_MYO_OF_LV * lv:
        yield (
            f"MYO is {myo / lv:.2f} times as large as LV at end-diastole or in the only frame, and that of a "
            f"heart is at least {LEAST_MYO_OF_LV:g}: check that the image is a short-axis cine."
        )
    for name, volume, least in (("LV", lv, LEAST_LV_ML), ("MYO", myo, LEAST_MYO_ML)):
        if 0 < volume < least:
            yield (
                f"{name} has {volume:.1f} ml at end-diastole or in the only frame, and an adult's at least "
                f"{least:g} ml: check that the image shows the whole heart."
            )
    axis = Orientation.of(geometry).axes[0]
    slices, slice_mm = geometry.shape[axis], geometry.spacing_mm[axis]
    if slices < LEAST_SLICES:
        yield (
            f"The number of slices is {slices}: volumes of fewer than {LEAST_SLICES} slices are not those of "
            "a heart."
        )
    if slices > 1 and not SLICE_MM[0] <= slice_mm <= SLICE_MM[1]:
        yield (
            f"The slices are {slice_mm:.4g} mm apart, and those of a short-axis cine mostly 5 to 10 mm: "
            "check the spacing, and look at the mask."
        )


def unlike_training_images(
    manifest: Manifest, geometry: Geometry, frames: Sequence[Evidence]
) -> Iterator[str]:
    """One sentence if the image is unlike those that the model learnt from, as far as its bundle tells these.

    Args:
        manifest: of the model.
        geometry: native grid of one frame.
        frames: what the model's networks make of each.
    """
    if manifest.training_images is None:
        return
    slice_mm = geometry.spacing_mm[Orientation.of(geometry).axes[0]]
    departures = list(manifest.training_images.departures(slice_mm, frames))
    if departures:
        yield (
            f"The image is unlike those that the model {manifest.name} ({manifest.title}) learnt from: "
            f"{'; '.join(departures)}. Check that it is the model for this image, and look at the mask."
        )
