"""A network that looks at an image window by window: where it looks, and how that is put together.

Source: Isensee et al., nnU-Net, Nature Methods 18, 2021: windows overlap by half, and the middle of a window
counts more than its border.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, product
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from septum.core import Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from septum.inference.engine import Engine

#: Standard deviation of the weights within a window, as a share of its size.
_SIGMA = 1 / 8
#: The largest weight: as large as half precision allows for the sum over windows.
_PEAK = 10.0
#: In which nnU-Net adds up, so that a voxel on the edge of a structure falls to the same side. In the corners
#: of an image, where weights are least, logits are rounded to whole numbers by it.
_SUMMED = np.float16


class WindowSettings(BaseModel):
    """How a network looks at an image.

    Attributes:
        size: of a window, (Z, Y, X); Z is 1 for a network that sees single slices.
        step: largest distance of neighbouring windows, as a share of their size.
        mirror_axes: axes of (Z, Y, X), 0 to 2, along which the network has learnt from mirror images; over
            these and all that they make together the answer is averaged where mirror images are asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[int, int, int]
    step: float = Field(default=0.5, gt=0, le=1)
    mirror_axes: tuple[int, ...] = ()


def average_over_windows(
    engine: Engine, image: NDArray[np.float32], settings: WindowSettings, *, mirrored: bool = False
) -> NDArray[np.float16]:
    """Give the logits (K, Z, Y, X) of an image, averaged where windows overlap.

    Args:
        engine: the network, which takes images of the window's size.
        image: (Z, Y, X); smaller than a window, it is padded with zeros about its middle.
        settings: of the windows.
        mirrored: whether each window is seen in all mirror images, too.
    """
    larger = [max(pair) for pair in zip(image.shape, settings.size, strict=True)]
    frame = Region.whole(larger).shifted_inside(image.shape)
    padded = np.ascontiguousarray(frame.crop(image))
    weights = window_weights(settings.size)
    total: NDArray[np.float16] | None = None
    count = np.zeros(padded.shape, _SUMMED)
    for window in windows(padded.shape, settings):
        logits = _answer(engine, window.crop(padded), settings.mirror_axes if mirrored else ())
        if total is None:
            total = np.zeros((len(logits), *padded.shape), _SUMMED)
        place = (slice(None), *(slice(a, b) for a, b in zip(window.start, window.stop, strict=True)))
        total[place] = total[place].astype(np.float32) + logits * weights.astype(np.float32)
        count[place[1:]] += weights
    if total is None:
        raise ValueError("expected an image with a voxel, got none")
    total /= count
    z, y, x = (-start for start in frame.start)
    return Region((z, y, x), (z + image.shape[0], y + image.shape[1], x + image.shape[2])).crop(total)


def windows(shape: Sequence[int], settings: WindowSettings) -> Iterator[Region]:
    """List the windows over an image of this shape, which is at least as large as one.

    >>> places = windows((1, 110, 64), WindowSettings(size=(1, 64, 64)))
    >>> [window.start for window in places]
    [(0, 0, 0), (0, 23, 0), (0, 46, 0)]
    """
    starts = []
    for count, size in zip(shape, settings.size, strict=True):
        steps = ceil((count - size) / (size * settings.step)) + 1
        apart = (count - size) / max(steps - 1, 1)
        starts.append([int(np.round(apart * i)) for i in range(steps)])
    dz, dy, dx = settings.size
    for z, y, x in product(*starts):
        yield Region((z, y, x), (z + dz, y + dy, x + dx))


@lru_cache(maxsize=4)
def window_weights(size: tuple[int, int, int]) -> NDArray[np.float16]:
    """Weights (Z, Y, X) of a window's voxels: a bell about its middle, nowhere 0.

    >>> float(window_weights((1, 8, 8))[0, 4, 4])
    10.0
    """
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415  # models of another kind do without

    flat = tuple(count for count in size if count > 1) or (1,)  # as of a network that sees single slices
    impulse = np.zeros(flat)
    impulse[tuple(count // 2 for count in flat)] = 1
    bell = gaussian_filter(impulse, [count * _SIGMA for count in flat], mode="constant")
    weights = (bell / (bell.max() / _PEAK)).astype(_SUMMED)
    weights[weights == 0] = weights[weights > 0].min()
    return weights.reshape(size)


def _answer(engine: Engine, window: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Logits (K, Z, Y, X) of one window, averaged over its mirror images along these axes."""
    flips = [one for count in range(len(axes) + 1) for one in combinations(axes, count)]
    total: NDArray[np.float32] | None = None
    for flip in flips:
        seen = np.ascontiguousarray(np.flip(window, flip) if flip else window)
        logits = engine.run(seen[None, None])["logits"][0]
        turned = np.flip(logits, tuple(axis + 1 for axis in flip)) if flip else logits
        total = turned.copy() if total is None else np.add(total, turned, out=total)
    if total is None:  # there is always the image itself
        raise ValueError("expected a window, got none")
    return total / np.float32(len(flips))
