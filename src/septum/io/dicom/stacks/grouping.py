"""From frames to stacks: by series, orientation and grid; parts of one joined, several in one parted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from septum.core import Level, Note
from septum.core.files import sha256_of
from septum.io.dicom.stacks.identifiers import believed
from septum.io.dicom.stacks.joining import FEW_SLICES, complemented, completed, join, near_in_plane
from septum.io.dicom.stacks.pacing import longer_than_a_beat
from septum.io.dicom.stacks.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from septum.core.geometry import Triple
    from septum.io.dicom.frames import DicomFrame

T = TypeVar("T")

#: Directions nearer than this are one, in degrees.
SAME_DIRECTION_DEGREES = 1.0
#: A gap of more than so many slice distances parts two stacks.
PARTING_STEPS = 3.5
#: Pixels of sizes nearer than this are of one size, as a share of it.
SAME_PIXEL = 0.001
#: Echo times nearer than this are one, in ms: scanners fit them to the direction of each slice.
SAME_ECHO_MS = 0.2


def stacks_of(frames: Sequence[DicomFrame]) -> tuple[list[Stack], list[Note]]:
    """All stacks of a study in the order of their series, and what was settled for all of them."""
    kept, notes = _distinct(frames)
    kept, settled = believed(kept)
    notes += settled
    orientations = _orientations(kept)
    sizes = _classes((mm for f in kept for mm in f.pixel_mm), lambda mm: SAME_PIXEL * mm)
    echoes = _classes((f.echo_ms for f in kept if f.echo_ms is not None), lambda _: SAME_ECHO_MS)

    def grid(frame: DicomFrame) -> tuple[Any, ...]:
        """What all frames of a stack have in common; the space that they lie in first."""
        pixel = tuple(sizes[mm] for mm in frame.pixel_mm)
        echo = None if frame.echo_ms is None else echoes[frame.echo_ms]
        direction = orientations[frame.row, frame.column]
        measured = (frame.component, frame.original, frame.sequence, echo)
        return (frame.space_uid, frame.study_uid, frame.shape, pixel, direction, *measured)

    alike: dict[Any, list[Stack]] = defaultdict(list)
    for (_, _, *key), group in _grouped(kept, lambda f: (f.series_uid, *grid(f))).items():
        for stack in _parted(group):
            alike[(*key, stack.kind)].append(stack)
    stacks = [
        one for group in alike.values() for some in _of_one_length(group) for one in _put_together(some)
    ]
    stacks = [_with_other_orientations(stack, kept, orientations) for stack in stacks]
    stacks.sort(key=lambda s: (s.series[:1] or (0,), s.first.series_uid, s.orientation, s.depths_mm[0]))
    return [replace(stack, number=i) for i, stack in enumerate(stacks, start=1)], notes


def _of_one_length(stacks: list[Stack]) -> list[list[Stack]]:
    """Stacks of about one beat, and those that go on far longer: never to be put together."""
    longer = iter(longer_than_a_beat([frames for stack in stacks for frames in stack.slices]))
    most = [2 * sum(islice(longer, len(stack.slices))) > len(stack.slices) for stack in stacks]
    sorts = (
        [stack for stack, goes_on in zip(stacks, most, strict=True) if goes_on is one]
        for one in (False, True)
    )
    return [some for some in sorts if some]


def _put_together(stacks: list[Stack]) -> list[Stack]:
    """Stacks of one kind and grid with their parts in other series; first those that lie in one space."""
    settled: list[Stack] = []
    for same in _grouped(stacks, lambda s: s.first.space_uid).values():
        parts = [stack for stack in same if len(stack.slices) <= FEW_SLICES]
        whole = [stack for stack in same if len(stack.slices) > FEW_SLICES]
        near = near_in_plane(parts, lambda s: s.first.offset_mm)
        joined = [one for some in near for stack in join(some) for one in _apart(stack)]
        settled += completed(complemented(whole), joined)
    return complemented(settled)


def _classes(values: Iterable[float], tolerance: Callable[[float], float]) -> dict[float, int]:
    """A number for each value; values that differ by less than the tolerance have the same number."""
    numbers: dict[float, int] = {}
    first = -np.inf
    for value in sorted(set(values)):
        if not numbers or value - first > tolerance(first):
            first = value
            numbers[value] = len(numbers)
        else:
            numbers[value] = numbers[first]
    return numbers


def _distinct(frames: Sequence[DicomFrame]) -> tuple[list[DicomFrame], list[Note]]:
    """Each image once: of files with one SOP instance, the one whose bytes have the smallest hash."""
    by_instance = _grouped(frames, _identity)
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
    text = f"Images that are there more than once (one SOP instance): {copies} copies were passed over.{but}"
    return kept, [Note("copies_left_out", text, Level.WARNING if unequal else Level.INFO)]


def _identity(frame: DicomFrame) -> Any:
    """What copies of an image have in common: an anonymiser may give one identifier to all images."""
    own = (frame.number, frame.position_mm, frame.trigger_ms, frame.temporal_position, frame.instance_number)
    return (frame.sop_instance_uid, *own) if frame.sop_instance_uid else frame.path


def _orientations(frames: Iterable[DicomFrame]) -> dict[tuple[Triple, Triple], int]:
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


def _parted(frames: list[DicomFrame]) -> list[Stack]:
    """The stacks that a series holds: beside each other in plane, or far apart along the normal."""
    columns = near_in_plane(frames, lambda frame: frame.offset_mm)
    runs = [Stack(run) for column in columns for run in _runs(Stack.of(column))]
    if len(runs) == 1:
        return runs
    sizes = " and ".join(str(len(run.slices)) for run in runs)
    note = Note("series_parted", f"Its series holds {len(runs)} stacks, of {sizes} slices: they were parted.")
    return [run.noted(note) for run in runs]


def _apart(stack: Stack) -> list[Stack]:
    """Parts that were joined and lie beside each other in plane, or far apart along the normal."""
    columns = near_in_plane(stack.slices, lambda frames: frames[0].offset_mm)
    runs = [run for column in columns for run in _runs(Stack(tuple(column)))]
    return [replace(stack, slices=run) for run in runs]


def _runs(stack: Stack) -> list[tuple[tuple[DicomFrame, ...], ...]]:
    """Slices without a wide gap between them."""
    if len(stack.slices) < 3:
        return [stack.slices]
    steps = np.diff(stack.depths_mm)
    cuts = [0, *(np.flatnonzero(steps > PARTING_STEPS * np.median(steps)) + 1), len(stack.slices)]
    return [stack.slices[a:b] for a, b in pairwise(cuts)]


def _with_other_orientations(
    stack: Stack, frames: Sequence[DicomFrame], orientations: dict[tuple[Triple, Triple], int]
) -> Stack:
    series = {frame.series_uid for frame in stack.frames}
    own = orientations[stack.first.row, stack.first.column]
    others = sum(f.series_uid in series and orientations[f.row, f.column] != own for f in frames)
    if not others:
        return stack
    text = f"Its series also holds {others} images of other orientations: they were left out."
    return stack.noted(Note("other_orientations_left_out", text))


def _grouped(things: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    groups: dict[Any, list[T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups
