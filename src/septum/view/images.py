"""The image of a study as the page takes it: one block of bytes within a robust window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Percentiles of the voxels that are black and white. Fat and coils may be far brighter than the heart.
_BLACK, _WHITE = 0.5, 99.7
_SAMPLE = 200_000


@dataclass(frozen=True)
class Window:
    """What 0 and 255 mean, in the values of the image."""

    low: float
    high: float


def robust_window(image: NDArray[Any]) -> Window:
    """Find the range that shows an image well.

    >>> window = robust_window(np.arange(1000.0).reshape(1, 1, 10, 100))
    >>> round(window.low), round(window.high)
    (5, 996)
    """
    voxels = image.reshape(-1)[:: max(1, image.size // _SAMPLE)]
    low, high = (float(value) for value in np.percentile(voxels, (_BLACK, _WHITE)))
    if high <= low:
        low, high = float(voxels.min()), float(voxels.max())
    return Window(low, high if high > low else low + 1.0)


def as_bytes(image: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """Bring an image (T, Z, Y, X) to 0 to 255.

    >>> as_bytes(np.array([[[[0.0, 50.0, 200.0]]]]), Window(0.0, 100.0)).ravel().tolist()
    [0, 127, 255]
    """
    scale = 255.0 / (window.high - window.low)
    block = np.empty(image.shape, np.uint8)
    for t, frame in enumerate(image):
        block[t] = np.clip((frame - window.low) * scale, 0.0, 255.0)
    return block
