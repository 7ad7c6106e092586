"""A study beside the groups of ACDC, as the JSON holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from septum.core import Note
from septum.core.pattern import Criterion, Group, Met
from septum.workflows.record_part import DIGITS, Part, rounded

if TYPE_CHECKING:
    from septum.core.pattern import Pattern


class PatternRecord(Part):
    """Criteria, probabilities and a set; see :class:`septum.core.pattern.Pattern`."""

    criteria: tuple[Criterion, ...]
    groups: dict[Group, Met]
    probabilities: dict[Group, float]
    most_like: Group | None
    likely: tuple[Group, ...]
    coverage: float | None
    masks: str | None
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, pattern: Pattern) -> PatternRecord:
        """Take over a pattern, rounded."""
        return cls(
            criteria=tuple(
                replace(one, value=rounded(one.value), probability=rounded(one.probability))
                for one in pattern.criteria
            ),
            groups=dict(pattern.groups),
            probabilities={name: round(share, DIGITS) for name, share in pattern.probabilities.items()},
            most_like=pattern.most_like,
            likely=pattern.likely,
            coverage=pattern.coverage,
            masks=pattern.masks,
            notes=pattern.notes,
        )
