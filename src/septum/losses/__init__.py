"""Losses: pure functions of logits and targets, one for each equation."""

from septum.losses.functions import (
    bce_dice,
    binary_cross_entropy,
    dice_cross_entropy,
    multiclass_dice,
    presence_cross_entropy,
    soft_dice,
)

__all__ = [
    "bce_dice",
    "binary_cross_entropy",
    "dice_cross_entropy",
    "multiclass_dice",
    "presence_cross_entropy",
    "soft_dice",
]
