"""The grid of a stack: distance of slices by their positions, origin and directions in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Geometry, InputError, Level, Note
from septum.io.dicom.stacks.stack import Stack
from septum.io.grid import settle_spacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core.geometry import Triple
    from septum.io.dicom.frames import DicomFrame

#: Shares of the usual distance of slices: a larger step is a gap; one within ``REPEAT_STEPS`` of both of its
#: neighbours, or ``SAME_PLACE_STEPS`` of one, is a slice that was taken again.
GAP_STEPS = 1.5
REPEAT_STEPS = 0.47
SAME_PLACE_STEPS = 0.2
#: The largest step over the smallest from which slices are missing, although no step is a gap to the others.
UNEVEN_STEPS = 1.8
#: Slices so many times as far apart as headers state are worth a word.
FAR_APART = 1.9
#: How far two steps about a slice that was taken again may miss one usual step, as a share of it.
BETWEEN = 0.1
#: Slices of one stack are not nearer than this share of their thickness.
OVERLAP = 0.75
#: Deviation of a step from the mean that is worth a word, as a share of it.
UNEVEN = 0.05
#: Shift of slices in plane that is worth a word, in mm.
SHIFTED_MM = 1.0


@dataclass(frozen=True)
class Placed:
    """The grid of a stack.

    Attributes:
        geometry: in LPS; slices ascend along row times column direction.
        notes: what was settled.
    """

    geometry: Geometry
    notes: tuple[Note, ...]


def place(folder: Path, stack: Stack, asked_mm: Triple | None, elsewhere: Sequence[int] = ()) -> Placed:
    """Settle the grid of the slices that are read.

    Args:
        folder: for messages.
        stack: its slices ascend; no other slice is left out after this.
        asked_mm: spacing (Z, Y, X) instead of the headers'.
        elsewhere: numbers of other stacks that have slices which this one lacks.

    Raises:
        InputError: slices are missing within the stack, or the spacing is none.
    """
    notes: list[Note] = []
    depths = np.array(stack.depths_mm)
    first = stack.first
    if len(depths) > 1:
        steps = np.diff(depths)
        _check_gaps(folder, steps, elsewhere)
        across = round(float(steps.mean()), 6)  # positions are written in decimals
        notes += _doubts_of_distance(first, across)
        if np.abs(steps - across).max() > UNEVEN * across:
            text = (
                f"Slices are {steps.min():.4g} to {steps.max():.4g} mm apart: the mean, {across:.4g} mm, was "
                "taken."
            )
            notes.append(Note("uneven_slices", text, Level.WARNING))
    else:
        across = first.thickness_mm or float("nan")
    offsets = np.array([frames[0].offset_mm for frames in stack.slices])
    shift = float(np.ptp(offsets, axis=0).max())
    if shift > SHIFTED_MM:
        text = (
            f"Slices are shifted in plane by up to {shift:.3g} mm: they were taken to lie above each other."
        )
        notes.append(Note("shifted_slices", text))
    spacing, doubts = settle_spacing(folder, (across, *first.pixel_mm), asked_mm, slices=len(depths))
    columns = np.column_stack([first.normal, first.column, first.row])
    x, y, z = (float(value) for value in stack.slices[0][0].position_mm)
    shape = (len(depths), *first.shape)
    geometry = Geometry(shape, spacing, (x, y, z), (_row(columns[0]), _row(columns[1]), _row(columns[2])))
    return Placed(geometry, (*notes, *doubts))


def _doubts_of_distance(first: DicomFrame, across: float) -> list[Note]:
    """Say where even slices are so far apart, by what headers state, that every second may be missing."""
    stated = first.thickness_mm or 0.0
    if stated <= 0 or stated < (first.slice_thickness_mm or 0.0) or across < FAR_APART * stated:
        return []
    text = (
        f"Slices are {across:.4g} mm apart, and headers state {stated:.4g} mm: see whether some are missing."
    )
    return [Note("slices_far_apart", text, Level.WARNING)]


def _check_gaps(folder: Path, steps: NDArray[np.float64], elsewhere: Sequence[int]) -> None:
    """Refuse steps of which one is a gap to the others, or of which several are multiples of the smallest."""
    usual = float(np.median(steps))
    if steps.max() > UNEVEN_STEPS * steps.min():
        usual = float(steps.min())
    elif steps.max() <= GAP_STEPS * usual:
        return
    at = int(np.argmax(steps))
    missing = int(np.maximum(np.round(steps / usual) - 1, 0).sum())
    raise InputError(
        f"{folder} lacks slices: expected one every {usual:.4g} mm, and found {steps[at]:.4g} mm between "
        f"slices {at + 1} and {at + 2} of {len(steps) + 1}; {max(1, missing)} should be within the stack and "
        f"{'is' if missing < 2 else 'are'} not; {_advice(elsewhere)}."
    )


def without_repeats(stack: Stack) -> tuple[Stack, list[Note]]:
    """Leave out slices that lie between others as if taken again, one at a time, and notes.

    Of two at about the same place it is the earlier one; or else that without which the rest is more even.
    Slices that do not overlap are no repetition: others are missing.
    """
    slices = list(stack.slices)
    while len(slices) > 2:
        again = _repeated(slices)
        if again is None:
            break
        del slices[again]
    left_out = len(stack.slices) - len(slices)
    if not left_out:
        return stack, []
    text = f"{left_out} slices lie between others, as if taken again: they were left out."
    return Stack(tuple(slices)), [Note("slices_between_left_out", text, Level.WARNING)]


def _repeated(slices: Sequence[tuple[DicomFrame, ...]]) -> int | None:
    """Which slice is a repetition of its neighbour, if one is."""
    depths = np.array(Stack(tuple(slices)).depths_mm)
    steps = np.diff(depths)
    usual = float(np.median(steps))
    nearest = int(np.argmin(steps))
    both = (nearest, nearest + 1)
    if steps[nearest] < SAME_PLACE_STEPS * usual:
        one, other = (max(frame.age for frame in slices[i]) for i in both)
        return nearest + (other < one)
    thickness = slices[0][0].slice_thickness_mm
    if thickness and steps[nearest] >= OVERLAP * thickness:
        return None
    between = [
        i for i in both if 0 < i < len(slices) - 1 and abs(steps[i - 1] + steps[i] - usual) <= BETWEEN * usual
    ]
    if steps[nearest] >= REPEAT_STEPS * usual and not between:
        return None
    return min(between or both, key=lambda i: float(np.std(np.diff(np.delete(depths, i)))))


def _advice(elsewhere: Sequence[int]) -> str:
    if not elsewhere:
        return "export the whole stack again"
    numbers = ", ".join(map(str, elsewhere))
    return (
        f"such slices are in stack {numbers}, but on another grid (matrix, pixel size, place, direction), "
        "of another pulse sequence or of more than one beat, so that they cannot be put together"
    )


def _row(values: NDArray[np.float64]) -> Triple:
    first, second, third = (float(value) for value in values)
    return (first, second, third)
