"""The verdict as files have it: JSON, and cells of the table of studies."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Quality

    #: Of a row of the table of studies.
    Cell = str | int | float | None

#: Columns of the table of studies.
VENTRICLES = ("LV", "RV")
QUALITY_COLUMNS = (
    "verdict", "flags", "estimated_dice",
    *(f"{name.lower()}_ef_{end}_percent" for name in VENTRICLES for end in ("low", "high")),
    *(f"{name.lower()}_verdict" for name in VENTRICLES),
)  # fmt: skip
DIGITS = 4


def quality_document(quality: Quality) -> dict[str, Any]:
    """Write a verdict for JSON; ``None`` for what was not estimated, and for a ventricle that is missing."""
    verdicts = {f"{name.lower()}_verdict": quality.ventricles.get(name) for name in VENTRICLES}
    intervals: dict[str, Any] = {}
    for name in VENTRICLES:
        interval = quality.ejection_fractions.get(name)
        ends = None if interval is None else [_rounded(interval.low_percent), _rounded(interval.high_percent)]
        intervals[f"{name.lower()}_ef_interval_percent"] = ends
        intervals[f"{name.lower()}_ef_interval_coverage"] = _rounded(interval.coverage if interval else None)
        bias = interval.bias if interval else None
        intervals[f"{name.lower()}_ef_bias_points"] = None if bias is None else asdict(bias)
    return {
        "verdict": quality.verdict.value,
        **{key: None if verdict is None else verdict.value for key, verdict in verdicts.items()},
        "flags": [
            {
                "key": flag.key,
                "verdict": flag.verdict.value,
                "reason": flag.reason,
                "value": _rounded(flag.value),
                "limit": _rounded(flag.limit),
                "structures": list(flag.structures),
            }
            for flag in quality.flags
        ],
        "estimated_dice": _rounded(quality.estimated_dice),
        **intervals,
    }


def quality_row(document: Mapping[str, Any] | None) -> dict[str, Cell]:
    """Turn a verdict's document into cells of :data:`QUALITY_COLUMNS`; all empty without a verdict."""
    if document is None:
        return dict.fromkeys(QUALITY_COLUMNS)
    keys = dict.fromkeys(flag["key"] for flag in document["flags"])
    ends = [document[f"{name.lower()}_ef_interval_percent"] or (None, None) for name in VENTRICLES]
    verdicts = (document.get(f"{name.lower()}_verdict") for name in VENTRICLES)  # not in earlier results
    cells = (document["verdict"], ";".join(keys), document["estimated_dice"], *ends[0], *ends[1], *verdicts)
    return dict(zip(QUALITY_COLUMNS, cells, strict=True))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
