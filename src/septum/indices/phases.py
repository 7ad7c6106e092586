"""End-diastole and end-systole on a volume curve, and how clearly it tells them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from septum.core import CardiacPhases, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: A volume is taken to be uncertain by this share of the largest one at least.
LEAST_NOISE = 0.02
#: Frames from which on the noise of a curve is measured, and single frames are distinguished from neighbours.
ENOUGH_FRAMES = 8
#: Share of the frames, counted around the beat, beyond which a frame is far from another.
FAR = 0.25


def find_phases(
    volumes_ml: Sequence[float], *, end_diastole: int | None = None, end_systole: int | None = None
) -> CardiacPhases | None:
    """Frames of the largest and the smallest volume, the earliest of several, unless given.

    The confidence of a detected frame is erf(d / 2s), cut off at 0. In it d is how far the frame's volume
    stands out from all frames that are more than a quarter of the beat away, and s the noise of a volume. If
    errors are independent and normal with that standard deviation, the frame is beyond the best of those with
    probability (1 + confidence) / 2: 0 is a toss, 1 a certainty. From 8 frames on, d is taken on the median
    of each three neighbours, so that a frame that stands out from its own neighbours, too, is not trusted.
    The noise is the median of the absolute second differences over 0.6745 sqrt(6), at least 2 % of the
    largest volume, and just these 2 % for fewer than 8 frames. The confidence of both is the smaller one.

    Args:
        volumes_ml: one a frame; a beat, so that the first frame follows the last.
        end_diastole: frame from 0, if the user gives it.
        end_systole: the same.

    Returns:
        ``None`` for fewer than two frames, and where all volumes are the same and no frame is given.

    Raises:
        InputError: a given frame is not there, or both are the same.

    >>> phases = find_phases([140.0, 100.0, 55.0, 110.0])
    >>> phases.end_diastole, phases.end_systole
    (0, 2)
    """
    volumes = np.asarray(volumes_ml, float)
    for name, frame in (("end_diastole", end_diastole), ("end_systole", end_systole)):
        _require_frame(name, frame, len(volumes))
    if end_diastole is not None and end_diastole == end_systole:
        raise InputError(f"end_diastole and end_systole: expected two frames, got {end_diastole} for both.")
    given = {"end_diastole": end_diastole, "end_systole": end_systole}
    known = frozenset(name for name, frame in given.items() if frame is not None)
    if len(volumes) < 2 or (not known and np.ptp(volumes) == 0):
        return None
    diastole = end_diastole if end_diastole is not None else _extreme(-volumes, end_systole)
    systole = end_systole if end_systole is not None else _extreme(volumes, diastole)
    trust = [
        1.0 if name in known else _confidence(sign * volumes, frame)
        for name, sign, frame in (("end_diastole", -1, diastole), ("end_systole", 1, systole))
    ]
    return CardiacPhases(diastole, systole, min(trust), known)


def _require_frame(name: str, frame: int | None, frames: int) -> None:
    if frame is not None and frame not in range(frames):
        raise InputError(
            f"{name}: expected a frame from 0 to {frames - 1}, got {frame}; frames are counted from 0."
        )


def _extreme(values: NDArray[np.float64], other: int | None) -> int:
    """The earliest frame of the smallest value that is not the other phase."""
    allowed = values.copy()
    if other is not None:
        allowed[other] = np.inf
    return int(allowed.argmin())


def _confidence(values: NDArray[np.float64], frame: int) -> float:
    """How clearly the value of a frame is below those of frames far from it, 0 to 1."""
    count = len(values)
    noise = max(LEAST_NOISE * float(np.abs(values).max()), _noise(values))
    if count >= ENOUGH_FRAMES:
        values = np.median([np.roll(values, 1), values, np.roll(values, -1)], axis=0)
    away = np.abs(np.arange(count) - frame)
    away = np.minimum(away, count - away)
    far = away > min(FAR * count, away.max() - 1)
    gap = float(values[far].min() - values[frame])
    return max(0.0, math.erf(gap / (2.0 * noise))) if noise > 0 else 0.0


def _noise(values: NDArray[np.float64]) -> float:
    """Standard deviation of the volumes' independent errors, of which a second difference has six parts."""
    if len(values) < ENOUGH_FRAMES:
        return 0.0
    bends = np.abs(np.roll(values, 1) - 2.0 * values + np.roll(values, -1))
    return float(np.median(bends)) / (0.6745 * math.sqrt(6.0))
