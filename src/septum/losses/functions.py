"""The losses of equations (2) to (5), and the one of the production recipes.

The text of equation (2) lacks the factor 2, without which a perfect mask would cost 0.5, and the second term
of equation (3) lacks a logarithm; both stand here in their usual form. All run in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SMOOTH = 1.0


def soft_dice(probabilities: Tensor, target: Tensor) -> Tensor:
    """Equation (2): ``1 - (2 I + 1) / (S + 1)`` for each sample and channel.

    Args:
        probabilities: (N, C, Z, Y, X), 0 to 1.
        target: the same shape, 0 or 1.

    Returns:
        (N, C).
    """
    p, y = probabilities.float(), target.float()
    axes = (2, 3, 4)
    intersection = (p * y).sum(axes)
    total = p.sum(axes) + y.sum(axes)
    return 1.0 - (2.0 * intersection + SMOOTH) / (total + SMOOTH)


def binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Equation (3), as the mean over voxels: a scalar. Shapes as in :func:`soft_dice`, with one channel."""
    return F.binary_cross_entropy_with_logits(logits.float(), target.float())


def bce_dice(logits: Tensor, target: Tensor) -> Tensor:
    """Equation (4): equations (2) and (3) added; for one foreground class.

    Args:
        logits: (N, 1, Z, Y, X).
        target: class indices (N, Z, Y, X); everything above 0 is foreground.
    """
    foreground = (target > 0).unsqueeze(1)
    return soft_dice(logits.float().sigmoid(), foreground).mean() + binary_cross_entropy(logits, foreground)


def multiclass_dice(logits: Tensor, target: Tensor) -> Tensor:
    """Equation (5): mean soft Dice loss over all classes, background included.

    Args:
        logits: (N, K, Z, Y, X).
        target: class indices (N, Z, Y, X), 0 to K - 1.
    """
    return soft_dice(logits.float().softmax(dim=1), _one_hot(target, logits.shape[1])).mean()


def dice_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Soft Dice loss over the foreground classes plus cross-entropy over all; arguments as equation (5)."""
    dice = soft_dice(logits.float().softmax(dim=1), _one_hot(target, logits.shape[1]))[:, 1:].mean()
    return dice + F.cross_entropy(logits.float(), target.long())


def presence_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of each structure being in each slice, as the mean over both.

    Args:
        logits: (N, S, Z), of the classes 1 to S.
        target: class indices (N, Z, Y, X).
    """
    there = _one_hot(target, logits.shape[1] + 1)[:, 1:].flatten(3).any(3)
    return F.binary_cross_entropy_with_logits(logits.float(), there.float())


def _one_hot(target: Tensor, classes: int) -> Tensor:
    index = torch.arange(classes, device=target.device).view(1, -1, 1, 1, 1)
    return target.unsqueeze(1) == index
