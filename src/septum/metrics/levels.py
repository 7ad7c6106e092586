"""Overlap of two masks by slice level: the thirds of the slices in which the truth has the structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.metrics.overlap import dice
from septum.metrics.shapes import require_same_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 3


@dataclass(frozen=True)
class LevelDice:
    """Agreement of one structure by slice level.

    Attributes:
        dice: of each third of the true slices, in their order; ``None`` for a third without a slice.
        beyond_voxels: number of predicted voxels in slices where the truth has none.
        slices_too_many: number of these slices.
        slices_missed: number of slices where the truth has the structure and the prediction has none.
    """

    dice: tuple[float | None, ...]
    beyond_voxels: int
    slices_too_many: int
    slices_missed: int


def level_dice(predicted: NDArray[np.bool_], truth: NDArray[np.bool_], *, backwards: bool) -> LevelDice:
    """Dice over all voxels of each third of the true slices.

    Of n true slices, slice i (from 0) is in the third that holds (i + 1/2) / n: two slices are the first
    and the last third, one is the middle. What is predicted in other slices is counted apart: there is no
    level that it belongs to.

    Args:
        predicted: mask (Z, Y, X).
        truth: the same, the reference.
        backwards: whether the first third is at the last slices.

    Raises:
        InputError: the shapes differ.

    >>> truth = np.ones((3, 1, 2), bool)
    >>> predicted = truth.copy()
    >>> predicted[2, 0, 0] = False
    >>> found = level_dice(predicted, truth, backwards=False)
    >>> found.dice[:2], found.slices_missed
    ((1.0, 1.0), 0)
    """
    require_same_shape(predicted.shape, truth.shape)
    drawn, there = predicted.any(axis=(1, 2)), truth.any(axis=(1, 2))
    true_slices = np.flatnonzero(there)
    order = true_slices[::-1] if backwards else true_slices
    level = (2 * np.arange(len(order)) + 1) * LEVELS // (2 * max(len(order), 1))
    thirds = [order[level == i] for i in range(LEVELS)]
    beyond = int(predicted.sum()) - int(predicted[true_slices].sum())
    return LevelDice(
        dice=tuple(dice(predicted[z], truth[z]) if len(z) else None for z in thirds),
        beyond_voxels=beyond,
        slices_too_many=int((drawn & ~there).sum()),
        slices_missed=int((there & ~drawn).sum()),
    )


def tapers_backwards(heart: NDArray[np.bool_]) -> bool:
    """Whether a short-axis stack has its base, where the heart is broad, at its last slices.

    That is where the centre of mass lies beyond the middle of the heart's slices. Headers do not tell it
    reliably.

    Args:
        heart: mask (Z, Y, X) of all structures.
    """
    area = heart.sum(axis=(1, 2))
    slices = np.flatnonzero(area)
    if len(slices) < 2:
        return False
    return bool(np.average(np.arange(len(area)), weights=area) > (slices[0] + slices[-1]) / 2)
