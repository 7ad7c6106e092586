"""Files that one image is spread over, as NRRD and MetaImage name them: by a numbered pattern."""

from __future__ import annotations

import re

#: Files that one image may be spread over.
MOST_FILES = 10_000
#: A pattern of C's ``printf``, the first and last number, their step, and (of NRRD) the axes in each file.
_PATTERN = re.compile(r"(.*?)%(0?)(\d{0,2})d(.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(?:\s+\d+)?")


def numbered_names(text: str) -> tuple[str, ...] | None:
    """Spell out a numbered pattern; ``None`` for text that is none.

    No more than one name beyond :data:`MOST_FILES` is given, whatever the numbers are.

    Raises:
        ValueError: the step is 0.

    >>> numbered_names("slice%03d.raw 8 12 2")
    ('slice008.raw', 'slice010.raw', 'slice012.raw')
    """
    found = _PATTERN.fullmatch(text)
    if found is None:
        return None
    before, zeros, width, after = found.groups()[:4]
    first, last, step = (int(number) for number in found.groups()[4:])
    numbers = range(first, last + (1 if step > 0 else -1), step)
    return tuple(f"{before}{number:{zeros}{width}d}{after}" for number in numbers[: MOST_FILES + 1])
