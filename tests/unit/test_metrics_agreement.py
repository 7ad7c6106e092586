"""Bland-Altman agreement, worked by hand."""

import math

import pytest

from septum.metrics.agreement import agreement

MANUAL = (100.0, 110.0, 120.0, 130.0)
AUTOMATIC = (98.0, 112.0, 114.0, 128.0)
# Differences 2, -2, 6, 2: mean 2; deviations 0, -4, 4, 0: squares add to 32, over 3: SD 3.265986.
SD = math.sqrt(32 / 3)
T_3 = 3.182446  # t quantile .975 at 3 degrees of freedom, from a table
T_1 = 12.706205


def test_bias_is_manual_minus_automatic_and_the_limits_lie_1_96_sd_from_it():
    found = agreement(MANUAL, AUTOMATIC)
    assert found.difference_ml == (2.0, -2.0, 6.0, 2.0)
    assert found.mean_ml == (99.0, 111.0, 117.0, 129.0)
    assert found.bias_ml.value == 2.0
    assert found.sd_ml == pytest.approx(SD)
    assert found.lower_ml.value == pytest.approx(2 - 6.401333, abs=1e-5)
    assert found.upper_ml.value == pytest.approx(2 + 6.401333, abs=1e-5)


def test_intervals_follow_from_the_standard_errors_of_bias_and_limits():
    found = agreement(MANUAL, AUTOMATIC)
    # Bias: SD / 2 = 1.632993, times 3.182446. Limit: SD * sqrt(1/4 + 3.8416/6) = SD * .943539.
    assert found.bias_ml.low == pytest.approx(2 - 5.196910, abs=1e-4)
    assert found.bias_ml.high == pytest.approx(2 + 5.196910, abs=1e-4)
    half = T_3 * SD * 0.943539
    assert found.upper_ml.high - found.upper_ml.value == pytest.approx(half, abs=1e-4)
    assert found.lower_ml.value - found.lower_ml.low == pytest.approx(half, abs=1e-4)


def test_two_points_of_each_patient_widen_the_intervals_and_leave_bias_and_limits():
    points = agreement(MANUAL, AUTOMATIC)
    patients = agreement(MANUAL, AUTOMATIC, units=2)
    assert patients.units == 2
    assert (patients.bias_ml.value, patients.sd_ml) == (points.bias_ml.value, points.sd_ml)
    assert patients.lower_ml.value == points.lower_ml.value
    assert patients.bias_ml.high - 2 == pytest.approx(T_1 * SD / math.sqrt(2), abs=1e-4)
    half = T_1 * SD * math.sqrt(1 / 2 + 3.8416 / 2)
    assert patients.upper_ml.high - patients.upper_ml.value == pytest.approx(half, abs=1e-3)


def test_a_lower_confidence_narrows_the_intervals():
    # t quantile .90 at 3 degrees of freedom: 1.637744.
    found = agreement(MANUAL, AUTOMATIC, confidence=0.8)
    assert found.bias_ml.high - 2 == pytest.approx(1.637744 * SD / 2, abs=1e-5)


@pytest.mark.parametrize(
    ("manual", "automatic", "units"),
    [([1.0], [1.0], None), ([1.0, 2.0], [1.0], None), (MANUAL, AUTOMATIC, 1), (MANUAL, AUTOMATIC, 5)],
)
def test_what_has_no_spread_or_no_pairs_is_refused(manual, automatic, units):
    with pytest.raises(ValueError, match="expected"):
        agreement(manual, automatic, units=units)
