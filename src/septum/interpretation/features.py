"""The numbers by which ACDC's groups differ, from the indices of a mask."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Indices

#: Names in the order of the coefficients; ``_m2`` is by square metre of body surface area by Du Bois.
FEATURES = (
    "lv_edv_ml_m2", "lv_esv_ml_m2", "lv_ef_percent", "rv_edv_ml_m2", "rv_esv_ml_m2", "rv_ef_percent",
    "lv_mass_g_m2", "mass_to_volume_g_ml", "rv_to_lv_volume", "thickest_wall_mm", "wall_sd_mm",
    "thickening_sd_percent", "weak_segments",
)  # fmt: skip
#: A segment that thickens by less, in percent, contracts abnormally.
WEAK_PERCENT = 20.0
#: Of 16 segments, so many must have a thickness and a thickening.
LEAST_SEGMENTS = 12


def features_of(indices: Indices, area_m2: float | None) -> dict[str, float | None]:
    """Give each feature of a mask of end-diastole and end-systole; ``None`` where one is not known.

    Args:
        indices: of the mask.
        area_m2: body surface area by Du Bois, if known.
    """
    wall = indices.wall
    thick = [] if wall is None else _known(wall.end_diastolic_mm)
    thickening = [] if wall is None else _known(wall.thickening_percent)
    return features_from({item.key: item.value for item in indices.items}, thick, thickening, area_m2)


def features_from(
    values: Mapping[str, float | None], thick_mm: list[float], thickening_percent: list[float],
    area_m2: float | None,
) -> dict[str, float | None]:  # fmt: skip
    """Give each feature of values by their keys.

    Args:
        values: of indices.
        thick_mm: of the wall at end-diastole, of each segment that is known.
        thickening_percent: likewise.
        area_m2: body surface area by Du Bois, if known.

    >>> found = features_from({"lv_edv_ml": 190.0, "lv_ef_percent": 60.0}, [8.0] * 16, [], 1.9)
    >>> found["lv_edv_ml_m2"], found["thickest_wall_mm"], found["weak_segments"]
    (100.0, 8.0, None)
    """
    mass, full = values.get("lv_mass_ed_g"), values.get("lv_edv_ml")
    right = values.get("rv_edv_ml")
    has_wall, has_thickening = len(thick_mm) >= LEAST_SEGMENTS, len(thickening_percent) >= LEAST_SEGMENTS
    return {
        "lv_edv_ml_m2": _ratio(full, area_m2),
        "lv_esv_ml_m2": _ratio(values.get("lv_esv_ml"), area_m2),
        "lv_ef_percent": values.get("lv_ef_percent"),
        "rv_edv_ml_m2": _ratio(right, area_m2),
        "rv_esv_ml_m2": _ratio(values.get("rv_esv_ml"), area_m2),
        "rv_ef_percent": values.get("rv_ef_percent"),
        "lv_mass_g_m2": _ratio(mass, area_m2),
        "mass_to_volume_g_ml": _ratio(mass, full),
        "rv_to_lv_volume": _ratio(right, full),
        "thickest_wall_mm": max(thick_mm) if has_wall else None,
        "wall_sd_mm": statistics.stdev(thick_mm) if has_wall else None,
        "thickening_sd_percent": statistics.stdev(thickening_percent) if has_thickening else None,
        "weak_segments": float(sum(v < WEAK_PERCENT for v in thickening_percent)) if has_thickening else None,
    }


def _known(values: tuple[float | None, ...]) -> list[float]:
    return [value for value in values if value is not None]


def _ratio(value: float | None, by: float | None) -> float | None:
    return None if value is None or not by else value / by
