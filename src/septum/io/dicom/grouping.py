"""From frames to stacks: by series, orientation and grid; parts of one joined, several in one parted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core.files import sha256_of
from septum.io.dicom.stacks import SAME_SLICE_MM, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from septum.core.geometry import Triple
    from septum.io.dicom.frames import Frame

#: Directions nearer than this are one, in degrees.
SAME_DIRECTION_DEGREES = 1.0
#: Slices of one stack lie above each other within this, from each to the next, in mm.
SAME_AXIS_MM = 3.0
#: A gap of more than so many slice distances parts two stacks.
PARTING_STEPS = 3.5
#: Series of at most so many slices may be parts of a stack.
FEW_SLICES = 2
#: By how much of the distance of slices the place of a missing one may be missed.
MISPLACED_STEPS = 0.1


def stacks_of(frames: Sequence[Frame]) -> tuple[list[Stack], list[str]]:
    """All stacks of a study in the order of their series, and what was settled for all of them."""
    kept, notes = _distinct(frames)
    orientations = _orientations(kept)
    whole: dict[Any, list[Stack]] = defaultdict(list)
    parts: dict[Any, list[Stack]] = defaultdict(list)
    for key, group in _grouped(kept, lambda f: (f.series_uid, *_grid(f, orientations))).items():
        for stack in _parted(Stack.of(group), len(group)):
            (parts if len(stack.slices) <= FEW_SLICES else whole)[(*key[1:], stack.kind)].append(stack)
    stacks: list[Stack] = []
    for key in dict.fromkeys([*whole, *parts]):
        near = _near(parts[key], lambda s: s.first.offset_mm)
        stacks += _completed(whole[key], [joined for some in near for joined in _parted(_join(some), 0)])
    stacks = [_with_other_orientations(stack, kept, orientations) for stack in stacks]
    stacks.sort(key=lambda s: (s.series[:1] or (0,), s.first.series_uid, s.orientation, s.depths_mm[0]))
    return [replace(stack, number=i) for i, stack in enumerate(stacks, start=1)], notes


def _grid(frame: Frame, orientations: dict[tuple[Triple, Triple], int]) -> tuple[Any, ...]:
    """What all frames of a stack have in common."""
    return (
        frame.study_uid,
        frame.space_uid,
        frame.shape,
        tuple(round(mm, 3) for mm in frame.pixel_mm),
        orientations[frame.row, frame.column],
        frame.component,
        frame.original,
        frame.sequence,
        None if frame.echo_ms is None else round(frame.echo_ms, 1),
    )


def _distinct(frames: Sequence[Frame]) -> tuple[list[Frame], list[str]]:
    """Each image once: of files with one SOP instance, the one whose bytes have the smallest hash."""
    by_instance = _grouped(frames, lambda f: (f.sop_instance_uid, f.number) if f.sop_instance_uid else f.path)
    kept, copies, unequal = [], 0, False
    for same in by_instance.values():
        if len(same) > 1:
            hashes = {frame.path: sha256_of(frame.path) for frame in same}
            same.sort(key=lambda f: hashes[f.path])
            copies += len(same) - 1
            unequal |= len(set(hashes.values())) > 1
        kept.append(same[0])
    if not copies:
        return kept, []
    but = " Some of them differ from the one that was taken." if unequal else ""
    return kept, [
        f"Images that are there more than once (one SOP instance): {copies} copies were passed over.{but}"
    ]


def _orientations(frames: Iterable[Frame]) -> dict[tuple[Triple, Triple], int]:
    """A number for each pair of directions; nearly the same have the same number."""
    least = np.cos(np.deg2rad(SAME_DIRECTION_DEGREES))
    known: list[tuple[Triple, Triple]] = []
    numbers: dict[tuple[Triple, Triple], int] = {}
    for pair in sorted({(frame.row, frame.column) for frame in frames}):
        near = (
            i
            for i, one in enumerate(known)
            if np.dot(one[0], pair[0]) >= least and np.dot(one[1], pair[1]) >= least
        )
        numbers[pair] = next(near, len(known))
        if numbers[pair] == len(known):
            known.append(pair)
    return numbers


def _parted(stack: Stack, images: int) -> list[Stack]:
    """The stacks that a group of frames holds: beside each other in plane, or far apart along the normal."""
    columns = _near(stack.slices, lambda frames: frames[0].offset_mm)
    runs = [Stack(run) for column in columns for run in _runs(Stack(tuple(column)))]
    if len(runs) == 1 or not images:
        return [replace(run, notes=stack.notes) for run in runs]
    sizes = " and ".join(str(len(run.slices)) for run in runs)
    return [
        run.noted(f"Its series holds {len(runs)} stacks, of {sizes} slices: they were parted.")
        for run in runs
    ]


def _runs(stack: Stack) -> list[tuple[tuple[Frame, ...], ...]]:
    """Slices without a wide gap between them."""
    if len(stack.slices) < 3:
        return [stack.slices]
    steps = np.diff(stack.depths_mm)
    cuts = [0, *(np.flatnonzero(steps > PARTING_STEPS * np.median(steps)) + 1), len(stack.slices)]
    return [stack.slices[a:b] for a, b in pairwise(cuts)]


def _join(parts: Sequence[Stack]) -> Stack:
    """One stack of series that hold a slice or two each; of a slice that is there twice, the later one."""
    slices: list[tuple[Frame, ...]] = []
    again = 0
    for frames in sorted((s for part in parts for s in part.slices), key=lambda s: s[0].depth_mm):
        if slices and frames[0].depth_mm - slices[-1][0].depth_mm <= SAME_SLICE_MM:
            again += 1
            slices[-1] = max(slices[-1], frames, key=lambda s: max(f.age for f in s))
        else:
            slices.append(frames)
    stack = Stack(tuple(slices), tuple(dict.fromkeys(note for part in parts for note in part.notes)))
    if not again:
        return stack
    return stack.noted(f"Slices that were taken more than once ({again} times): the later ones were used.")


def _completed(whole: list[Stack], rest: list[Stack]) -> list[Stack]:
    """The only whole stack of a kind with the slices that it lacks and a small series has; and all others."""
    if len(whole) != 1 or not rest:
        return [*whole, *rest]
    (stack,) = whole
    left = []
    for other in rest:
        if len(other.slices) <= FEW_SLICES and all(_is_lacking(stack, frames[0]) for frames in other.slices):
            slices = sorted((*stack.slices, *other.slices), key=lambda frames: frames[0].depth_mm)
            stack = replace(stack, slices=tuple(slices), notes=(*stack.notes, *other.notes))
            stack = stack.noted("Slices that its series lacks came from another series.")
        else:
            left.append(other)
    return [stack, *left]


def _is_lacking(stack: Stack, frame: Frame) -> bool:
    """Whether a slice fills a gap of a stack, or continues it by one."""
    steps = np.abs(np.array(stack.depths_mm) - frame.depth_mm) / (stack.step_mm or np.inf)
    near = _distance(stack.first.offset_mm, frame.offset_mm) <= SAME_AXIS_MM
    return near and bool(abs(steps.min() - 1) <= MISPLACED_STEPS)


def _with_other_orientations(
    stack: Stack, frames: Sequence[Frame], orientations: dict[tuple[Triple, Triple], int]
) -> Stack:
    series = {frame.series_uid for frame in stack.frames}
    own = orientations[stack.first.row, stack.first.column]
    others = sum(f.series_uid in series and orientations[f.row, f.column] != own for f in frames)
    if not others:
        return stack
    return stack.noted(f"Its series also holds {others} images of other orientations: they were left out.")


def _near(things: Iterable[Any], place: Callable[[Any], tuple[float, float]]) -> list[list[Any]]:
    """Groups of things, each in plane near enough to another of its group; their order is kept."""
    groups: list[list[Any]] = []
    for thing in things:
        near = [g for g in groups if any(_distance(place(one), place(thing)) <= SAME_AXIS_MM for one in g)]
        groups = [group for group in groups if group not in near]
        groups.append([*(one for group in near for one in group), thing])
    return groups


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def _grouped(frames: Iterable[Frame], key: Callable[[Frame], Any]) -> dict[Any, list[Frame]]:
    groups: dict[Any, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return groups
