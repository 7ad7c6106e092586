"""Which stack of a study is segmented: what each can serve as, which comes first, why where none will do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from septum.core import InputError, Level, Note
from septum.core.errors import NoStackError, Remedy
from septum.io.dicom.stacks.joining import FEW_SLICES, LEAST_SHARE, is_lacking
from septum.io.dicom.stacks.stack import FEW_SLICES_WITHIN, SAME_SLICE_MM, WHOLE_SLICES
from septum.io.dicom.stacks.timing import beyond_a_beat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from septum.core import StackKind
    from septum.io.dicom.stacks.stack import Stack

    Rank = tuple[tuple[str, Callable[[Stack], Any]], ...]
    from pathlib import Path

    from septum.io.dicom.scanning import ScannedFolder


#: A late-gadolinium stack has at least so many slices.
LEAST_GADOLINIUM_SLICES = 3
#: What a description of short axis may name, too: the view that it was planned on, or where it begins.
ANOTHER_VIEW = "another view"
#: Hints of the headers that a stack was taken for something else than volumes.
OTHER_PURPOSES = ("perfusion", "tagging", "flow", "mapping", ANOTHER_VIEW)

#: The later acquisition; of one acquisition, the series with the smaller number: it was there first.
_LATEST: Rank = (
    ("it was acquired later", lambda s: max(frame.acquired for frame in s.frames)),
    ("the number of its series is smaller", lambda s: -min(s.series, default=0)),
    ("it is listed first", lambda s: -s.number),
)

#: What puts a stack before others, the first thing first: in words, and as a value of which more is better.
ORDER: Mapping[StackKind, Rank] = {
    "cine": (
        ("it has several phases", lambda s: s.phases > 1),
        ("its headers speak of no other purpose", lambda s: not other_purposes(s)),
        ("it is short axis, not oblique", lambda s: s.orientation == "short axis"),
        (f"it has {WHOLE_SLICES} slices or more", lambda s: len(s.slices) >= WHOLE_SLICES),
        ("its description names no other view", lambda s: ANOTHER_VIEW not in s.hints),
        ("it lies nearer to the usual short axis", lambda s: s.tilt_degrees <= FEW_SLICES_WITHIN),
        ("it was measured, not computed", lambda s: s.original),
        ("its phases are of one beat", lambda s: not beyond_a_beat(s) and "real time" not in s.hints),
        ("it has more slices", lambda s: len(s.slices)),
        ("it has more phases", lambda s: s.phases),
        ("its description speaks of no stress", lambda s: "stress" not in s.hints),
        ("its description says short axis", lambda s: "short axis" in s.hints),
        *_LATEST,
    ),
    "late-gadolinium": (
        ("it is the magnitude", lambda s: s.first.component == "magnitude"),
        ("its headers tell of an inversion", lambda s: s.kind == "late gadolinium"),
        ("it was measured, not computed", lambda s: s.original),
        ("it has more slices", lambda s: len(s.slices)),
        ("its description says late gadolinium", lambda s: "late gadolinium" in s.hints),
        *_LATEST,
    ),
}


def unfit(stack: Stack, wanted: StackKind) -> str:
    """Why a stack cannot serve, in a few words; nothing if it can.

    A ``cine`` is short axis by geometry (or, of five and more parallel slices, oblique; or of another
    direction if they have several phases and are described as short axis), magnitude, neither inverted nor
    repeated at one time of the beat; a single phase will do. ``late-gadolinium`` is one phase after an
    inversion, or one whose description says so where no header tells of an inversion.
    """
    if wanted == "cine":
        if stack.kind not in ("cine", "still"):
            return stack.kind
        if stack.orientation == "oblique":
            return f"oblique, fewer than {WHOLE_SLICES} slices" * (len(stack.slices) < WHOLE_SLICES)
        return "" if stack.orientation == "short axis" or said_only(stack) else stack.orientation
    if stack.phases > 1:
        return "several phases"
    if len(stack.slices) < LEAST_GADOLINIUM_SLICES:
        return f"fewer than {LEAST_GADOLINIUM_SLICES} slices"
    told = stack.kind in ("still", "real part") and "late gadolinium" in stack.hints
    return "" if stack.kind == "late gadolinium" or told else "no inversion"


def said_only(stack: Stack) -> bool:
    """Whether a whole cine is short axis by description and not by geometry, as of a heart on the right."""
    return (
        stack.orientation not in ("short axis", "oblique")
        and len(stack.slices) >= WHOLE_SLICES
        and stack.phases > 1
        and "short axis" in stack.hints
        and not other_purposes(stack)
    )


def other_purposes(stack: Stack) -> list[str]:
    """What else than volumes the headers say that a stack is for: no other view if they say short axis."""
    excused = (ANOTHER_VIEW,) if "short axis" in stack.hints else ()
    return [purpose for purpose in OTHER_PURPOSES if purpose in stack.hints and purpose not in excused]


def ranked(stacks: Sequence[Stack], wanted: StackKind) -> list[Stack]:
    """Those that can serve, the best first."""
    able = [stack for stack in stacks if not unfit(stack, wanted)]
    return sorted(able, key=lambda s: tuple(value(s) for _, value in ORDER[wanted]), reverse=True)


def what_decided(best: Stack, other: Stack, wanted: StackKind) -> str:
    """Name, in words, the first thing in which the best stack is before another.

    Args:
        best: the stack that is taken.
        other: one that ranks after it.
        wanted: ``cine`` or ``late-gadolinium``; each has an order of its own.
    """
    return next(words for words, value in ORDER[wanted] if value(best) != value(other))


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


def choose(folder: Path, scan: ScannedFolder, stacks: Sequence[Stack], wanted: StackKind = "cine") -> Choice:
    """Choose the stack to take.

    Of those that can serve (:func:`septum.io.dicom.stacks.choosing.unfit`), the first by
    :data:`septum.io.dicom.stacks.choosing.ORDER`.

    Args:
        folder: of the study, for messages.
        scan: everything that was found in the folder.
        stacks: the images of the folder, grouped.
        wanted: ``cine`` or ``late-gadolinium``.

    Raises:
        NoStackError: there is none of that kind.
        InputError: no stack will do.
    """
    able = ranked(stacks, wanted)
    if not able:
        raise NoStackError(_refusal(folder, scan, stacks, wanted), remedy=Remedy.STACK if stacks else None)
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
    """Take the stack of a number. Raises :class:`InputError` if there is none.

    Args:
        folder: of the study, for messages.
        stacks: the images of the folder, grouped.
        number: of the stack, as the listing shows it.
    """
    if not 1 <= number <= len(stacks):
        raise InputError(
            f"{folder} holds no stack {number}: expected a number from 1 to {len(stacks)}; look at the "
            "list of its stacks, and choose one of them.",
            remedy=Remedy.STACK,
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


def _refusal(folder: Path, scan: ScannedFolder, stacks: Sequence[Stack], wanted: StackKind) -> str:
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
        "these by its number."
    )


def no_image(folder: Path, scan: ScannedFolder, asked: str = "a cardiac MR study") -> str:
    """Write the sentence for a folder without any image that can be used.

    Args:
        folder: of the study.
        scan: everything that was found in the folder.
        asked: what was expected there, in words.
    """
    what = "copy or export the study again" if scan.damaged else "give the folder that holds the MR images"
    files = "1 DICOM file" if scan.files == 1 else f"{scan.files} DICOM files"
    return (
        f"{folder} holds no MR image that can be used: expected {asked}, and found {files}, "
        f"{scan.told() or 'none of them an image'}; {what}."
    )
