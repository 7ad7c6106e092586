"""The time course of one heart beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Share of the beat from end-diastole to end-systole.
SYSTOLE = 0.36
#: Filling of the ventricle through diastole: fast at first, a pause, and the kick of the atrium.
_DIASTOLE = ((0.0, 0.12, 0.3, 0.45, 0.75, 0.9, 1.0), (0.0, 0.1, 0.58, 0.74, 0.79, 0.95, 1.0))


def end_systole(frames: int) -> int:
    """Number (from 0) of the frame that is end-systole, of so many in one beat."""
    return 0 if frames == 1 else max(1, round(SYSTOLE * frames))


def contraction(frames: int) -> NDArray[np.float64]:
    """Contraction of the heart in each frame, (T): 0 at end-diastole (frame 0), 1 at end-systole."""
    if frames == 1:
        return np.zeros(1)
    t = np.arange(frames, dtype=float)
    peak = end_systole(frames)
    ejection = 0.5 * (1.0 - np.cos(np.pi * t / peak))
    filling = PchipInterpolator(*_DIASTOLE)(np.clip((t - peak) / (frames - peak), 0.0, 1.0))
    return np.where(t <= peak, ejection, 1.0 - filling)
