"""Which of ACDC's groups a study's numbers are most like: criteria, probabilities and a set. No diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core.notes import Note

#: The groups of patients in ACDC.
Group = Literal["NOR", "MINF", "DCM", "HCM", "RV"]
GROUP_TITLES: Mapping[Group, str] = {
    "NOR": "no abnormal finding",
    "MINF": "heart failure with infarction",
    "DCM": "dilated cardiomyopathy",
    "HCM": "hypertrophic cardiomyopathy",
    "RV": "abnormal right ventricle",
}


class Met(StrEnum):
    """Whether a criterion is met, as far as the measurement can tell."""

    MET = "met"
    NOT_MET = "not_met"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Criterion:
    """One published criterion of a group.

    Attributes:
        group: whose criterion it is.
        text: in words, with its limit.
        value: that was measured, in ``unit``; ``None`` where it is not known.
        unit: of the value.
        met: whether it is met.
        probability: that the true value meets it; ``None`` where the error of the measurement is not known,
            so that the value as measured decides.
    """

    group: Group
    text: str
    value: float | None
    unit: str
    met: Met
    probability: float | None = None


@dataclass(frozen=True)
class Pattern:
    """A study beside the groups of ACDC.

    Attributes:
        criteria: of the groups, in their order.
        groups: whether the criteria of each group are met together.
        probabilities: of each group, by a logistic regression; empty where it could not be asked.
        most_like: the most probable group, unless the set is empty; ``None`` likewise.
        likely: set of groups that holds the true one in ``coverage`` of patients like those of ACDC. An empty
            set says that the study is like none of them.
        coverage: of such sets.
        masks: of which masks the regression was fitted to the indices, ``manual`` or ``predicted``.
        notes: what had to be settled, or why something is missing.
    """

    criteria: tuple[Criterion, ...]
    groups: Mapping[Group, Met]
    probabilities: Mapping[Group, float]
    most_like: Group | None
    likely: tuple[Group, ...]
    coverage: float | None
    masks: str | None
    notes: tuple[Note, ...] = ()
