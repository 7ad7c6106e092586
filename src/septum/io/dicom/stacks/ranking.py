"""What a stack can serve as, why not, and which of several comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from septum.io.dicom.stacks.stack import FEW_SLICES_WITHIN, WHOLE_SLICES
from septum.io.dicom.stacks.timing import beyond_a_beat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from septum.core import StackKind
    from septum.io.dicom.stacks.stack import Stack

    Rank = tuple[tuple[str, Callable[[Stack], Any]], ...]

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
    """In words, the first thing in which the best stack is before another."""
    return next(words for words, value in ORDER[wanted] if value(best) != value(other))
