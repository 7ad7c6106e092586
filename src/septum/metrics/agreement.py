"""Agreement of two measurements of the same volumes, after Bland and Altman."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Standard deviations between the bias and each limit: 95 % of normally distributed differences lie between.
LIMIT_SD = 1.96


@dataclass(frozen=True)
class Estimate:
    """A value and its confidence interval, all in the unit of the value."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Bland-Altman agreement of manual and automatic volumes.

    Attributes:
        mean_ml: of the two measurements of each point.
        difference_ml: manual minus automatic of each point; positive where the automatic one is too small.
        bias_ml: mean difference.
        lower_ml, upper_ml: limits of agreement, the bias -+ 1.96 SD.
        sd_ml: sample standard deviation of the differences, over all points.
        units: number of independent units (patients) by which the intervals are as wide as they are.
    """

    mean_ml: tuple[float, ...]
    difference_ml: tuple[float, ...]
    bias_ml: Estimate
    lower_ml: Estimate
    upper_ml: Estimate
    sd_ml: float
    units: int


def agreement(
    manual_ml: Sequence[float],
    automatic_ml: Sequence[float],
    *,
    units: int | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Bias and limits of agreement with their confidence intervals.

    With n independent points and SD s of their differences, the variance of the bias is s^2/n and that of a
    limit s^2 (1/n + 1.96^2 / (2 (n - 1))); both intervals take the t quantile at n - 1 degrees of freedom.

    Where one patient gives several points (end-diastole and end-systole), these are not independent. The
    bias and the SD are then still those of all points, for the limits are to hold for a single volume; but
    the intervals are as wide as if there were only as many points as patients, which errs on the wide side.

    Args:
        manual_ml: reference volumes.
        automatic_ml: volumes of the same cases, in the same order.
        units: number of independent units; by default every point is one.
        confidence: of the intervals, between 0 and 1.

    Raises:
        ValueError: the sequences differ in length, have fewer than two points, or ``units`` is below 2 or
            above the number of points.

    References:
        Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res 1999;
        8:135-160, section 2 (limits) and its appendix on their standard error.

    >>> found = agreement([100.0, 120.0, 140.0], [98.0, 116.0, 134.0])
    >>> found.difference_ml, found.bias_ml.value, found.sd_ml
    ((2.0, 4.0, 6.0), 4.0, 2.0)
    >>> round(found.lower_ml.value, 2), round(found.upper_ml.value, 2)  # 4 -+ 1.96 * 2
    (0.08, 7.92)
    """
    if len(manual_ml) != len(automatic_ml) or len(manual_ml) < 2:
        raise ValueError(
            f"expected at least two pairs of volumes, got {len(manual_ml)} and {len(automatic_ml)} volumes"
        )
    n = len(manual_ml) if units is None else units
    if not 2 <= n <= len(manual_ml):
        raise ValueError(f"expected between 2 and {len(manual_ml)} independent units, got {n}")
    pairs = list(zip(manual_ml, automatic_ml, strict=True))
    differences = tuple(manual - automatic for manual, automatic in pairs)
    bias, sd = statistics.fmean(differences), statistics.stdev(differences)
    quantile = float(stats.t.ppf((1 + confidence) / 2, n - 1))
    of_bias = quantile * sd / math.sqrt(n)
    of_limit = quantile * sd * math.sqrt(1 / n + LIMIT_SD**2 / (2 * (n - 1)))
    return Agreement(
        mean_ml=tuple((manual + automatic) / 2 for manual, automatic in pairs),
        difference_ml=differences,
        bias_ml=_around(bias, of_bias),
        lower_ml=_around(bias - LIMIT_SD * sd, of_limit),
        upper_ml=_around(bias + LIMIT_SD * sd, of_limit),
        sd_ml=sd,
        units=n,
    )


def _around(value: float, half_width: float) -> Estimate:
    return Estimate(value, value - half_width, value + half_width)
