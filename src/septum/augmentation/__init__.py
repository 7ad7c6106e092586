"""Random parameters drawn first, from a generator that is passed in, then applied deterministically."""

from septum.augmentation.intensity import IntensityDraw, change_intensity, draw_intensity
from septum.augmentation.settings import AugmentationSettings
from septum.augmentation.spatial import SpatialDraw, draw_spatial, read_patch

__all__ = [
    "AugmentationSettings",
    "IntensityDraw",
    "SpatialDraw",
    "change_intensity",
    "draw_intensity",
    "draw_spatial",
    "read_patch",
]
