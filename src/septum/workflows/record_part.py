"""What every part of the JSON shares."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

#: Digits after the point, in files: more than a mask can carry.
DIGITS = 4


class Part(BaseModel):
    """A part of the JSON; its check is built when the first one is made, and never where none is."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def rounded(value: float | None) -> float | None:
    """Round a number as files hold it; ``None`` stays ``None``.

    >>> rounded(1.23456)
    1.2346
    """
    return None if value is None else round(value, DIGITS)
