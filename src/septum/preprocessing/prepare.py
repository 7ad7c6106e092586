"""From a volume with its slices first to the grid and intensities of a network."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Region, Volume
from septum.preprocessing.intensity import clahe, clip_to_percentiles, zscore
from septum.preprocessing.resampling import resample, resample_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import Geometry
    from septum.preprocessing.settings import PreprocessingSettings


LOGGER = logging.getLogger(__name__)


def prepare(volume: Volume, settings: PreprocessingSettings) -> Volume:
    """Resample, enhance and normalise a volume whose slice axis comes first.

    What undoes it is :func:`resample` from the returned geometry to ``volume.geometry``.

    Returns:
        float32 volume on the network's grid.
    """
    grid = volume.geometry.resampled(settings.spacing_mm)
    array = resample(volume.array, volume.geometry, grid)
    if settings.clip_percentiles is not None:
        array = clip_to_percentiles(array, *settings.clip_percentiles)
    if settings.clahe is not None:
        array = clahe(array, settings.clahe)
    frame = _frame(grid, settings)
    return Volume(np.ascontiguousarray(frame.crop(zscore(array))), grid.cropped(frame))


def prepared_geometry(native: Geometry, settings: PreprocessingSettings) -> Geometry:
    """The grid that :func:`prepare` brings a volume of this native grid to."""
    grid = native.resampled(settings.spacing_mm)
    return grid.cropped(_frame(grid, settings))


def prepare_labels(
    labels: NDArray[np.uint8], values: Sequence[int], native: Geometry, settings: PreprocessingSettings
) -> NDArray[np.uint8]:
    """A native mask on the grid that :func:`prepare` brings its image to; background beyond the image.

    Foreground that the fixed size cuts off is logged.

    Args:
        labels: (Z, Y, X) on ``native``.
        values: the foreground values to keep.
        native: grid of the mask.
        settings: of the image's preprocessing.
    """
    grid = native.resampled(settings.spacing_mm)
    whole = resample_labels(labels, values, native, grid)
    framed = np.ascontiguousarray(_frame(grid, settings).crop(whole))
    lost = np.count_nonzero(whole) - np.count_nonzero(framed)
    if lost > 0:
        LOGGER.warning(
            "%d of %d foreground voxels lie beyond the %s voxels that a network sees, and are cut off",
            lost, np.count_nonzero(whole), settings.size,
        )  # fmt: skip
    return framed


def cut(volume: Volume, region: Region, settings: PreprocessingSettings) -> Volume:
    """Cut a region out of a prepared volume, zero beyond the image, normalised as the settings say.

    Args:
        volume: (Z, Y, X), as :func:`prepare` returns it.
        region: on the grid of ``volume``, in voxels.
        settings: say whether the region is normalised once more.
    """
    array = np.ascontiguousarray(region.crop(volume.array))
    if settings.normalise == "region":
        array = zscore(array)
    return Volume(array, volume.geometry.cropped(region))


def _frame(grid: Geometry, settings: PreprocessingSettings) -> Region:
    """What of a grid the network sees: all of it, or a box of fixed size about its middle."""
    return Region.whole(grid.shape) if settings.size is None else pad_or_crop(grid.shape, settings.size)


def padded_to_multiple(shape: Sequence[int], multiple: Sequence[int]) -> Region:
    """Find the smallest region about a grid of this shape whose size is a multiple along each axis.

    >>> padded_to_multiple((8, 100, 100), (1, 16, 16)).size
    (8, 112, 112)
    """
    z, y, x = (-(-n // m) * m for n, m in zip(shape, multiple, strict=True))
    return Region.whole((z, y, x)).shifted_inside(shape)


def pad_or_crop(shape: Sequence[int], size: Sequence[int]) -> Region:
    """Place a region of fixed size about the middle of a grid of this shape.

    >>> pad_or_crop((8, 100, 100), (8, 64, 128))
    Region(start=(0, 18, -14), stop=(8, 82, 114))
    """
    return Region.around([(n - 1) / 2.0 for n in shape], size)
