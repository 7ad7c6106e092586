"""Intensities: CLAHE, clipping, z-score."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.preprocessing.settings import ClaheSettings

HISTOGRAM_BINS = 256


def zscore(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zero mean and unit variance over the whole array; a constant array becomes zero."""
    if array.min() == array.max():  # its computed deviation need not be zero
        return np.zeros_like(array)
    return (array - float(array.mean())) / np.float32(array.std())


def clip_to_percentiles(array: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Clip to two percentiles of the array, in percent."""
    bottom, top = (float(p) for p in np.percentile(array, (low, high)))
    return np.clip(array, bottom, top).astype(np.float32)


def clahe(array: NDArray[Any], settings: ClaheSettings) -> NDArray[np.float32]:
    """Contrast limited adaptive histogram equalisation of each slice of (Z, Y, X), into 0 to 1.

    Source: Pizer et al. 1987, as implemented by scikit-image, which stretches each slice to its own range
    before and after.
    """
    from skimage.exposure import equalize_adapthist  # noqa: PLC0415  # slow to load, and few models need it

    values = np.asarray(array, dtype=np.float32)
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, float(np.finfo(np.float32).tiny))
    tile = [max(1, -(-n // settings.tiles)) for n in values.shape[1:]]
    limit = settings.clip / HISTOGRAM_BINS
    out = np.empty_like(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for z, plane in enumerate(scaled):
            out[z] = equalize_adapthist(plane, kernel_size=tile, clip_limit=limit, nbins=HISTOGRAM_BINS)
    return out
