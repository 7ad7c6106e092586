"""Whether the images of a slice are phases of one beat, or one image a beat as in perfusion and mapping."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from septum.io.dicom.frames import Frame

#: Times nearer to each other than this are one, in ms.
SAME_TIME_MS = 0.5
#: Phases of a cine are further apart than this on the mean, in ms; nearer ones are one time that jitters.
LEAST_STEP_MS = 5.0
#: Phases of a cine are nearer to each other than this, and all of them within a few beats.
LONG_STEP_MS = 250.0
LONG_SPAN_MS = 3000.0


def one_image_a_beat(slices: Sequence[Sequence[Frame]]) -> bool:
    """Whether slices were taken again and again over many beats, or after varied inversions.

    They were if trigger times go on from beat to beat in every slice, or stay at one time of the beat; or,
    where trigger times are missing or all the same, if times of acquisition go on from beat to beat, or
    headers state one image a beat.
    """
    frames = [frame for one in slices for frame in one]
    if len({round(frame.inversion_ms or 0.0) for frame in frames}) > len(slices):
        return True
    several = [one for one in slices if len(one) > 1]
    if not several:
        return False
    triggers = [[frame.trigger_ms or 0.0 for frame in one] for one in several]
    if _all(triggers, _goes_on) or _all(triggers, _stays):
        return True
    if max(max(times) - min(times) for times in triggers) >= SAME_TIME_MS:
        return False
    acquired = [[1000.0 * f.acquired_s for f in one if f.acquired_s is not None] for one in several]
    return _all(acquired, _goes_on) or {frame.phases for frame in frames} == {1}


def _all(slices: Sequence[list[float]], holds: Callable[[list[float]], bool]) -> bool:
    return all(len(times) > 1 and holds(times) for times in slices)


def _goes_on(times_ms: list[float]) -> bool:
    ordered = sorted(times_ms)
    steps = [b - a for a, b in pairwise(ordered)]
    return ordered[-1] - ordered[0] >= LONG_SPAN_MS and median(steps) >= LONG_STEP_MS


def _stays(times_ms: list[float]) -> bool:
    return min(times_ms) > 0 and max(times_ms) - min(times_ms) < LEAST_STEP_MS * (len(times_ms) - 1)
