"""Which stack of a study is segmented: the rules, and the sentence where no stack meets them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from septum.core import InputError
from septum.io.dicom.joining import FEW_SLICES, LEAST_SHARE, is_lacking
from septum.io.dicom.stacks import SAME_SLICE_MM
from septum.io.dicom.timing import beyond_a_beat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.io.dicom.scanning import Scan
    from septum.io.dicom.stacks import Stack
    from septum.io.dicom.wanted import Wanted

#: A stack of at least so many slices covers a heart, however thick they are.
WHOLE_SLICES = 5
#: Of slices in no known direction, so many parallel ones at least are believed to be short axis.
OBLIQUE_SLICES = 5
#: Hints of a description that a stack was taken for something else than volumes.
OTHER_PURPOSES = ("perfusion", "tagging", "flow", "mapping")
#: Cosine of the angle up to which slices of two stacks count as nearly parallel.
PARALLEL = 0.985
#: How far in plane the corners of slices with other matrices may be apart, in mm.
SAME_CENTRE_MM = 60.0
#: A late-gadolinium stack has at least so many slices.
LEAST_GADOLINIUM_SLICES = 3


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
    notes: tuple[str, ...]
    elsewhere: tuple[int, ...] = ()


def choose(folder: Path, scan: Scan, stacks: Sequence[Stack], wanted: Wanted = "cine") -> Choice:
    """The stack to take.

    For ``cine``: short axis by geometry (or, of five and more parallel slices, oblique), magnitude, neither
    inverted nor repeated at one time of the beat. More than one phase before a single one; no description
    that speaks of perfusion, tagging, flow or mapping before one that does; a stack of five and more slices
    before a smaller one; measured before computed; phases of one beat before those of several; then more
    slices, more phases, a description that says short axis, and the later one. For ``late-gadolinium``: one
    phase after an inversion (or, where no header tells of an inversion, a description that says so),
    magnitude before real part; then measured before computed, more slices, description, and the later one.

    Raises:
        InputError: no stack will do.
    """
    fits, rank = (_is_cine, _cine_rank) if wanted == "cine" else (_is_gadolinium, _gadolinium_rank)
    able = sorted((stack for stack in stacks if fits(stack)), key=rank, reverse=True)
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
    if purposes := _other_purposes(best):
        notes.append(f"Its description speaks of {' and '.join(purposes)}: see whether it is what you mean.")
    if len(best.slices) == 1:
        notes.append("The study has a single slice of this kind: volumes are those of the slice.")
    elif len(best.slices) < WHOLE_SLICES:
        notes.append(f"The stack has {len(best.slices)} slices: volumes are those of the slices.")
    elsewhere = tuple(other.number for other in stacks if _has_more(best, other))
    if elsewhere:
        notes.append(
            f"Stack {', '.join(map(str, elsewhere))} has slices that the stack lacks, on another grid or of "
            "another pulse sequence: they were left out, and volumes lack them."
        )
    why = (
        f"Of {len(able)} that could serve, number {best.number} ranks first."
        if rest
        else "The only one that serves."
    )
    return Choice(best, why, tuple(notes), elsewhere)


def named(folder: Path, stacks: Sequence[Stack], number: int) -> Choice:
    """The stack of that number. Raises :class:`InputError` if there is none."""
    if not 1 <= number <= len(stacks):
        raise InputError(
            f"{folder} holds no stack {number}: expected a number from 1 to {len(stacks)}; septum info lists "
            "them."
        )
    stack = stacks[number - 1]
    return Choice(stack, "It was asked for.", stack.notes)


def _is_cine(stack: Stack) -> bool:
    if stack.kind not in ("cine", "still"):
        return False
    oblique = stack.orientation == "oblique" and len(stack.slices) >= OBLIQUE_SLICES
    return stack.orientation == "short axis" or oblique


def _cine_rank(stack: Stack) -> tuple[Any, ...]:
    slices = len(stack.slices)
    return (
        stack.phases > 1,
        not _other_purposes(stack),
        stack.orientation == "short axis",
        slices >= WHOLE_SLICES,
        stack.original,
        not beyond_a_beat(stack),
        slices,
        stack.phases,
        "short axis" in stack.hints,
        *_latest(stack),
    )


def _is_gadolinium(stack: Stack) -> bool:
    if stack.phases > 1 or len(stack.slices) < LEAST_GADOLINIUM_SLICES:
        return False
    if stack.kind == "late gadolinium":
        return True
    return stack.kind in ("still", "real part") and "late gadolinium" in stack.hints


def _gadolinium_rank(stack: Stack) -> tuple[Any, ...]:
    return (
        stack.first.component == "magnitude",
        stack.kind == "late gadolinium",
        stack.original,
        len(stack.slices),
        "late gadolinium" in stack.hints,
        *_latest(stack),
    )


def _other_purposes(stack: Stack) -> list[str]:
    return [purpose for purpose in OTHER_PURPOSES if purpose in stack.hints]


def _has_more(stack: Stack, other: Stack) -> bool:
    """Whether another stack is a slice or two of the same kind that would fill this one or continue it."""
    return (
        other is not stack
        and len(other.slices) <= FEW_SLICES < len(stack.slices)
        and other.kind == stack.kind
        and not _other_purposes(other)
        and LEAST_SHARE * stack.phases <= other.phases
        and abs(float(stack.first.normal @ other.first.normal)) > PARALLEL
        and all(is_lacking(stack, frames[0], SAME_CENTRE_MM) for frames in other.slices)
    )


def _latest(stack: Stack) -> tuple[Any, ...]:
    """The later acquisition; of one acquisition, the series with the smaller number: it was there first."""
    acquired = max(frame.acquired for frame in stack.frames)
    return (acquired, -min(stack.series, default=0), -stack.number)


def _rivals(best: Stack, rest: Sequence[Stack]) -> list[str]:
    """What to say of other stacks at the same place."""
    notes = []
    for other in rest:
        if other.kind != best.kind or not _same_place(best, other):
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
    within = max(10 * SAME_SLICE_MM, (one.step_mm or 0.0) / 2)
    shared = sum(any(abs(a - b) <= within for b in other.depths_mm) for a in one.depths_mm)
    return 2 * shared > max(len(one.slices), len(other.slices))


def _refusal(folder: Path, scan: Scan, stacks: Sequence[Stack], wanted: Wanted) -> str:
    """Why nothing of a folder will do, and what to do about it."""
    asked = "a short-axis cine" if wanted == "cine" else "a late-gadolinium stack"
    if not stacks:
        return (
            f"{folder} holds no MR image that can be used: expected {asked}, and found {scan.files} DICOM "
            f"files, {scan.told() or 'none of them an image'}; give the folder that holds the MR images."
        )
    counts = Counter(f"{stack.orientation} {stack.kind}" for stack in stacks)
    found = ", ".join(f"{what}: {n}" for what, n in counts.most_common(6))
    damaged = f" and {scan.damaged} damaged files" if scan.damaged else ""
    return (
        f"{folder} holds no {asked.removeprefix('a ')}: expected parallel slices of that kind, and found "
        f"only other stacks ({found}){damaged}; give the folder that holds the right series, or take one of "
        "these with septum convert --stack."
    )
