"""Paired comparison: by hand for a few differences, against scipy's test and a textbook's table for more."""

import itertools

import numpy as np
import pytest
from scipy import stats

from septum.metrics.paired import compare_paired, holm


def against_zero(differences, **options):
    return compare_paired(differences, [0.0] * len(differences), **options)


def test_shift_and_interval_are_walsh_averages_by_hand():
    # Differences 1, 2, 6: Walsh averages 1, 1.5, 2, 3.5, 4, 6; median 2.75. P(T = 0) = 1/8.
    found = against_zero([6.0, 1.0, 2.0], confidence=0.75)
    assert (found.n, found.shift) == (3, 2.75)
    assert (found.low, found.high, found.confidence) == (1.0, 6.0, 0.75)
    # At 50 %: P(T <= 1) = 2/8, so that k = 2.
    half = against_zero([6.0, 1.0, 2.0], confidence=0.5)
    assert (half.low, half.high, half.confidence) == (1.5, 4.0, 0.5)


def test_too_few_patients_for_the_confidence_asked_for_give_what_they_can():
    found = against_zero([6.0, 1.0, 2.0])
    assert (found.low, found.high, found.confidence) == (1.0, 6.0, 0.75)


def test_twenty_patients_leave_out_52_walsh_averages_on_either_side():
    # Tables of the signed-rank sum, n = 20, two-sided 5 %: critical value 52, P(T <= 52) = .0242.
    differences = list(np.random.default_rng(3).normal(0.2, 1, 20))
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(differences, 2))
    found = against_zero(differences)
    assert (found.low, found.high) == (walsh[52], walsh[209 - 52])
    assert found.confidence == pytest.approx(1 - 2 * 0.0242, abs=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_zero_exactly_where_the_test_does_not_reject(seed):
    differences = list(np.random.default_rng(seed).normal(0.45, 1, 20))
    found = against_zero(differences)
    assert found.p_value == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)
    assert (found.low <= 0 <= found.high) == (found.p_value > 0.05)


def test_the_exact_p_value_by_hand():
    # Ranks 3, 1, 2 all positive: 2 / 2^3.
    assert against_zero([6.0, 1.0, 2.0]).p_value == 0.25
    # Only rank 1 negative: T = 1, P(T <= 1) = 2/8, two-sided 4/8.
    assert against_zero([6.0, -1.0, 2.0]).p_value == 0.5


def test_ties_take_the_corrected_approximation_and_leave_zeros_to_the_walsh_averages():
    # Magnitudes 1, 1, 2, 3 (zero left out): midranks 1.5, 1.5, 3, 4; negative sum 1.5; mean 5;
    # variance 4*5*9/24 - (8 - 2)/48 = 7.375; z = (5 - 1.5 - .5) / 2.7157 = 1.1047.
    found = compare_paired([1.0, 5.0, 7.0, 8.0, 4.0], [0.0, 6.0, 5.0, 5.0, 4.0])
    assert found.p_value == pytest.approx(2 * stats.norm.sf(3 / 7.375**0.5))
    assert found.n == 5
    # Walsh averages of -1, 0, 1, 2, 3: -1 -.5 0 .5 1 | 0 .5 1 1.5 | 1 1.5 2 | 2 2.5 | 3; the 8th of 15 is 1.
    assert found.shift == 1.0


def test_what_rounding_left_of_equal_values_is_no_difference():
    found = compare_paired([0.1 + 0.2, 0.7], [0.3, 0.7])
    assert (found.shift, found.p_value) == (0.0, 1.0)


def test_a_symmetric_swap_turns_the_sign():
    first, second = [3.0, 1.0, 4.0, 1.5], [2.0, 1.5, 1.0, 2.75]
    one, other = compare_paired(first, second), compare_paired(second, first)
    assert (one.shift, one.low, one.high) == (-other.shift, -other.high, -other.low)
    assert one.p_value == other.p_value


def test_values_that_are_no_pairs_are_refused():
    with pytest.raises(ValueError, match="expected pairs"):
        compare_paired([1.0], [])
    with pytest.raises(ValueError, match="expected pairs"):
        compare_paired([], [])


def test_holm_steps_down_keeps_the_order_and_never_exceeds_one():
    # Sorted .01, .03, .04: times 3, 2, 1: .03, .06, .04, the last raised to .06.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()
