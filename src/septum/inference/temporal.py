"""Frames of a cine made consistent with their neighbours in time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from septum.core import Localisation
    from septum.inference.decision import SliceEvidence
    from septum.inference.out_of_distribution import Evidence

#: Weights of a frame and of those one and two before and after it: a parabola through five frames, fitted by
#: least squares. A mean would flatten the curve where it turns, and make ejection fractions too small.
WEIGHTS = (17 / 35, 12 / 35, -3 / 35)
#: A heart does not follow a parabola through five frames of a cine with fewer frames a beat.
LEAST_FRAMES_SMOOTHED = 20


@dataclass(frozen=True)
class FrameLogits:
    """What the segmenter makes of a frame.

    Attributes:
        logits: (K, z, y, x), in the region of ``found``.
        found: region on the segmenter's grid.
        evidence: of the frame, before its neighbours have a say.
        slices: the same of each slice; ``None`` where nothing is decided of slices.
    """

    logits: NDArray[np.float32]
    found: Localisation
    evidence: Evidence
    slices: SliceEvidence | None = None


def consistent(frames: Iterable[FrameLogits], count: int) -> Iterator[FrameLogits]:
    """Frames whose logits are smoothed over time by a filter that keeps the turning points of a curve.

    The first two and the last two frames, and frames whose neighbours were segmented in another region, are
    left as they are; so are all frames of a cine of fewer than ``LEAST_FRAMES_SMOOTHED``.

    Source: Savitzky and Golay, "Smoothing and differentiation of data by simplified least squares
    procedures", Analytical Chemistry 36(8), 1964: five points, second order.

    Args:
        frames: in order, all of one cine.
        count: how many there are.
    """
    if count < LEAST_FRAMES_SMOOTHED:
        yield from frames
        return
    reach = len(WEIGHTS) - 1
    window: deque[FrameLogits] = deque(maxlen=2 * reach + 1)
    for frame in frames:
        window.append(frame)
        if len(window) == window.maxlen:
            yield _smoothed(window)
        elif len(window) <= reach:
            yield frame
    yield from list(window)[-reach:]


def _smoothed(window: deque[FrameLogits]) -> FrameLogits:
    """The middle frame."""
    reach = len(WEIGHTS) - 1
    middle = window[reach]
    if any(frame.found.region != middle.found.region for frame in window):
        return middle
    logits = np.float32(WEIGHTS[0]) * middle.logits
    for step, weight in enumerate(WEIGHTS[1:], start=1):
        logits += np.float32(weight) * (window[reach - step].logits + window[reach + step].logits)
    return replace(middle, logits=logits)
