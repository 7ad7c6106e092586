"""Whether the images of a slice are phases of one beat, or one image a beat as in perfusion and mapping."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from statistics import median, median_low
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from septum.io.dicom.frames import DicomFrame

#: Times nearer to each other than this are one, in ms.
SAME_TIME_MS = 0.5
#: Phases of a cine are further apart than this on the mean, in ms; nearer ones are one time that jitters.
LEAST_STEP_MS = 5.0
#: Phases of a cine are nearer to each other than this, and all of them within a few beats.
LONG_STEP_MS = 250.0
LONG_SPAN_MS = 3000.0
#: Phases that span so many beats are more than one beat.
MORE_THAN_A_BEAT = 1.5
#: Slices that go on beyond a beat span so many times as much as the longest of one beat.
BEYOND_OTHERS = 1.25
#: Times from R wave to R wave that are believed, in ms.
BEATS_MS = (200.0, 3000.0)
#: Where nothing says how long a beat was, a slice that spans no more than this, in ms, may be one beat of an
#: irregular heart.
LONG_BEAT_MS = 1500.0
#: Where no times are stated, slices with more than so many times the phases of others are of more beats.
MORE_PHASES = 2.0


def one_image_a_beat(slices: Sequence[Sequence[DicomFrame]]) -> bool:
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


def longer_than_a_beat(slices: Sequence[Sequence[DicomFrame]]) -> list[bool]:
    """Which slices go on far longer than the others, as those of real-time cines do beside gated ones.

    They are known by a gap in the times that slices span, beyond the time from R wave to R wave of all (that
    which headers state, or else the span of a quarter of the slices) and beyond their own; where none is
    stated of their own, beyond any beat of an irregular heart and with more phases, too. Where trigger times
    are missing they are known by the number of phases.
    """
    times = [[frame.trigger_ms for frame in frames if frame.trigger_ms is not None] for frames in slices]
    timed = all(len(some) == len(frames) for some, frames in zip(times, slices, strict=True))
    numbers = [float(len(frames)) for frames in slices]
    if not timed:
        least = _first_beyond(numbers, MORE_PHASES, MORE_PHASES * _quarter(numbers))
        return [number >= least for number in numbers]
    spans = [max(some) - min(some) for some in times]
    own = [beat_ms(frames) for frames in slices]
    beat = median_low([ms for ms in own if ms] or [_quarter(spans)])
    least = _first_beyond(spans, BEYOND_OTHERS, MORE_THAN_A_BEAT * beat)
    usual = _quarter(numbers)
    return [
        span >= least
        and (span > MORE_THAN_A_BEAT * ms if ms else span > LONG_BEAT_MS and number > BEYOND_OTHERS * usual)
        for span, ms, number in zip(spans, own, numbers, strict=True)
    ]


def beat_ms(frames: Iterable[DicomFrame]) -> float | None:
    """The time from R wave to R wave that headers state, or that of the heart rate; ``None`` of neither."""
    some = tuple(frames)
    intervals = [frame.interval_ms for frame in some if frame.interval_ms]
    of_rates = [60_000.0 / frame.heart_rate_bpm for frame in some if frame.heart_rate_bpm]
    for stated in (intervals, of_rates):
        believed = [ms for ms in stated if BEATS_MS[0] <= ms <= BEATS_MS[1]]
        if believed:
            return median(believed)
    return None


def _first_beyond(values: Sequence[float], gap: float, least: float) -> float:
    """The smallest value above a gap (a ratio) that is more than ``least``; infinite if there is none."""
    ordered = sorted(value for value in values if value > 0)
    return next((b for a, b in pairwise(ordered) if b > gap * a and b > least), inf)


def _quarter(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 4]


def _all(slices: Sequence[list[float]], holds: Callable[[list[float]], bool]) -> bool:
    return all(len(times) > 1 and holds(times) for times in slices)


def _goes_on(times_ms: list[float]) -> bool:
    ordered = sorted(times_ms)
    steps = [b - a for a, b in pairwise(ordered)]
    return ordered[-1] - ordered[0] >= LONG_SPAN_MS and median(steps) >= LONG_STEP_MS


def _stays(times_ms: list[float]) -> bool:
    return min(times_ms) > 0 and max(times_ms) - min(times_ms) < LEAST_STEP_MS * (len(times_ms) - 1)
