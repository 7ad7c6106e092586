"""Parts of a stack that are in several series: slices of their own, groups of slices, slices taken again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Note
from septum.io.dicom.stacks.stack import SAME_SLICE_MM, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from septum.io.dicom.frames import DicomFrame

#: Slices of one stack lie above each other within this, from each to some other, in mm: a plan may be moved a
#: little between breath-holds, and two fields of view beside each other are farther apart.
SAME_AXIS_MM = 10.0
#: Series of at most so many slices may be parts of a stack.
FEW_SLICES = 2
#: By how much of the distance of slices the place of a missing one may be missed.
MISPLACED_STEPS = 0.1
#: Slices nearer than this share of their distance in one round were not taken in that round.
TOO_CLOSE_STEPS = 0.45
#: Slices of one stack are not nearer than this share of their thickness.
OVERLAP = 0.75
#: A slice with fewer than this share of the phases of another one was not acquired whole.
LEAST_SHARE = 0.5


def join(parts: Sequence[Stack]) -> list[Stack]:
    """Series that hold a slice or two each as one stack; of a slice that is there twice, the later one.

    A stack of which more than half was taken again, at the same slices or between them, is two stacks.
    """
    one = _joined(parts)
    rounds = _rounds(parts)
    if len(rounds) > 1:
        closest = min(np.diff(one.depths_mm), default=0.0)
        between = closest < TOO_CLOSE_STEPS * min(stack.step_mm or 0.0 for stack in rounds)
        if between or sum(2 * len(stack.slices) > len(one.slices) for stack in rounds) > 1:
            return rounds
    return [one]


def _joined(parts: Sequence[Stack]) -> Stack:
    slices: list[tuple[DicomFrame, ...]] = []
    again = superseded = 0
    normal = parts[0].first.normal
    for frames in sorted((s for part in parts for s in part.slices), key=lambda s: _depth(normal, s)):
        if slices and _depth(normal, frames) - _depth(normal, slices[-1]) <= SAME_SLICE_MM:
            again += 1
            both = len(slices[-1]) + len(frames)
            slices[-1] = _later(slices[-1], frames)
            superseded += both - len(slices[-1])
        else:
            slices.append(frames)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    stack = Stack(tuple(slices), notes, superseded=superseded)
    return stack.noted(_taken_again(again)) if again else stack


def _rounds(parts: Sequence[Stack]) -> list[Stack]:
    """Parts in the order of acquisition, each round from one end of the heart to the other a stack."""
    rounds: list[list[Stack]] = []
    lowest, highest = -np.inf, np.inf
    for part in sorted(parts, key=lambda one: max(frame.age for frame in one.frames)):
        depth = part.depths_mm[0]
        if lowest - SAME_SLICE_MM <= depth <= highest + SAME_SLICE_MM:
            rounds.append([])
            lowest = highest = depth
        rounds[-1].append(part)
        lowest, highest = min(lowest, depth), max(highest, depth)
    long: list[list[Stack]] = []
    for some in rounds:  # single slices that were taken again belong to the round before
        if long and len(some) <= FEW_SLICES:
            long[-1] += some
        else:
            long.append(some)
    return [_joined(some) for some in long]


def completed(whole: list[Stack], rest: list[Stack]) -> list[Stack]:
    """The only whole stack of a kind with slices that a small series has, and all other stacks.

    These are slices that the stack lacks, and slices of it that were taken again later.
    """
    if len(whole) != 1 or not rest:
        return [*whole, *rest]
    (stack,) = whole
    left = []
    for other in rest:
        found = [_place_in(stack, frames) for frames in other.slices]
        if len(other.slices) > FEW_SLICES or not all(found):
            left.append(other)
            continue
        slices = list(stack.slices)
        for frames, place in zip(other.slices, found, strict=True):
            if isinstance(place, int):
                slices[place - 1] = frames
            else:
                slices.append(frames)
        slices.sort(key=lambda frames: _depth(stack.first.normal, frames))
        again = sum(isinstance(place, int) for place in found)
        stack = replace(stack, slices=tuple(slices), notes=(*stack.notes, *other.notes))
        if again:
            stack = stack.noted(_taken_again(again))
        if again < len(found):
            text = "Slices that its series lacks came from another series."
            stack = stack.noted(Note("slices_of_another_series", text))
    return [stack, *left]


def complemented(stacks: list[Stack]) -> list[Stack]:
    """Stacks of one kind that together are one with even steps, as one; all others as they are.

    Such are groups of slices with a breath-hold and a series each. Of groups at the same place, the later.
    """
    result: list[Stack] = []
    for near in near_in_plane(stacks, lambda s: s.first.offset_mm):
        kept = _not_superseded(near)
        if len(kept) < 2 or not _make_one(kept):
            result += near
            continue
        superseded = sum(len(stack.frames) for stack in near) - sum(len(stack.frames) for stack in kept)
        united = _united(kept, len(near) - len(kept))
        result.append(replace(united, superseded=united.superseded + superseded))
    return result


def near_in_plane(things: Iterable[Any], place: Callable[[Any], tuple[float, float]]) -> list[list[Any]]:
    """Groups of things, each in plane near enough to another of its group; their order is kept."""
    groups: list[tuple[list[Any], list[tuple[float, float]]]] = []
    for thing in things:
        here = place(thing)
        near = [group for group in groups if any(_distance(one, here) <= SAME_AXIS_MM for one in group[1])]
        groups = [group for group in groups if not any(group is one for one in near)]
        joined: tuple[list[Any], list[tuple[float, float]]] = ([], [])
        for group in near:
            joined[0].extend(group[0])
            joined[1].extend(group[1])
        joined[0].append(thing)
        joined[1].append(here)
        groups.append(joined)
    return [group for group, _ in groups]


def is_lacking(stack: Stack, frame: DicomFrame, within_mm: float = SAME_AXIS_MM) -> bool:
    """Tell whether a slice fills a gap of a stack, or continues it by one; nearly above it in plane.

    Args:
        stack: slices in order.
        frame: an image of the slice.
        within_mm: most that it may be shifted in plane, in mm.
    """
    steps = np.abs(np.array(stack.depths_mm) - float(stack.first.normal @ frame.position_mm))
    steps /= stack.step_mm or np.inf
    near = _distance(stack.first.offset_mm, frame.offset_mm) <= within_mm
    return near and bool(abs(steps.min() - 1) <= MISPLACED_STEPS)


def _place_in(stack: Stack, frames: tuple[DicomFrame, ...]) -> int | str | None:
    """Which slice of a stack, from 1, was taken again; ``new`` of one that it lacks; or neither."""
    if is_lacking(stack, frames[0]):
        return "new"
    depth = _depth(stack.first.normal, frames)
    at = int(np.argmin([abs(depth - other) for other in stack.depths_mm]))
    near = _distance(stack.first.offset_mm, frames[0].offset_mm) <= SAME_AXIS_MM
    same = near and abs(depth - stack.depths_mm[at]) <= MISPLACED_STEPS * (stack.step_mm or 0.0)
    return at + 1 if same and _later(stack.slices[at], frames) is frames else None


def _later(one: tuple[DicomFrame, ...], other: tuple[DicomFrame, ...]) -> tuple[DicomFrame, ...]:
    """Of a slice that was taken twice the later one, unless it was broken off."""
    most = max(len(one), len(other))
    return max(one, other, key=lambda s: (len(s) >= LEAST_SHARE * most, max(f.age for f in s)))


def _not_superseded(stacks: Sequence[Stack]) -> list[Stack]:
    """Those of which no other stack has all slices, taken later."""
    ages = [max(frame.age for frame in stack.frames) for stack in stacks]
    depths = [np.array(stack.depths_mm) for stack in stacks]
    steps = [stack.step_mm or 0.0 for stack in stacks]
    lowest, highest = (np.array([end(some) for some in depths]) for end in (np.min, np.max))

    def is_superseded(i: int) -> bool:
        reach = MISPLACED_STEPS * (steps[i] or max(steps))
        around = np.flatnonzero((lowest - reach <= lowest[i]) & (highest + reach >= highest[i]))
        return any(ages[j] > ages[i] and has_all(int(j), i) for j in around)

    def has_all(j: int, i: int) -> bool:
        within = MISPLACED_STEPS * (steps[i] or steps[j])
        return bool((np.abs(depths[i][:, None] - depths[j]).min(axis=1) <= within).all())

    return [stack for i, stack in enumerate(stacks) if not is_superseded(i)]


def _make_one(stacks: Sequence[Stack]) -> bool:
    """Whether the slices of stacks, taken together, have even steps, and about as many phases each.

    Slices that would overlap are those of two stacks, each of which holds the heart.
    """
    phases = [stack.phases for stack in stacks]
    normal = stacks[0].first.normal
    depths = sorted(_depth(normal, frames) for stack in stacks for frames in stack.slices)
    steps = np.diff(depths)
    even = bool(np.abs(steps - np.median(steps)).max() <= MISPLACED_STEPS * float(np.median(steps)))
    thickest = max(stack.first.slice_thickness_mm or 0.0 for stack in stacks)
    apart = bool(np.median(steps) >= OVERLAP * thickest)
    return len(depths) > 2 and even and apart and min(phases) >= LEAST_SHARE * max(phases)


def _united(stacks: Sequence[Stack], again: int) -> Stack:
    normal = stacks[0].first.normal
    slices = sorted((s for one in stacks for s in one.slices), key=lambda s: _depth(normal, s))
    notes = dict.fromkeys(note for one in stacks for note in one.notes)
    united = Stack(tuple(slices), tuple(notes), superseded=sum(one.superseded for one in stacks))
    if len({frame.series_uid for frame in united.frames}) > 1:
        text = f"{len(stacks)} groups of slices make up one stack: they were put together."
        united = united.noted(Note("groups_joined", text))
    if len({frame.space_uid for frame in united.frames}) > 1:
        text = "Its series name frames of reference of their own: positions were taken to be in one."
        united = united.noted(Note("spaces_differ", text))
    if again:
        text = f"Groups of slices taken more than once ({again} times): the later were used."
        united = united.noted(Note("groups_taken_again", text))
    return united


def _taken_again(times: int) -> Note:
    text = f"Slices that were taken more than once ({times} times): the later ones were used."
    return Note("slices_taken_again", text)


def _depth(normal: Any, frames: Sequence[DicomFrame]) -> float:
    return float(normal @ frames[0].position_mm)


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))
