"""When each frame was, how long the beat is, and the heart rate: only as far as it is honest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Known, Level, Note, Source
from septum.core.subject import HEART_RATE_BPM

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A cine covers the beat if its frames span at least and at most this share of it.
COVERED = (0.85, 1.15)
#: Frames without which nobody can say whether a curve closes.
LEAST_FRAMES_OF_A_BEAT = 8


@dataclass(frozen=True)
class TimeBase:
    """Frames in time.

    Attributes:
        times_ms: one a frame; ``None`` where they are not known or do not cover the beat.
        cycle_ms: duration of the beat, with ``times_ms``.
        heart_rate_bpm: given, of the file, or derived from the frames, or ``None``.
        notes: one for each thing that had to be settled.
    """

    times_ms: tuple[float, ...] | None
    cycle_ms: float | None
    heart_rate_bpm: Known[float] | None
    notes: tuple[Note, ...] = ()


def time_base(
    volumes_ml: Sequence[float], times_ms: Sequence[float] | None, heart_rate_bpm: Known[float] | None
) -> TimeBase:
    """Settle what frame times and heart rate come to together.

    Without a heart rate it is taken from the frames' span, if the volume curve closes: if the step from the
    last frame to the first is no larger than the largest step between neighbours. Without frame times, frames
    are taken to be spread evenly over the beat on the same condition.

    Args:
        volumes_ml: LV volume, one a frame.
        times_ms: of each frame, if known.
        heart_rate_bpm: with its source, if known.

    >>> from septum.core import Known, Source
    >>> times = time_base([120.0, 60.0, 100.0, 118.0], None, Known(60.0, Source.GIVEN))
    >>> times.cycle_ms, [note.key for note in times.notes]
    (None, ['frame_times_unknown'])
    """
    notes: list[Note] = []
    if heart_rate_bpm is not None and not HEART_RATE_BPM[0] <= heart_rate_bpm.value <= HEART_RATE_BPM[1]:
        text = f"A heart rate of {heart_rate_bpm.value:g} beats a minute is not believed, and left out."
        notes.append(Note("heart_rate_not_believed", text, Level.WARNING))
        heart_rate_bpm = None
    if times_ms is not None and not _rising(times_ms):
        text = "The frames' times do not rise from frame to frame, and are left out."
        notes.append(Note("frame_times_not_rising", text, Level.WARNING))
        times_ms = None
    closes = _closes(volumes_ml)
    if times_ms is not None:
        return _from_times(tuple(float(t) for t in times_ms), heart_rate_bpm, closes, notes)
    if heart_rate_bpm is None:
        text = (
            "Neither the times of the frames nor the heart rate are known: there is no cardiac output, "
            "and there are no rates of ejection and filling."
        )
        notes.append(Note("no_times_and_no_heart_rate", text))
    elif closes:
        cycle_ms, frames = 60_000.0 / heart_rate_bpm.value, len(volumes_ml)
        text = "The times of the frames are not known: they are taken to be spread evenly over a beat."
        notes.append(Note("frames_spread_evenly", text))
        evenly = tuple(t * cycle_ms / frames for t in range(frames))
        return TimeBase(evenly, cycle_ms, heart_rate_bpm, tuple(notes))
    else:
        text = (
            "The times of the frames are not known, nor whether they cover a whole beat: there are no rates "
            "of ejection and filling."
        )
        notes.append(Note("frame_times_unknown", text))
    return TimeBase(None, None, heart_rate_bpm, tuple(notes))


def _from_times(
    times_ms: tuple[float, ...], heart_rate_bpm: Known[float] | None, closes: bool, notes: list[Note]
) -> TimeBase:
    span_ms = (times_ms[-1] - times_ms[0]) * len(times_ms) / (len(times_ms) - 1)
    if heart_rate_bpm is not None:
        cycle_ms = 60_000.0 / heart_rate_bpm.value
        if COVERED[0] <= span_ms / cycle_ms <= COVERED[1]:
            return TimeBase(times_ms, max(cycle_ms, span_ms), heart_rate_bpm, tuple(notes))
        text = (
            f"The frames span {span_ms:.0f} ms and the heart rate tells a beat of {cycle_ms:.0f} ms: there "
            "are no rates of ejection and filling."
        )
        notes.append(Note("frames_are_not_a_beat", text))
        return TimeBase(None, None, heart_rate_bpm, tuple(notes))
    rate_bpm = 60_000.0 / span_ms
    if closes and HEART_RATE_BPM[0] <= rate_bpm <= HEART_RATE_BPM[1]:
        text = (
            f"The heart rate is not known: {rate_bpm:.0f} beats a minute are taken from the frames, which "
            f"span {span_ms:.0f} ms and end with about the volume they begin with."
        )
        notes.append(Note("heart_rate_from_frames", text))
        return TimeBase(times_ms, span_ms, Known(rate_bpm, Source.DERIVED), tuple(notes))
    text = (
        "The heart rate is not known, and the frames do not cover a whole beat: there is no cardiac output, "
        "and there are no rates of ejection and filling."
    )
    notes.append(Note("no_heart_rate", text))
    return TimeBase(None, None, None, tuple(notes))


def _rising(times_ms: Sequence[float]) -> bool:
    return len(times_ms) > 1 and bool((np.diff(np.asarray(times_ms, float)) > 0).all())


def _closes(volumes_ml: Sequence[float]) -> bool:
    """Whether the curve ends about where it begins."""
    if len(volumes_ml) < LEAST_FRAMES_OF_A_BEAT:
        return False
    volumes = np.asarray(volumes_ml, float)
    return bool(abs(volumes[0] - volumes[-1]) <= np.abs(np.diff(volumes)).max() and np.ptp(volumes) > 0)
