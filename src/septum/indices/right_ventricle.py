"""Where the right ventricle has its own largest and smallest volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.indices.phases import LEAST_NOISE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import CardiacPhases


def own_extremes_note(volumes_ml: Sequence[float], phases: CardiacPhases) -> str:
    """What the RV would have at its own extremes, where it is not at them in the LV's phases; or nothing.

    The ventricles need not be largest and smallest in the same frames, least of all if one of them is ill.
    What a volume is uncertain by anyway (:data:`septum.indices.phases.LEAST_NOISE`) is not told.

    Args:
        volumes_ml: of the RV, one a frame.
        phases: of the LV.
    """
    volumes = np.asarray(volumes_ml, float)
    full, emptied = volumes[phases.end_diastole], volumes[phases.end_systole]
    largest, smallest = int(volumes.argmax()), int(volumes.argmin())
    most, least = volumes[largest], volumes[smallest]
    if full <= 0 or max(most - full, emptied - least) <= LEAST_NOISE * most:
        return ""
    own, told = (100.0 * (a - b) / a for a, b in ((most, least), (full, emptied)))
    return (
        f"RV volumes are those of the LV's end-diastole and end-systole. The RV is largest in frame "
        f"{largest} ({most:.0f} ml) and smallest in frame {smallest} ({least:.0f} ml): between these its "
        f"ejection fraction would be {own:.0f} % instead of {told:.0f} %."
    )
