"""How far a mean over patients can be trusted: its interval by the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWS = 2000
CONFIDENCE = 0.95
#: Of fewer patients no interval is shown: the signed-rank test allows none of 95 % (1 - 2 / 2^5 is .9375).
LEAST_PATIENTS = 6


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``."""

    low: float
    high: float


def mean_interval(
    values: Sequence[float],
    patients: Sequence[str],
    rng: np.random.Generator,
    *,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
) -> Interval | None:
    """Percentile interval of the mean, patients drawn with replacement, each with all its values.

    Values of one patient are not independent of each other, so it is not they that are drawn.

    Args:
        values: what the mean is of.
        patients: whose value each is, in the same order.
        rng: source of the draws.
        draws: number of samples of as many patients as there are.
        confidence: share of the samples' means inside, half of the rest on each side.

    Returns:
        The interval; ``None`` with fewer than two patients.

    Raises:
        ValueError: the sequences differ in length.

    References:
        Efron B, Tibshirani RJ. An Introduction to the Bootstrap, 1993, chapter 13.

    >>> mean_interval([0.9, 0.9], ["a", "b"], np.random.default_rng(0))
    Interval(low=0.9, high=0.9)
    """
    if len(values) != len(patients):
        raise ValueError(f"expected a patient for each of {len(values)} values, got {len(patients)}")
    names = list(dict.fromkeys(patients))
    if len(names) < 2:
        return None
    owner = np.array([names.index(patient) for patient in patients])
    sums, counts = np.bincount(owner, weights=values), np.bincount(owner)
    drawn = rng.integers(len(names), size=(draws, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return Interval(low, high)
