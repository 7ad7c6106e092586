"""A volume-time curve made smooth, its rates, and how rough it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Harmonics of the heart beat that a curve is fitted with, at most.
MOST_HARMONICS = 5
#: Frames for each harmonic, one for the mean aside: more than two, so that the fit smooths.
FRAMES_A_HARMONIC = 3
#: A beat with fewer frames has no rates.
LEAST_FOR_RATES = 10
_STEPS = 4000


@dataclass(frozen=True)
class PeriodicCurve:
    """A Fourier series of low order: mean + sum of c_k cos(k w t) + s_k sin(k w t), w = 2 pi / cycle.

    Attributes:
        cycle_ms: duration of the beat.
        mean_ml: the constant term.
        cosine_ml, sine_ml: coefficients of the harmonics 1, 2, ...
    """

    cycle_ms: float
    mean_ml: float
    cosine_ml: Floats
    sine_ml: Floats

    @classmethod
    def fit(cls, volumes_ml: Sequence[float], times_ms: Sequence[float], cycle_ms: float) -> PeriodicCurve:
        """Fit by least squares, with min(5, (frames - 1) // 3) harmonics.

        Source: Bacharach SL et al. Optimum Fourier filtering of cardiac data: a minimum-error method. J Nucl
        Med 1983; 24:1176-1184, which finds that so few harmonics carry a ventricle's volume curve.

        Args:
            volumes_ml: one a frame, in ml.
            times_ms: of each frame, in ms.
            cycle_ms: duration of the beat, in ms.

        >>> times_ms = np.arange(12) * 75.0
        >>> volumes_ml = 100.0 + 30.0 * np.cos(2.0 * np.pi * times_ms / 900.0)
        >>> curve = PeriodicCurve.fit(volumes_ml, times_ms, 900.0)
        >>> round(curve.mean_ml), round(float(curve.cosine_ml[0]))
        (100, 30)
        """
        orders = np.arange(1, 1 + min(MOST_HARMONICS, (len(volumes_ml) - 1) // FRAMES_A_HARMONIC))
        angle = 2.0 * np.pi / cycle_ms * np.asarray(times_ms, float)[:, None] * orders
        design = np.hstack([np.ones((len(volumes_ml), 1)), np.cos(angle), np.sin(angle)])
        found = np.linalg.lstsq(design, np.asarray(volumes_ml, float), rcond=None)[0]
        return cls(cycle_ms, float(found[0]), found[1 : 1 + len(orders)], found[1 + len(orders) :])

    def volume_ml(self, times_ms: Floats) -> Floats:
        """Volume at these times."""
        angle, _ = self._angles(times_ms)
        return self.mean_ml + np.cos(angle) @ self.cosine_ml + np.sin(angle) @ self.sine_ml

    def rate_ml_per_s(self, times_ms: Floats) -> Floats:
        """Slope at these times, positive while the ventricle fills."""
        angle, per_ms = self._angles(times_ms)
        return 1000.0 * (np.cos(angle) @ (per_ms * self.sine_ml) - np.sin(angle) @ (per_ms * self.cosine_ml))

    def _angles(self, times_ms: Floats) -> tuple[Floats, Floats]:
        per_ms: Floats = np.arange(1.0, 1.0 + len(self.cosine_ml)) * (2.0 * np.pi / self.cycle_ms)
        return np.asarray(times_ms, np.float64)[..., None] * per_ms, per_ms


@dataclass(frozen=True)
class PeakRates:
    """The fastest ejection and the fastest filling.

    Attributes:
        ejection_ml_s, filling_ml_s: both positive.
        ejection_ms: from end-diastole.
        filling_ms: from end-systole.
    """

    ejection_ml_s: float
    ejection_ms: float
    filling_ml_s: float
    filling_ms: float


def peak_rates(curve: PeriodicCurve, end_diastole_ms: float, end_systole_ms: float) -> PeakRates:
    """Find the steepest fall from end-diastole to end-systole, and the steepest rise back to end-diastole.

    Args:
        curve: LV volume over the beat.
        end_diastole_ms: time of end-diastole on the curve, in ms.
        end_systole_ms: time of end-systole, in ms.

    >>> curve = PeriodicCurve(1000.0, 100.0, np.array([50.0]), np.array([0.0]))  # 100 + 50 cos(2 pi t)
    >>> rates = peak_rates(curve, 0.0, 500.0)
    >>> round(rates.ejection_ml_s), round(rates.ejection_ms)  # 50 * 2 pi, half way down
    (314, 250)
    """
    systole_ms = (end_systole_ms - end_diastole_ms) % curve.cycle_ms
    falling = np.linspace(0.0, systole_ms, _STEPS)
    rising = np.linspace(0.0, curve.cycle_ms - systole_ms, _STEPS)
    ejection = -curve.rate_ml_per_s(end_diastole_ms + falling)
    filling = curve.rate_ml_per_s(end_systole_ms + rising)
    out, back = int(ejection.argmax()), int(filling.argmax())
    return PeakRates(float(ejection[out]), float(falling[out]), float(filling[back]), float(rising[back]))


def curve_roughness(volumes_ml: Sequence[float]) -> float:
    """Root mean square of the second differences of neighbouring frames over the stroke volume.

    A number without unit: 0 for a straight line, and larger the more the volumes jump from frame to frame. It
    falls with the number of frames of a beat, so that only curves with as many frames can be compared.

    Args:
        volumes_ml: one a frame; the first frame is not taken to follow the last.

    Raises:
        ValueError: there are fewer than three frames.

    >>> curve_roughness([100.0, 80.0, 60.0])
    0.0
    >>> curve_roughness([100.0, 50.0, 100.0])  # the second difference is 100, the stroke volume 50
    2.0
    """
    if len(volumes_ml) < 3:
        raise ValueError(f"expected the volumes of at least three frames, got {len(volumes_ml)}")
    volumes = np.asarray(volumes_ml, float)
    stroke_ml = float(np.ptp(volumes))
    if stroke_ml == 0:
        return 0.0
    return float(np.sqrt(np.mean(np.diff(volumes, 2) ** 2))) / stroke_ml
