"""The phases of a stack: one order for all slices, and their times."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from septum.core import InputError, Level, Note
from septum.io.dicom.stacks.joining import LEAST_SHARE
from septum.io.dicom.stacks.pacing import BEATS_MS, MORE_THAN_A_BEAT, SAME_TIME_MS, beat_ms
from septum.io.dicom.stacks.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.io.dicom.frames import DicomFrame

    Key = Callable[[DicomFrame], float]


#: Images of a slice that were taken so much later, in s, are of another breath-hold.
PAUSE_S = 3.0
#: A run of phases has at least so many images, and covers this share of all times.
LEAST_RUN = 5
RUN_COVERS = 0.6


@dataclass(frozen=True)
class Beat:
    """A stack in time.

    Attributes:
        frames: [t][z].
        times_ms: of each phase after the R wave: the median over the slices. ``None`` where headers tell
            none.
        interval_ms: time between phases.
        notes: what was settled.
    """

    frames: tuple[tuple[DicomFrame, ...], ...]
    times_ms: tuple[float, ...] | None
    interval_ms: float | None
    notes: tuple[Note, ...]


def in_time(folder: Path, stack: Stack) -> Beat:
    """Order the phases of each slice, and match them from slice to slice.

    By trigger time; by the number of the temporal position where trigger times are missing or do not tell
    phases apart; by instance number where these do not, either.

    Raises:
        InputError: nothing tells the phases apart, or a slice within the stack lacks most of them.
    """
    if stack.phases == 1 and max(map(len, stack.slices)) == 1:
        alone = tuple(frames[0] for frames in stack.slices)
        note = Note(
            "single_phase", "The study has a single phase: no curve can be had from it.", Level.WARNING
        )
        return Beat((alone,), None, None, () if stack.kind == "late gadolinium" else (note,))
    key, is_time, notes = _order(folder, stack)
    slices, runs = _without_earlier_runs(stack.slices, key)
    slices, repeats = _sorted(slices, key, SAME_TIME_MS if is_time else 0.5)
    phases = Stack(slices).phases
    _refuse_mostly_bare(folder, slices, phases)
    slices, dropped = _without_bare_ends(folder, slices, phases)
    whole = [frames for frames in slices if len(frames) == phases]
    times = np.median([[key(f) for f in frames] for frames in whole], axis=0)
    grid, filled = _matched(slices, times, key if is_time else None)
    notes += [*runs, *repeats, *dropped, *(_doubts(whole) if is_time else []), *filled]
    in_phase = tuple(tuple(frames[t] for frames in grid) for t in range(phases))
    if is_time:
        told = tuple(round(float(time), 3) for time in times)
        interval = (told[-1] - told[0]) / (phases - 1) if phases > 1 else None
        notes += _beats(stack, told)
        return Beat(in_phase, told, interval, tuple(notes))
    interval = _interval_without_times(stack, phases)
    if interval is not None:
        text = f"The time between phases, {interval:.4g} ms, is that between R waves over {phases}."
        notes.append(Note("interval_from_beat", text))
    return Beat(in_phase, None, interval, tuple(notes))


def _matched(
    slices: Sequence[tuple[DicomFrame, ...]], times: NDArray[np.float64], key: Key | None
) -> tuple[list[tuple[DicomFrame, ...]], list[Note]]:
    """Slices with one frame for each of the times; where the number differs, the nearest in time.

    Without a ``key`` that gives times, phases are taken to be spread evenly over the beat.
    """
    phases = len(times)
    wanted = times if key else np.arange(phases) / phases
    grid = []
    for frames in slices:
        own = np.array([key(f) for f in frames]) if key else np.arange(len(frames)) / len(frames)
        nearest = [int(np.argmin(np.abs(own - time))) for time in wanted]
        grid.append(frames if len(frames) == phases else tuple(frames[i] for i in nearest))
    unequal = [len(frames) for frames in slices if len(frames) != phases]
    if not unequal:
        return grid, []
    found = "/".join(map(str, sorted(set(unequal))))
    text = (
        f"{len(unequal)} of {len(slices)} slices have {found} phases, the others {phases}: there, the phase "
        "nearest in time was taken."
    )
    return grid, [Note("phases_unequal", text, Level.WARNING)]


def _order(folder: Path, stack: Stack) -> tuple[Key, bool, list[Note]]:
    """What phases are ordered by, whether it is a time, and notes."""
    if _tells_apart(stack, lambda f: f.trigger_ms, SAME_TIME_MS):
        return lambda f: float(f.trigger_ms or 0.0), True, []
    some = any(f.trigger_ms is not None for f in stack.frames)
    why = "Trigger times do not tell phases apart" if some else "There are no trigger times"
    if _tells_apart(stack, lambda f: f.temporal_position, 0.5):
        return (
            lambda f: float(f.temporal_position or 0),
            False,
            [Note("phases_by_temporal_position", f"{why}: phases are in the order of temporal positions.")],
        )
    if _tells_apart(stack, lambda f: f.instance_number, 0.5):
        stated = {f.phases for f in stack.frames if f.phases}
        doubt = ""
        if stated and stated != {stack.phases}:
            doubt = f", of which there should be {'/'.join(map(str, sorted(stated)))}"
        text = f"{why}: phases are in the order of instance numbers{doubt}."
        return (
            lambda f: float(f.instance_number or 0),
            False,
            [Note("phases_by_instance_number", text, Level.WARNING if doubt else Level.INFO)],
        )
    raise InputError(
        f"{folder} holds a stack whose {stack.phases} phases cannot be distinguished: expected trigger "
        "times, temporal positions or instance numbers that differ, and found none; export the study again."
    )


def _tells_apart(stack: Stack, value: Callable[[DicomFrame], float | None], apart: float) -> bool:
    """Whether all frames have the value, and at least half of those of each slice another one."""
    for frames in stack.slices:
        values = [value(frame) for frame in frames]
        known = sorted(v for v in values if v is not None)
        distinct = 1 + sum(b - a >= apart for a, b in pairwise(known))
        if len(known) < len(values) or distinct < min(len(values), max(2, len(values) / 2)):
            return False
    return True


def _without_earlier_runs(
    slices: Sequence[tuple[DicomFrame, ...]], key: Key
) -> tuple[tuple[tuple[DicomFrame, ...], ...], list[Note]]:
    """Of a slice whose series holds several beats or acquisitions one after the other, the last whole one."""
    kept = tuple(_last_run(frames, key) for frames in slices)
    shortened = sum(len(a) < len(b) for a, b in zip(kept, slices, strict=True))
    text = f"{shortened} slices hold several beats or acquisitions, one after the other: the last was used."
    return kept, [Note("several_beats", text)] if shortened else []


def _last_run(frames: tuple[DicomFrame, ...], key: Key) -> tuple[DicomFrame, ...]:
    ordered = sorted(frames, key=lambda f: f.age)
    runs, pauses = [[ordered[0]]], 0
    for before, frame in pairwise(ordered):
        moments = (before.acquired_s, frame.acquired_s)
        paused = None not in moments and (moments[1] or 0.0) - (moments[0] or 0.0) > PAUSE_S
        pauses += paused
        if paused or key(frame) < key(before):
            runs.append([])
        runs[-1].append(frame)
    whole_span = max(map(key, frames)) - min(map(key, frames))
    whole = [
        run
        for run in runs
        if len(run) >= LEAST_RUN
        and (pauses == len(runs) - 1 or key(run[-1]) - key(run[0]) >= RUN_COVERS * whole_span)
    ]
    long = [run for run in whole if len(run) >= RUN_COVERS * max(map(len, whole))]
    if len(long) < 2 or len(runs) - len(long) > 2:  # the first and the last beat may not be whole
        return frames
    return tuple(long[-1])


def _sorted(
    slices: Sequence[Sequence[DicomFrame]], key: Key, apart: float
) -> tuple[tuple[tuple[DicomFrame, ...], ...], list[Note]]:
    """Each slice in order, each phase once: of repeated ones, the later."""
    ordered, repeated = [], 0
    for frames in slices:
        kept: list[DicomFrame] = []
        for frame in sorted(frames, key=lambda f: (key(f), f.age)):
            if kept and key(frame) - key(kept[-1]) < apart:
                repeated += 1
                kept[-1] = max(kept[-1], frame, key=lambda f: f.age)
            else:
                kept.append(frame)
        ordered.append(tuple(kept))
    text = f"{repeated} images repeat the phase of another one of their slice: the later ones were used."
    return tuple(ordered), [Note("phases_repeated", text)] if repeated else []


def _refuse_mostly_bare(folder: Path, slices: Sequence[tuple[DicomFrame, ...]], phases: int) -> None:
    """Refuse a stack most slices of which have far fewer phases than others: a beat was lost there.

    A single slice that was taken in more phases than usual loses nothing that the others have.

    Raises:
        InputError: at least two slices have more than twice the phases of most, or one where those are few.
    """
    rich = [len(frames) for frames in slices if LEAST_SHARE * len(frames) > phases]
    if len(rich) >= 2 or (rich and 1 < phases < LEAST_RUN):
        raise InputError(
            f"{folder} lacks phases: expected {max(rich)} of each slice, as {len(rich)} of {len(slices)} "
            f"slices have, and found {phases} in most; export the whole study again."
        )


def _without_bare_ends(
    folder: Path, slices: tuple[tuple[DicomFrame, ...], ...], phases: int
) -> tuple[tuple[tuple[DicomFrame, ...], ...], list[Note]]:
    """The slices without those at either end that lack most phases."""
    enough = [len(frames) >= LEAST_SHARE * phases for frames in slices]
    first, last = enough.index(True), len(enough) - enough[::-1].index(True)
    if not all(enough[first:last]):
        bare = first + enough[first:last].index(False)
        raise InputError(
            f"{folder} lacks phases: expected {phases} of each slice, and found {len(slices[bare])} of slice "
            f"{bare + 1} of {len(slices)}; export the whole study again."
        )
    dropped = len(slices) - (last - first)
    if not dropped:
        return slices, []
    text = f"{dropped} slices at the end of the stack have too few phases: they were left out."
    return slices[first:last], [Note("bare_end_slices", text, Level.WARNING)]


def _doubts(slices: Sequence[Sequence[DicomFrame]]) -> list[Note]:
    """What instance numbers and the other slices say against the trigger times."""
    notes = []
    against = 0
    for frames in slices:
        numbers = [f.instance_number for f in frames if f.instance_number is not None]
        by_series = defaultdict(list)
        for frame in frames:
            by_series[frame.series_uid].append(frame.instance_number)
        against += len(set(numbers)) > 1 and len(by_series) == 1 and numbers != sorted(numbers)
    if against:
        text = f"In {against} slices instance numbers run otherwise than trigger times: the times were used."
        notes.append(Note("instance_numbers_disagree", text))
    times = np.array([[f.trigger_ms for f in frames] for frames in slices], float)
    spread = float(np.abs(times - np.median(times, axis=0)).max())
    step = float(np.median(np.diff(np.median(times, axis=0)))) if times.shape[1] > 1 else 0.0
    if spread > step / 2:
        text = f"Trigger times differ from slice to slice by up to {spread:.3g} ms: the median was taken."
        notes.append(Note("trigger_times_differ", text))
    return notes


def _beats(stack: Stack, times_ms: Sequence[float]) -> list[Note]:
    """What to say of phases that go on beyond one beat."""
    span = times_ms[-1] - times_ms[0]
    if span < MORE_THAN_A_BEAT * (beat_ms(stack.frames) or BEATS_MS[1]):
        return []
    text = (
        f"Phases span {span:.0f} ms, which is more than one beat: end-diastole and "
        "end-systole are sought in all of it."
    )
    return [Note("beyond_one_beat", text, Level.WARNING)]


def beyond_a_beat(stack: Stack) -> bool:
    """Whether trigger times of most slices go on beyond one beat, as those of real-time cines do."""
    times = [[f.trigger_ms for f in frames if f.trigger_ms is not None] for frames in stack.slices]
    spans = [max(some) - min(some) for some in times if some]
    beat = beat_ms(stack.frames) or BEATS_MS[1]
    return bool(spans) and float(np.median(spans)) >= MORE_THAN_A_BEAT * beat


def _interval_without_times(stack: Stack, phases: int) -> float | None:
    """The time from R wave to R wave over the phases, as gating over a whole beat has it."""
    beat = beat_ms(stack.frames)
    return None if beat is None else beat / phases
