"""Random parameters drawn first, from a generator that is passed in, then applied deterministically."""

from septum.augmentation.batch import Pack, change_intensities, common_slices, read_patches
from septum.augmentation.intensity import IntensityDraw, change_intensity, draw_intensity
from septum.augmentation.settings import AugmentationSettings
from septum.augmentation.spatial import SpatialDraw, draw_slices, draw_spatial, read_patch

__all__ = [
    "AugmentationSettings",
    "IntensityDraw",
    "Pack",
    "SpatialDraw",
    "change_intensities",
    "change_intensity",
    "common_slices",
    "draw_intensity",
    "draw_slices",
    "draw_spatial",
    "read_patch",
    "read_patches",
]
