"""What makers tell in private elements alone: the component of GE's images, and what flow was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.tag import Tag

if TYPE_CHECKING:
    from pydicom import Dataset

_CREATOR = Tag(0x0043, 0x0010)
_IMAGE_TYPE = Tag(0x0043, 0x102F)
_VAS_COLLAPSE = Tag(0x0043, 0x1030)
PRIVATE_TAGS = [_CREATOR, _IMAGE_TYPE, _VAS_COLLAPSE]

#: GEMS_PARM_01, "image type": 0 is the magnitude; phase, real and imaginary part are these.
_COMPONENTS = {1: "map", 2: "real", 3: "real"}
#: "vas collapse flag": magnitude, and the three directions of velocity, of flow measurements; newer scanners
#: count from 2, older ones from 8.
_FLOW_MAGNITUDE = (2, 8)
_VELOCITY = (3, 4, 5, 9, 10, 11)


def private_component(header: Dataset) -> str | None:
    """``map`` or ``real`` of an image whose public header is silent on it; ``None`` of all others."""
    if _number(header, _VAS_COLLAPSE) in _VELOCITY:
        return "map"
    return _COMPONENTS.get(_number(header, _IMAGE_TYPE) or 0)


def tells_of_flow(header: Dataset) -> bool:
    """Whether an image is one of a flow measurement: its magnitude or a velocity."""
    return _number(header, _VAS_COLLAPSE) in (*_FLOW_MAGNITUDE, *_VELOCITY)


def _number(header: Dataset, tag: int) -> int | None:
    """An element of GE's as a whole number, also where its representation was lost on the way."""
    if (
        tag not in header
        or str(header[_CREATOR].value if _CREATOR in header else "").strip() != "GEMS_PARM_01"
    ):
        return None
    value = header[tag].value
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little", signed=True) if len(value) >= 2 else None
    return value if isinstance(value, int) else None
