"""Which stack of a study is segmented: the rules, and the sentence where no stack meets them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import InputError, Level, Note
from septum.io.dicom.stacks.joining import FEW_SLICES, LEAST_SHARE, is_lacking
from septum.io.dicom.stacks.ranking import other_purposes, ranked, said_only, what_decided
from septum.io.dicom.stacks.stack import FEW_SLICES_WITHIN, SAME_SLICE_MM, WHOLE_SLICES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core import StackKind
    from septum.io.dicom.scanning import Scan
    from septum.io.dicom.stacks.stack import Stack

#: Cosine of the angle up to which slices of two stacks count as nearly parallel.
PARALLEL = 0.985
#: How far in plane the corners of slices with other matrices may be apart, in mm.
SAME_CENTRE_MM = 60.0
#: A slice of a single phase that is there so many times more is not taken for a repetition.
MOST_REPEATS = 4


@dataclass(frozen=True)
class Choice:
    """The stack that is taken.

    Attributes:
        stack: the one.
        why: in a sentence.
        notes: what the user should know of it, the stack's own notes among them.
        elsewhere: numbers of other stacks that have slices which it lacks.
    """

    stack: Stack
    why: str
    notes: tuple[Note, ...]
    elsewhere: tuple[int, ...] = ()


def choose(folder: Path, scan: Scan, stacks: Sequence[Stack], wanted: StackKind = "cine") -> Choice:
    """The stack to take.

    Of those that can serve (:func:`septum.io.dicom.stacks.ranking.unfit`), the first by
    :data:`septum.io.dicom.stacks.ranking.ORDER`.

    Raises:
        InputError: no stack will do.
    """
    able = ranked(stacks, wanted)
    if not able:
        raise InputError(_refusal(folder, scan, stacks, wanted))
    studies = {frame.study_uid for stack in able for frame in stack.frames}
    if len(studies) > 1:
        raise InputError(
            f"{folder} holds {len(studies)} studies that could be meant: expected one; give each study a "
            "folder of its own."
        )
    best, *rest = able
    if wanted == "cine":
        _check_phases(folder, best, rest)
    notes = [*best.notes, *_rivals(best, rest)]
    notes += _doubts_of_direction(best, wanted)
    if purposes := other_purposes(best):
        text = f"Its headers speak of {' and '.join(purposes)}: see whether it is what you mean."
        notes.append(Note("other_purpose", text, Level.WARNING))
    if len(best.slices) == 1:
        text = "The study has a single slice of this kind: volumes are those of the slice."
        notes.append(Note("single_slice", text, Level.WARNING))
    elif len(best.slices) < WHOLE_SLICES:
        text = f"The stack has {len(best.slices)} slices: volumes are those of the slices."
        notes.append(Note("few_slices", text, Level.WARNING))
    elsewhere = tuple(other.number for other in stacks if _has_more(best, other))
    if elsewhere:
        text = (
            f"Stack {', '.join(map(str, elsewhere))} has slices that the stack lacks, on another grid, of "
            "another pulse sequence or of more than one beat: they were left out, and volumes lack them."
        )
        notes.append(Note("slices_elsewhere", text, Level.WARNING))
    why = "It is the only one that can serve."
    if rest:
        why = (
            f"Of the {len(able)} that can serve it comes first: {what_decided(best, rest[0], wanted)}. The "
            f"next is stack {rest[0].number}."
        )
    return Choice(best, why, tuple(notes), elsewhere)


def _check_phases(folder: Path, best: Stack, rest: Sequence[Stack]) -> None:
    """Refuse a single phase of slices that are there again and again: they may be the phases of a cine."""
    if best.phases > 1:
        return
    repeats = best.superseded / len(best.frames)
    repeats += sum(
        other.phases == 1 and other.kind == best.kind and _same_place(best, other) for other in rest
    )
    if repeats >= MOST_REPEATS:
        raise InputError(
            f"{folder} holds each slice {1 + round(repeats)} times, one image a series, and nothing "
            "tells whether these are the phases of a cine: expected trigger times, temporal positions or "
            "instance numbers that differ; export the study again."
        )


def _doubts_of_direction(stack: Stack, wanted: StackKind) -> list[Note]:
    """What to say of a stack that does not lie as most people's short axis does."""
    if stack.orientation == "oblique":
        text = "The stack lies in no usual direction: it was taken for short axis."
        return [Note("unusual_direction", text, Level.WARNING)]
    if wanted == "cine" and said_only(stack):
        text = (
            f"Its slices are {stack.orientation} by geometry, and short axis by their description, which was "
            "believed: make sure that they are."
        )
        return [Note("short_axis_by_description", text, Level.WARNING)]
    if wanted == "cine" and stack.tilt_degrees > FEW_SLICES_WITHIN:
        text = (
            f"Its slices lie {stack.tilt_degrees:.0f} degrees from most people's short axis: make sure that "
            "they are short axis."
        )
        return [Note("tilted_slices", text, Level.WARNING)]
    return []


