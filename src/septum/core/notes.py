"""What a user should know beside the numbers, and where a value came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Level(StrEnum):
    """How much attention a note asks for."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class Note:
    """One thing that a user should know: a key for programs, one sentence for people.

    Attributes:
        key: stable name such as ``frame_times_missing``; programs and tests look at it, not at the text.
        text: one plain sentence with its numbers.
        level: ``INFO``, or ``WARNING`` where the user should check something.

    >>> str(Note("one_frame", "There is one frame."))
    'There is one frame.'
    """

    key: str
    text: str
    level: Level = Level.INFO

    def __str__(self) -> str:
        """Give the sentence."""
        return self.text


class Source(StrEnum):
    """Where a value came from: the user, the file, or a computation from other values."""

    GIVEN = "given"
    FILE = "file"
    DERIVED = "derived"


@dataclass(frozen=True)
class Known(Generic[T_co]):
    """A value that carries its source.

    >>> Known(66.0, Source.GIVEN).source.value
    'given'
    """

    value: T_co
    source: Source


def value_of(known: Known[T_co] | None) -> T_co | None:
    """Take the value without its source; ``None`` stays ``None``.

    >>> value_of(Known(66.0, Source.FILE))
    66.0
    """
    return None if known is None else known.value
