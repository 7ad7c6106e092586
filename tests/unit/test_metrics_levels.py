"""Dice by slice level and intervals of means, held against numbers worked by hand."""

import numpy as np
import pytest

from septum.core import InputError
from septum.metrics.bootstrap import Interval, mean_interval
from septum.metrics.levels import level_dice, tapers_backwards


def stack(*counts, width=4):
    """A mask with so many voxels, from the left, in the one row of each slice."""
    return np.arange(width)[None, None] < np.array(counts)[:, None, None]


def test_levels_by_hand():
    # True slices 1 to 6: 1 and 2 are basal, 3 and 4 in the middle, 5 and 6 apical.
    truth = stack(0, 4, 4, 3, 3, 2, 1, 0)
    found = stack(3, 4, 0, 3, 3, 1, 2, 1)
    levels = level_dice(found, truth, backwards=False)
    # basal 2 * 4 / (4 + 8); middle 1; apical 2 * (1 + 1) / (3 + 3); beyond 3 + 1
    assert levels.dice == pytest.approx((2 / 3, 1.0, 2 / 3))
    assert levels.beyond_voxels == 4


def test_backwards_the_first_third_is_at_the_last_slices():
    truth, found = stack(1, 2, 4), stack(1, 1, 0)
    assert level_dice(found, truth, backwards=False).dice == pytest.approx((1.0, 2 / 3, 0.0))
    assert level_dice(found, truth, backwards=True).dice == pytest.approx((0.0, 2 / 3, 1.0))


@pytest.mark.parametrize(
    ("slices", "sizes"),
    [
        (1, (0, 1, 0)),
        (2, (1, 0, 1)),
        (3, (1, 1, 1)),
        (4, (1, 2, 1)),
        (5, (2, 1, 2)),
        (7, (2, 3, 2)),
        (8, (3, 2, 3)),
    ],
)
def test_slices_of_each_third(slices, sizes):
    # With slice z found only, the third that holds z is the one whose Dice is not 0.
    truth = np.ones((slices, 1, 1), bool)
    one_each = [
        level_dice(truth & (np.arange(slices) == z)[:, None, None], truth, backwards=False)
        for z in range(slices)
    ]
    held = [sum(bool(levels.dice[i]) for levels in one_each) for i in range(3)]
    assert tuple(held) == sizes
    assert [d is None for d in one_each[0].dice] == [size == 0 for size in sizes]


def test_a_structure_that_is_not_there_has_no_level_and_all_of_it_is_beyond():
    levels = level_dice(stack(2, 1), stack(0, 0), backwards=False)
    assert (levels.dice, levels.beyond_voxels) == ((None, None, None), 3)


def test_a_structure_that_is_missed_is_zero_at_every_level():
    assert level_dice(stack(0, 0, 0), stack(1, 1, 1), backwards=False).dice == (0.0, 0.0, 0.0)


def test_other_shapes_are_refused():
    with pytest.raises(InputError):
        level_dice(stack(1), stack(1, 1), backwards=False)


def test_the_base_is_where_the_heart_is_broad():
    assert not tapers_backwards(stack(0, 4, 4, 2, 1, 0, 0, 0))
    assert tapers_backwards(stack(0, 1, 2, 4, 4, 0))
    assert not tapers_backwards(stack(0, 0, 3))
    assert not tapers_backwards(stack(0, 0, 0))


def rng():
    return np.random.default_rng(0)


def test_interval_of_two_patients_by_hand():
    # Means of two draws: 0, 1/2 and 1 with 1/4, 1/2 and 1/4; the middle half lies between.
    assert mean_interval([0.0, 1.0], ["a", "b"], rng()) == Interval(0.0, 1.0)
    assert mean_interval([0.0, 1.0], ["a", "b"], rng(), confidence=0.4) == Interval(0.5, 0.5)


def test_interval_of_many_is_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(5, 2, 400).tolist()
    found = mean_interval(values, [str(i) for i in range(400)], rng())
    half_width = 1.96 * np.std(values) / 20
    assert (found.high - found.low) / 2 == pytest.approx(half_width, rel=0.06)
    assert (found.high + found.low) / 2 == pytest.approx(np.mean(values), abs=0.03)


def test_patients_are_drawn_and_not_their_values():
    values, patients = [0.1, 0.5, 0.7, 0.8], ["a", "b", "c", "d"]
    once = mean_interval(values, patients, rng())
    twice = mean_interval(values * 2, patients * 2, rng())
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_one_patient_has_no_interval():
    assert mean_interval([0.1, 0.9], ["a", "a"], rng()) is None