def named(folder: Path, stacks: Sequence[Stack], number: int) -> Choice:
    """The stack of that number. Raises :class:`InputError` if there is none."""
    if not 1 <= number <= len(stacks):
        raise InputError(
            f"{folder} holds no stack {number}: expected a number from 1 to {len(stacks)}; septum info lists "
            "them."
        )
    stack = stacks[number - 1]
    return Choice(stack, "It was asked for.", stack.notes)


def _has_more(stack: Stack, other: Stack) -> bool:
    """Whether another stack is slices of the same kind that would fill this one or continue it."""
    apart = [min(abs(a - b) for b in stack.depths_mm) for a in _depths_along(stack, other)]
    return (
        other is not stack
        and len(stack.slices) > FEW_SLICES
        and len(other.slices) <= len(stack.slices)
        and other.kind == stack.kind
        and not other_purposes(other)
        and LEAST_SHARE * stack.phases <= other.phases
        and abs(float(stack.first.normal @ other.first.normal)) > PARALLEL
        and any(is_lacking(stack, frames[0], SAME_CENTRE_MM) for frames in other.slices)
        and min(apart) > (stack.step_mm or 0.0) / 2
    )


def _depths_along(stack: Stack, other: Stack) -> list[float]:
    """Position of each slice of another stack along the normal of a stack."""
    return [float(stack.first.normal @ frames[0].position_mm) for frames in other.slices]


def _rivals(best: Stack, rest: Sequence[Stack]) -> list[Note]:
    """What to say of other stacks at the same place."""
    notes = []
    for other in rest:
        alike = other.kind == best.kind and other_purposes(other) == other_purposes(best)
        if not alike or not _same_place(best, other):
            continue
        times = [max(frame.acquired for frame in stack.frames) for stack in (best, other)]
        is_copy = not other.original or times[0] == times[1]
        what = "a copy of it" if is_copy else "the same acquired another time"
        text = f"Stack {other.number} seems to be {what}: stack {best.number} was taken."
        notes.append(Note("copied_stack" if is_copy else "stack_acquired_again", text))
    return notes


def _same_place(one: Stack, other: Stack) -> bool:
    """Whether two stacks have nearly the same slices."""
    if abs(float(one.first.normal @ other.first.normal)) < 0.99:
        return False
    within = max(10 * SAME_SLICE_MM, (one.step_mm or 0.0) / 2)
    shared = sum(any(abs(a - b) <= within for b in other.depths_mm) for a in one.depths_mm)
    return 2 * shared > max(len(one.slices), len(other.slices))


def _refusal(folder: Path, scan: Scan, stacks: Sequence[Stack], wanted: StackKind) -> str:
    """Why nothing of a folder will do, and what to do about it."""
    asked = "a short-axis cine" if wanted == "cine" else "a late-gadolinium stack"
    if not stacks:
        return no_image(folder, scan, asked)
    counts = Counter(f"{stack.orientation} {stack.kind}" for stack in stacks)
    found = ", ".join(f"{what}: {n}" for what, n in counts.most_common(6))
    damaged = f" and damaged files ({scan.damaged})" if scan.damaged else ""
    return (
        f"{folder} holds no {asked.removeprefix('a ')}: expected parallel slices of that kind, and found "
        f"only other stacks ({found}){damaged}; give the folder that holds the right series, or take one of "
        "these with septum convert --stack."
    )


def no_image(folder: Path, scan: Scan, asked: str = "a cardiac MR study") -> str:
    """The sentence for a folder without any image that can be used."""
    what = "copy or export the study again" if scan.damaged else "give the folder that holds the MR images"
    files = "1 DICOM file" if scan.files == 1 else f"{scan.files} DICOM files"
    return (
        f"{folder} holds no MR image that can be used: expected {asked}, and found {files}, "
        f"{scan.told() or 'none of them an image'}; {what}."
    )
