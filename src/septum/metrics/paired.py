"""Paired comparison of two methods on the same patients, without assuming a distribution's shape."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Differences nearer to zero than this, and differences of magnitudes nearer than this, are ties: it is what
#: remains of equal numbers after averaging, far below what a metric can tell apart.
TIE = 1e-9


@dataclass(frozen=True)
class PairedComparison:
    """First method minus second method over the same patients.

    Attributes:
        n: number of patients.
        shift: Hodges-Lehmann estimate, the median of the Walsh averages.
        low, high: interval of the shift.
        confidence: of that interval, between 0 and 1: at least what was asked for, unless ``n`` is too small
            for that, and then all that ``n`` allows.
        p_value: two-sided, of the Wilcoxon signed-rank test.
    """

    n: int
    shift: float
    low: float
    high: float
    confidence: float
    p_value: float


def compare_paired(
    first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95
) -> PairedComparison:
    """Wilcoxon's signed-rank test, and the shift between two methods with its interval.

    The interval inverts the signed-rank test: it runs from the k-th smallest to the k-th largest of the
    n (n + 1) / 2 Walsh averages (means of two differences, each with itself too), where k is the largest
    number with 2 P(T < k) <= 1 - confidence under the exact null distribution of the signed-rank sum T.
    Without ties that is exact. Differences of zero stay among the Walsh averages; the test itself leaves them
    out. It is exact up to 50 differences without ties; else it takes the normal approximation, corrected for
    continuity.

    Args:
        first: one value a patient.
        second: the same of the other method, in the same order.
        confidence: asked for, between 0 and 1.

    Raises:
        ValueError: the sequences differ in length or are empty.

    References:
        Wilcoxon F. Biometrics Bulletin 1945; 1:80-83.
        Hodges JL, Lehmann EL. Ann Math Stat 1963; 34:598-611.
        Hollander M, Wolfe DA. Nonparametric Statistical Methods, section 3.3 (interval).

    >>> found = compare_paired([3.0, 4.0, 5.0], [2.0, 2.0, 2.0])  # differences 1, 2, 3
    >>> found.n, found.shift
    (3, 2.0)
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"expected pairs of values, got {len(first)} and {len(second)} values")
    differences = [_snapped(a - b) for a, b in zip(first, second, strict=True)]
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(differences, 2))
    below = np.cumsum(_signed_rank_distribution(len(differences)))  # below[k - 1] is P(T < k)
    k = max(int(np.searchsorted(below, (1 - confidence) / 2, side="right")), 1)
    return PairedComparison(
        n=len(differences),
        shift=float(np.median(walsh)),
        low=float(walsh[k - 1]),
        high=float(walsh[-k]),
        confidence=max(1 - 2 * float(below[k - 1]), 0.0),
        p_value=_p_value([d for d in differences if d != 0]),
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust P values for their number by Holm's step-down procedure, in the order given.

    References:
        Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979; 6:65-70.

    >>> holm([0.01, 0.5])  # the smaller one doubled, the larger one as it is
    (0.02, 0.5)
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min((len(p_values) - step) * p_values[index], 1.0))
        adjusted[index] = largest
    return tuple(adjusted)


def _p_value(differences: list[float]) -> float:
    """Of the test on differences of which none is zero; 1 where there are none."""
    if not differences:
        return 1.0
    magnitudes = sorted(map(abs, differences))
    tied = any(b - a < TIE for a, b in itertools.pairwise(magnitudes))
    if tied or len(differences) > 50:
        return float(stats.wilcoxon(differences, method="approx", correction=True).pvalue)
    return float(stats.wilcoxon(differences, method="exact").pvalue)


def _signed_rank_distribution(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """P(T = t) for t = 0 .. n (n + 1) / 2, where T sums each rank with probability one half."""
    probabilities = np.ones(1)
    for rank in range(1, n + 1):
        with_rank = np.concatenate([np.zeros(rank), probabilities])
        probabilities = (np.concatenate([probabilities, np.zeros(rank)]) + with_rank) / 2
    return probabilities


def _snapped(difference: float) -> float:
    return 0.0 if abs(difference) < TIE else difference
