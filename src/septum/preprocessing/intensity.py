"""Intensities: CLAHE, clipping, z-score."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.preprocessing.settings import ClaheSettings

HISTOGRAM_BINS = 256

#: How many values bound a percentile's tail, and by what share of them the bound is moved towards the middle.
SAMPLE = 4096
SLACK = 0.02


def zscore(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the whole array to zero mean and unit variance; a constant array becomes zero.

    >>> zscore(np.array([1.0, 3.0], np.float32)).tolist()
    [-1.0, 1.0]
    """
    if array.min() == array.max():  # its computed deviation need not be zero
        return np.zeros_like(array)
    return (array - float(array.mean())) / np.float32(array.std())


def percentile(array: NDArray[Any], percent: float) -> float:
    """Take a percentile by linear interpolation, as numpy's, many times as fast where it lies in a tail.

    Only the values beyond a bound are ordered; the bound is a sample's, and is given up where it was wrong.

    >>> percentile(np.array([0.0, 10.0, 20.0]), 25.0)
    5.0
    """
    values = array.reshape(-1)
    rank = percent / 100 * (values.size - 1)
    below = percent <= 50
    sample = np.sort(values[:: max(1, values.size // SAMPLE)])
    place = min(max((percent / 100 + (SLACK if below else -SLACK)) * sample.size, 0), sample.size - 1)
    bound = sample[int(place)]
    tail = values[values <= bound] if below else values[values >= bound]
    first = rank if below else rank - (values.size - tail.size)
    if not 0 <= first <= tail.size - 1:
        tail, first = values, rank
    low, high = int(first), min(int(first) + 1, tail.size - 1)
    ordered = np.partition(tail, (low, high))
    return float(ordered[low] + (float(ordered[high]) - float(ordered[low])) * (first - low))


def clip_to_percentiles(array: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Clip to two percentiles of the array, in percent.

    Args:
        array: any shape.
        low: lower percentile, 0 to 100.
        high: upper percentile, 0 to 100.

    >>> clip_to_percentiles(np.array([0.0, 10.0, 20.0]), 25.0, 75.0).tolist()
    [5.0, 10.0, 15.0]
    """
    bottom, top = percentile(array, low), percentile(array, high)
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
