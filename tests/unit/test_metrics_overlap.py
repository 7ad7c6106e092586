"""Dice on masks whose overlap is counted by hand."""

import numpy as np
import pytest

from septum.core import InputError
from septum.metrics import dice


def box(shape: tuple[int, ...], *spans: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in spans)] = True
    return mask


def test_dice_of_shifted_cubes():
    # Two cubes of 4 x 4 x 4 = 64 voxels, shifted by one along x: 4 x 4 x 3 = 48 in common.
    left = box((8, 8, 8), (2, 6), (2, 6), (1, 5))
    right = box((8, 8, 8), (2, 6), (2, 6), (2, 6))
    assert dice(left, right) == 2 * 48 / 128 == 0.75


def test_dice_of_a_part_and_the_whole():
    # 2 of 6 voxels: 2 * 2 / (2 + 6).
    assert dice(box((1, 1, 6), (0, 1), (0, 1), (0, 2)), np.ones((1, 1, 6), dtype=bool)) == 0.5


def test_dice_of_equal_and_of_disjoint_masks():
    mask = box((4, 4, 4), (0, 2), (0, 2), (0, 2))
    assert dice(mask, mask) == 1.0
    assert dice(mask, box((4, 4, 4), (2, 4), (2, 4), (2, 4))) == 0.0


def test_dice_is_not_scored_if_both_are_empty_and_zero_if_one_is():
    empty, full = np.zeros((2, 3, 4), dtype=bool), np.ones((2, 3, 4), dtype=bool)
    assert dice(empty, empty) is None
    assert dice(empty, full) == 0.0
    assert dice(full, empty) == 0.0


def test_dice_takes_any_nonzero_value_as_inside():
    # 255 & 2 share a bit, 1 & 2 do not: values must not be combined bit by bit.
    ones, twos = np.full((2, 2, 2), 1, np.uint8), np.full((2, 2, 2), 2, np.uint8)
    assert dice(ones, twos) == 1.0


def test_dice_refuses_different_shapes():
    with pytest.raises(InputError, match=r"\(2, 3, 4\) and \(2, 3, 5\)"):
        dice(np.ones((2, 3, 4), dtype=bool), np.ones((2, 3, 5), dtype=bool))
