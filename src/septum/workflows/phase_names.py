"""What names of files, and the ``Info.cfg`` of ACDC, say about the phase of a frame."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: The lines of ACDC's ``Info.cfg`` that number its phases, from 1.
_INFO = re.compile(r"^(ED|ES):\s*(\d+)\s*$", re.MULTILINE)
_ACDC_FRAME = re.compile(r"^patient\d+_frame\d+", re.IGNORECASE)
#: A phase, or a frame counted from 1 as in ACDC, at the end of a name or before what names a mask.
_IN_NAME = re.compile(r"(?:^|[_\-. ])(ED|ES|frame[_-]?(\d+))(?=$|[_\-. ])", re.IGNORECASE)


@dataclass(frozen=True)
class NamedFrame:
    """What a name says of a single frame.

    Attributes:
        base: the name before it.
        phase: ``ED`` or ``ES``; empty where the name has a number instead.
        number: of the frame, from 1; ``None`` where the name has a phase.
        ends: whether nothing follows.
    """

    base: str
    phase: str
    number: int | None
    ends: bool


def named_frame(name: str) -> NamedFrame | None:
    """Find the phase or the number of a frame in a name without ending; ``None`` where it has neither.

    >>> named_frame("p01_frame04_gt")
    NamedFrame(base='p01', phase='', number=4, ends=False)
    >>> named_frame("p01_ed").phase, named_frame("bed")
    ('ED', None)
    """
    found = _IN_NAME.search(name)
    if found is None:
        return None
    number = None if found[2] is None else int(found[2])
    phase = found[1].upper() if number is None else ""
    return NamedFrame(name[: found.start()], phase, number, found.end() == len(name))


def without_frame(name: str) -> str:
    """Take the frame or the phase out of a mask's name: ``a_ED`` and ``a_frame01`` are frames of ``a``.

    >>> without_frame("patient101_frame01")
    'patient101'
    """
    return _IN_NAME.sub("", name)


def is_acdc_frame(path: Path) -> bool:
    """Tell a frame of ACDC by its name, such as ``patient101_frame01.nii.gz``."""
    return _ACDC_FRAME.match(path.name) is not None


def acdc_phases(folder: Path) -> dict[int, str]:
    """Read which frames, from 1, are ``ED`` and ``ES`` by the ``Info.cfg`` of a patient of ACDC.

    Args:
        folder: of the patient.

    Returns:
        Empty where there is no such file.
    """
    with suppress(OSError):
        text = (folder / "Info.cfg").read_text(encoding="utf-8", errors="replace")
        return {int(number): phase for phase, number in _INFO.findall(text)}
    return {}
