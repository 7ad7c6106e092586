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

#: Shares of the distance of slices: a larger step than this is a gap, and a smaller one a slice taken again.
GAP_STEPS = 1.5
REPEAT_STEPS = 0.5
SAME_PLACE_STEPS = 0.2
#: Deviation of a step from the mean that is worth a word, as a share of it.
UNEVEN = 0.05
#: Shift of slices in plane that is worth a word, in mm.
SHIFTED_MM = 1.0


@dataclass(frozen=True)
class Placed:
    """A stack with even slices, and its grid.

    Attributes:
        stack: without slices that were taken again.
        geometry: in LPS; slices ascend along row times column direction.
        notes: what was settled.
    """

    stack: Stack
    geometry: Geometry
    notes: tuple[Note, ...]


def place(folder: Path, stack: Stack, asked_mm: Triple | None, elsewhere: Sequence[int] = ()) -> Placed:
    """Settle the slices of a stack and their grid.

    Args:
        folder: for messages.
        stack: its slices ascend.
        asked_mm: spacing (Z, Y, X) instead of the headers'.
        elsewhere: numbers of other stacks that have slices which this one lacks.

    Raises:
        InputError: a slice is missing within the stack, or the spacing is none.
    """
    stack, notes = _without_repeats(stack)
    depths = np.array(stack.depths_mm)
    first = stack.first
    if len(depths) > 1:
        steps = np.diff(depths)
        step = float(np.median(steps))
        if steps.max() > GAP_STEPS * step:
            at = int(np.argmax(steps))
            missing = max(1, round(float(steps[at]) / step) - 1)
            raise InputError(
                f"{folder} lacks slices: expected one every {step:.4g} mm, and found {steps[at]:.4g} mm "
                f"between slices {at + 1} and {at + 2} of {len(depths)}, where {missing} should be; "
                f"{_advice(elsewhere)}."
            )
        across = round(float(steps.mean()), 6)  # positions are written in decimals
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
    return Placed(stack, geometry, (*notes, *doubts))


def _without_repeats(stack: Stack) -> tuple[Stack, list[Note]]:
    """Leave out slices that lie between others, one at a time.

    Of two at about the same place it is the earlier one; or else that without which the rest is more even.
    """
    slices = list(stack.slices)
    left_out = 0
    while len(slices) > 2:
        depths = np.array(Stack(tuple(slices)).depths_mm)
        steps = np.diff(depths)
        nearest = int(np.argmin(steps))
        if steps[nearest] >= REPEAT_STEPS * np.median(steps):
            break
        if steps[nearest] < SAME_PLACE_STEPS * np.median(steps):
            one, other = (max(frame.age for frame in slices[i]) for i in (nearest, nearest + 1))
            del slices[nearest + (other < one)]
        else:
            uneven = [float(np.std(np.diff(np.delete(depths, i)))) for i in (nearest, nearest + 1)]
            del slices[nearest + (uneven[1] < uneven[0])]
        left_out += 1
    if not left_out:
        return stack, []
    text = f"{left_out} slices lie between others, as if taken again: they were left out."
    return Stack(tuple(slices)), [Note("slices_between_left_out", text, Level.WARNING)]


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
