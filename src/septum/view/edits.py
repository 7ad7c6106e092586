"""Corrections of a mask as pure functions: labels in, changed slices out.

Labels are (T, Z, Y, X), slices first. A function gives whole new slices (Y, X) by frame and slice, and
changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.view.errors import RefusedError
from septum.view.interpolation import between, carried

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from septum.core import LabelSchema

    Labels = NDArray[np.uint8]
    #: New slices (Y, X) by frame and slice.
    Changes = dict[tuple[int, int], NDArray[np.uint8]]
    #: Values of the structures that an edit is about; ``None``: all.
    Values = frozenset[int] | None


def merged(onto: Labels, source: Labels, values: Values) -> Labels:
    """Take some structures of one slice into another; what they were there goes.

    >>> onto, source = np.array([[1, 2, 0]], np.uint8), np.array([[0, 1, 1]], np.uint8)
    >>> merged(onto, source, frozenset({1})).tolist()
    [[0, 1, 1]]
    """
    if values is None:
        return source.copy()
    listed = list(values)
    slice_ = np.where(np.isin(onto, listed), 0, onto).astype(np.uint8)
    return np.where(np.isin(source, listed), source, slice_).astype(np.uint8)


def without(labels: Labels, places: Iterable[tuple[int, int]], values: Values) -> Changes:
    """Take slices out: some structures go, or all.

    >>> without(np.full((1, 1, 1, 2), 3, np.uint8), [(0, 0)], None)[0, 0].tolist()
    [[0, 0]]
    """
    return {(t, z): merged(labels[t, z], np.zeros_like(labels[t, z]), values) for t, z in places}


def brought_in(
    labels: Labels,
    original: Labels,
    places: Iterable[tuple[int, int]],
    values: Values,
    schema: LabelSchema,
    spacing_mm: tuple[float, float],
) -> Changes:
    """Bring slices in: as the original mask has them, else as drawn between their neighbours.

    A slice beyond the last one that is drawn takes the shape of that one.

    Args:
        labels: as they are now.
        original: mask before any correction.
        places: frame and slice of each.
        values: of the structures to bring in.
        schema: what values mean.
        spacing_mm: along (Y, X).

    Raises:
        RefusedError: the frame has nothing to draw it from.
    """
    changes: Changes = {}
    for t, z in places:
        own = original[t, z]
        if not _has(own, values):
            own = _from_neighbours(labels[t], z, t, values, schema, spacing_mm)
        changes[t, z] = merged(labels[t, z], own, values)
    return changes


def copied(
    labels: Labels, start: tuple[int, int], places: Iterable[tuple[int, int]], values: Values
) -> Changes:
    """Copy a slice to others."""
    return {place: merged(labels[place], labels[start], values) for place in places}


def over_slices(
    labels: Labels,
    t: int,
    ends: tuple[int, int],
    values: Values,
    schema: LabelSchema,
    spacing_mm: tuple[float, float],
) -> Changes:
    """Draw the slices between two slices of a frame.

    Args:
        labels: as they are now.
        t: the frame.
        ends: both slices, in any order.
        values: of the structures to draw.
        schema: what values mean.
        spacing_mm: along (Y, X).

    Raises:
        RefusedError: there is nothing between them.
    """
    low, high = sorted(ends)
    return _drawn_between(labels, [(t, z) for z in range(low, high + 1)], values, schema, spacing_mm)


def over_frames(
    labels: Labels,
    z: int,
    ends: tuple[int, int],
    values: Values,
    schema: LabelSchema,
    spacing_mm: tuple[float, float],
) -> Changes:
    """Draw a slice in the frames from one frame to another; if the second comes first, over the beat's end.

    Args:
        labels: as they are now.
        z: the slice.
        ends: first and last frame.
        values: of the structures to draw.
        schema: what values mean.
        spacing_mm: along (Y, X).

    Raises:
        RefusedError: there is nothing between them.
    """
    frames, (first, last) = len(labels), ends
    way = range((last - first) % frames + 1)
    places = [((first + step) % frames, z) for step in way]
    return _drawn_between(labels, places, values, schema, spacing_mm)


def propagated(
    labels: Labels,
    original: Labels,
    start: tuple[int, int],
    frames: Sequence[int],
    schema: LabelSchema,
    spacing_mm: tuple[float, float],
) -> Changes:
    """Carry the correction of a slice over other frames: all of it nearby, less and less farther away.

    The weight of a frame falls in a line from 1 at the corrected frame to 0 one frame after the last one on
    that side. The beat is a circle: each frame is reached on the shorter way.

    Args:
        labels: as they are now.
        original: mask before any correction.
        start: frame and slice that were corrected.
        frames: to change.
        schema: what values mean.
        spacing_mm: along (Y, X).

    Raises:
        RefusedError: that slice is as the original has it.
    """
    t, z = start
    if np.array_equal(labels[t, z], original[t, z]):
        raise RefusedError(
            f"Slice {z} of frame {t} is not corrected: expected a change to carry over; correct it first.",
            "nothing_to_carry",
        )
    ways = {f: _way(f - t, len(labels)) for f in frames if f != t}
    farthest = {
        side: max((abs(way) for way in ways.values() if (way > 0) is side), default=0)
        for side in (True, False)
    }
    return {
        (f, z): carried(
            original[t, z], labels[t, z], labels[f, z], 1.0 - abs(way) / (farthest[way > 0] + 1.0),
            schema, spacing_mm,
        )
        for f, way in ways.items()
    }  # fmt: skip


def reverted(original: Labels, places: Iterable[tuple[int, int]]) -> Changes:
    """Take slices back to the original mask."""
    return {place: original[place].copy() for place in places}


def differing(labels: Labels, other: Labels) -> list[tuple[int, int]]:
    """List the slices in which two masks differ.

    >>> differing(np.zeros((1, 2, 1, 1), np.uint8), np.array([0, 1], np.uint8).reshape(1, 2, 1, 1))
    [(0, 1)]
    """
    different = (labels != other).any(axis=(2, 3))
    return [(int(t), int(z)) for t, z in np.argwhere(different)]


def _has(labels: Labels, values: Values) -> bool:
    return bool(labels.any() if values is None else np.isin(labels, list(values)).any())


def _from_neighbours(
    frame: Labels, z: int, t: int, values: Values, schema: LabelSchema, spacing_mm: tuple[float, float]
) -> Labels:
    drawn = [k for k in range(len(frame)) if k != z and _has(frame[k], values)]
    below = max((k for k in drawn if k < z), default=None)
    above = min((k for k in drawn if k > z), default=None)
    if below is not None and above is not None:
        share = (z - below) / (above - below)
        return between(frame[below], frame[above], share, schema, spacing_mm)
    nearest = below if below is not None else above
    if nearest is None:
        raise RefusedError(
            f"Frame {t} has no slice to draw from: expected one with this structure; draw it by hand.",
            "nothing_to_draw_from",
        )
    return frame[nearest].copy()


def _drawn_between(
    labels: Labels,
    places: Sequence[tuple[int, int]],
    values: Values,
    schema: LabelSchema,
    spacing_mm: tuple[float, float],
) -> Changes:
    """Draw the slices between the first and the last of a row of places, frame and slice of each."""
    steps = len(places) - 1
    if steps < 2:
        raise RefusedError(
            "There is nothing between these two: expected at least one in between; choose others.",
            "nothing_between",
        )
    first, last = labels[places[0]], labels[places[-1]]
    return {
        place: merged(labels[place], between(first, last, step / steps, schema, spacing_mm), values)
        for step, place in enumerate(places[1:-1], start=1)
    }


def _way(step: int, frames: int) -> int:
    """The shorter way around the beat, backwards below 0."""
    forward = step % frames
    return forward if forward <= frames // 2 else forward - frames
