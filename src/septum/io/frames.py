"""Which frames of a cine are to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable


def frames_to_write(asked: Iterable[int] | None, count: int) -> tuple[int, ...]:
    """The frames asked for, from 0 and in order; all of them where none is named.

    Raises:
        InputError: a frame is not among the ``count`` of the cine, or the list is empty.
    """
    frames = tuple(range(count)) if asked is None else tuple(sorted(set(asked)))
    if not frames or frames[0] < 0 or frames[-1] >= count:
        raise InputError(
            f"expected frames between 0 and {count - 1}, got {list(frames)}; "
            "ask for frames that the image has, counted from 0."
        )
    return frames
