"""The numbers of a report for machines, in a script element that no browser runs."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.core import Indices, Quality
    from septum.report.pictures import Shown

FORMAT = 1


def study_data(
    shown: Shown,
    times_ms: Sequence[float] | None,
    indices: Indices | None,
    quality: Quality | None,
) -> dict[str, Any]:
    """Grid, structures, times, indices and quality; volumes in ml, times in ms."""
    return {
        "format": FORMAT,
        "frames": shown.frames,
        "slices": shown.slices,
        "spacing_mm": list(shown.geometry.spacing_mm),
        "times_ms": None if times_ms is None else list(times_ms),
        "structures": [s.model_dump() for s in shown.schema.structures],
        "indices": None if indices is None else _plain(dataclasses.asdict(indices)),
        "quality": None if quality is None else _plain(dataclasses.asdict(quality)),
    }


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: nothing in it can end that element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain(value: Any) -> Any:
    """Values that JSON knows: sets as sorted lists, numbers that are none as ``None``."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(_plain(v) for v in value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(value) if hasattr(value, "dtype") else value
