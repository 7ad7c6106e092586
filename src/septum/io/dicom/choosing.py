"""Which stack of a study is segmented: the rules, and the sentence where no stack meets them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import InputError
from septum.io.dicom.ranking import ranked, what_decided
from septum.io.dicom.stacks import FEW_SLICES_WITHIN, SAME_SLICE_MM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.io.dicom.scanning import Scan
    from septum.io.dicom.stacks import Stack
    from septum.io.dicom.wanted import Wanted


@dataclass(frozen=True)
class Choice:
    """The stack that is taken.

    Attributes:
        stack: the one.
        why: in a sentence.
        notes: what the user should know of it, the stack's own notes among them.
    """

    stack: Stack
    why: str
    notes: tuple[str, ...]


def choose(folder: Path, scan: Scan, stacks: Sequence[Stack], wanted: Wanted = "cine") -> Choice:
    """The stack to take.

    Of those that can serve (:func:`septum.io.dicom.ranking.unfit`), the first by
    :data:`septum.io.dicom.ranking.ORDER`.

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
    notes = [*best.notes, *_rivals(best, rest)]
    if best.orientation == "oblique":
        notes.append("The stack lies in no usual direction: it was taken for short axis.")
    elif wanted == "cine" and best.tilt_degrees > FEW_SLICES_WITHIN:
        notes.append(
            f"Its slices lie {best.tilt_degrees:.0f} degrees from most people's short axis: make sure that "
            "they are short axis."
        )
    if len(best.slices) == 1:
        notes.append("The study has a single slice of this kind: volumes are those of the slice.")
    why = "It is the only one that can serve."
    if rest:
        why = (
            f"Of the {len(able)} that can serve it comes first: {what_decided(best, rest[0], wanted)}. The "
            f"next is stack {rest[0].number}."
        )
    return Choice(best, why, tuple(notes))


def named(folder: Path, stacks: Sequence[Stack], number: int) -> Choice:
    """The stack of that number. Raises :class:`InputError` if there is none."""
    if not 1 <= number <= len(stacks):
        raise InputError(
            f"{folder} holds no stack {number}: expected a number from 1 to {len(stacks)}; septum info lists "
            "them."
        )
    stack = stacks[number - 1]
    return Choice(stack, "It was asked for.", stack.notes)


def _rivals(best: Stack, rest: Sequence[Stack]) -> list[str]:
    """What to say of other stacks at the same place."""
    notes = []
    for other in rest:
        if not _same_place(best, other):
            continue
        times = [max(frame.acquired for frame in stack.frames) for stack in (best, other)]
        what = (
            "a copy of it" if not other.original or times[0] == times[1] else "the same acquired another time"
        )
        notes.append(f"Stack {other.number} seems to be {what}: stack {best.number} was taken.")
    return notes


def _same_place(one: Stack, other: Stack) -> bool:
    """Whether two stacks have nearly the same slices."""
    if abs(float(one.first.normal @ other.first.normal)) < 0.99:
        return False
    shared = sum(any(abs(a - b) <= 10 * SAME_SLICE_MM for b in other.depths_mm) for a in one.depths_mm)
    return 2 * shared > max(len(one.slices), len(other.slices))


def _refusal(folder: Path, scan: Scan, stacks: Sequence[Stack], wanted: Wanted) -> str:
    """Why nothing of a folder will do, and what to do about it."""
    asked = "a short-axis cine" if wanted == "cine" else "a late-gadolinium stack"
    if not stacks:
        return no_image(folder, scan, asked)
    counts = Counter(f"{stack.orientation} {stack.kind}" for stack in stacks)
    found = ", ".join(f"{what}: {n}" for what, n in counts.most_common(6))
    damaged = f" and {scan.damaged} damaged files" if scan.damaged else ""
    return (
        f"{folder} holds no {asked.removeprefix('a ')}: expected parallel slices of that kind, and found "
        f"only other stacks ({found}){damaged}; give the folder that holds the right series, or take one of "
        "these with septum convert --stack."
    )


def no_image(folder: Path, scan: Scan, asked: str = "a cardiac MR study") -> str:
    """The sentence for a folder without any image that can be used."""
    what = "copy or export the study again" if scan.damaged else "give the folder that holds the MR images"
    return (
        f"{folder} holds no MR image that can be used: expected {asked}, and found {scan.files} DICOM "
        f"files, {scan.told() or 'none of them an image'}; {what}."
    )
