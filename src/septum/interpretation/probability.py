"""How probable it is that a true value lies outside of limits, from what such measurements were off by.

Two things are known of a true value. One is the error: of n errors with mean m and standard deviation s, the
next one is m plus s sqrt(1 + 1/n) times a Student's t with n - 1 degrees of freedom. The other is how common
a value is among patients: a density with a normal kernel around quantiles of true values, to which a small
constant is added, so that no value is impossible. Their product, scaled to an integral of 1, is the density
of the true value.

Sources: Geisser S. Predictive Inference: An Introduction. Chapman and Hall 1993, on the predictive
distribution of a normal sample; Efron B. Large-Scale Inference. Cambridge University Press 2010, chapter 1,
on priors from the data of others; Silverman BW. Density Estimation. Chapman and Hall 1986, 3.4.2, equation
3.28, on the width of the kernel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import MeasuredError

    Floats = NDArray[np.float64]

#: The density is computed within so many standard deviations of the error, at so many points.
_REACH, _POINTS = 10.0, 401
#: Of the rule for the kernel's width.
_SILVERMAN = 1.06
#: Constant density of a value that no patient had, over the standard deviation of the patients' values.
_UNHEARD_OF = 0.02


def p_outside(value: float, low: float, high: float, error: MeasuredError) -> tuple[float, float]:
    """Give the probability that the true value lies below, and that it lies above a range.

    Args:
        value: as measured.
        low: limit of the range, in the unit of the value.
        high: the other limit.
        error: of such measurements. A ratio takes values above 0.

    >>> from septum.core import MeasuredError
    >>> error = MeasuredError("difference", mean=-2.0, sd=3.0, patients=20)
    >>> [round(p, 2) for p in p_outside(48.0, 50.0, 74.0, error)]  # 2 points are usually missing
    [0.5, 0.0]
    """
    ((below, above),) = p_outside_each(value, [(low, high)], error)
    return below, above


def p_outside_each(
    value: float, ranges: Sequence[tuple[float, float]], error: MeasuredError
) -> list[tuple[float, float]]:
    """Do so for several ranges of one value.

    Args:
        value: as measured.
        ranges: limits of each, the lower one first.
        error: of such measurements.
    """
    middle = _scaled(value, error) - error.mean
    spread = max(error.sd, 1e-9) * math.sqrt(1.0 + 1.0 / error.patients)
    offsets = np.linspace(-_REACH, _REACH, _POINTS)
    freedom = error.patients - 1
    density = (1.0 + offsets**2 / freedom) ** (-(freedom + 1) / 2)
    if error.usual:
        usual = np.array([_scaled(one, error) for one in error.usual])
        density = density * _commonness(middle + spread * offsets, usual)
    steps = (density[1:] + density[:-1]) / 2
    shares = np.concatenate(([0.0], np.cumsum(steps))) / steps.sum()
    limits = [[(_scaled(limit, error) - middle) / spread for limit in pair] for pair in ranges]
    return [(float(below), float(1.0 - up)) for below, up in np.interp(limits, offsets, shares)]


def _scaled(number: float, error: MeasuredError) -> float:
    if error.kind == "difference":
        return number
    return math.log(number) if number > 0 else -math.inf


def _commonness(values: Floats, usual: Floats) -> Floats:
    """Give the density of values among patients, up to a factor."""
    sd = usual.std(ddof=1)
    width = _SILVERMAN * sd * len(usual) ** -0.2
    away = (values[:, None] - usual) / width
    kernels: Floats = np.exp(-0.5 * away**2).mean(axis=1) / (width * math.sqrt(2.0 * math.pi))
    return kernels + _UNHEARD_OF / sd
