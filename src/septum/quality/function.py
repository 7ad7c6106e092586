"""Whether volumes and masses agree with each other, as those of one heart must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Below this, differences of stroke volumes are told as shares of it, so that a weak heart is no fault.
LEAST_STROKE_ML = 30.0
#: A cine with fewer frames has true jumps between them.
LEAST_FRAMES = 10


def stroke_volume_mismatch(lv_ml: float, rv_ml: float) -> float:
    """Difference of the ventricles' stroke volumes, as a share of the larger one.

    Without a shunt and without regurgitation both ventricles pump the same blood.
    """
    return abs(lv_ml - rv_ml) / max(abs(lv_ml), abs(rv_ml), LEAST_STROKE_ML)


def mass_change(diastole_g: float, systole_g: float) -> float:
    """Difference of the myocardial masses of two phases, as a share of their mean; muscle hardly shrinks."""
    return abs(systole_g - diastole_g) / ((systole_g + diastole_g) / 2.0)


def mass_spread(masses_g: Sequence[float]) -> tuple[float, int]:
    """Largest distance of a frame's mass from the median of all, as a share of that, and the frame."""
    masses = np.asarray(masses_g, float)
    middle = float(np.median(masses))
    away = np.abs(masses - middle) / middle if middle > 0 else np.zeros_like(masses)
    return float(away.max()), int(away.argmax())


def curve_jump(volumes_ml: Sequence[float]) -> tuple[float, int] | None:
    """How far a frame's volume is from the mean of its neighbours', as a share of the stroke volume.

    Args:
        volumes_ml: one a frame; the first and the last frame have one neighbour and are not looked at.

    Returns:
        The largest share and its frame; ``None`` with too few frames, or without any stroke.
    """
    volumes = np.asarray(volumes_ml, float)
    stroke = float(np.ptp(volumes))
    if len(volumes) < LEAST_FRAMES or stroke == 0:
        return None
    away = np.abs(volumes[1:-1] - (volumes[:-2] + volumes[2:]) / 2.0) / stroke
    return float(away.max()), int(away.argmax()) + 1
