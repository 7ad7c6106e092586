"""How sure a mean over patients is, without assuming a distribution's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.metrics.agreement import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Samples that are drawn.
SAMPLES = 2000


def bootstrap_mean(
    values: Sequence[float], rng: np.random.Generator, *, confidence: float = 0.95
) -> Estimate:
    """The mean, and the percentile interval of the means of samples drawn with replacement.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Args:
        values: one a patient, at least one; of a single one the interval has no width.
        rng: source of the samples.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("expected at least one value, got none")
    array = np.asarray(values, dtype=float)
    means = array[rng.integers(len(array), size=(SAMPLES, len(array)))].mean(axis=1)
    tail = 50 * (1 - confidence)
    low, high = (float(p) for p in np.percentile(means, (tail, 100 - tail)))
    return Estimate(float(array.mean()), low, high)
