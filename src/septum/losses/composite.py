"""The composite loss of Yang et al. (2018), against ambiguous boundaries and hard examples.

X. Yang, N. Wang, Y. Wang, X. Wang, R. Nezafat, D. Ni, P.-A. Heng: Combating Uncertainty with Novel Losses for
Automatic Left Atrium Segmentation, STACOM 2018, arXiv 1812.05807.

The abstract tells what its two losses are for: the Overlap loss reduces the overlap between foreground and
background predictions, the Focal Positive loss guides the learning of a voxel-specific threshold and
emphasises the foreground. It prints no formula, so the ones here are *settled by us* from these sentences,
and so are their weights: each counts 1 beside cross-entropy and Dice, the loss of the same network without
its extras. All run in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

from septum.losses.functions import bce_dice
from septum.networks.deeply_supervised import decision_logits

if TYPE_CHECKING:
    from torch import Tensor

    from septum.networks.deeply_supervised import DeeplySupervised, Pass

#: Exponent of the focal loss (Lin et al. 2017).
GAMMA = 2.0
#: Weight of a foreground voxel beside one of the background (ours).
POSITIVE_WEIGHT = 2.0


def overlap_loss(logits: Tensor) -> Tensor:
    """Mean over voxels of the products of the probabilities of different classes, ``1 - sum_c p_c^2``.

    For one foreground class that is ``2 p (1 - p)``: 0 where the network is sure, 0.5 where foreground and
    background are as likely. It knows no truth, so it sharpens what other losses decide.

    Args:
        logits: (N, 1, Z, Y, X) for a sigmoid, or (N, K, Z, Y, X) for a softmax.
    """
    if logits.shape[1] == 1:
        p = logits.float().sigmoid()
        return (2.0 * p * (1.0 - p)).mean()
    return (1.0 - logits.float().softmax(dim=1).square().sum(dim=1)).mean()


def focal_positive_loss(logits: Tensor, threshold_logits: Tensor, target: Tensor) -> Tensor:
    """Focal loss of the decision between a probability and its threshold; foreground counts more.

    With s the sigmoid of :func:`septum.networks.deeply_supervised.decision_logits`, that is of 10 (p - t), a
    foreground voxel costs ``-2 (1 - s)^2 ln s`` and one of the background ``-s^2 ln(1 - s)``; their mean.
    Both are needed: from the foreground alone the threshold would learn to be 0 everywhere. A threshold parts
    one foreground from the background, so there is no form for several classes.

    Args:
        logits: of the foreground, (N, 1, Z, Y, X).
        threshold_logits: their sigmoid is the threshold t, the same shape.
        target: class indices (N, Z, Y, X); everything above 0 is foreground.
    """
    decision = decision_logits(logits, threshold_logits)
    foreground = (target > 0).unsqueeze(1)
    right = decision.where(foreground, -decision)  # its sigmoid is the probability of the true side
    cost = -(-right).sigmoid().pow(GAMMA) * F.logsigmoid(right)
    return (cost * (1.0 + (POSITIVE_WEIGHT - 1.0) * foreground)).mean()


def composite_loss(logits: Tensor, threshold_logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy, Dice, overlap and focal positive loss added. For the arguments see the last of them."""
    return (
        bce_dice(logits, target)
        + overlap_loss(logits)
        + focal_positive_loss(logits, threshold_logits, target)
    )


def composite_objective(network: DeeplySupervised, image: Tensor, classes: Tensor) -> Tensor:
    """What training the deeply supervised network minimises: the mean over its passes.

    In each pass the output has the composite loss, and each side output, which has no threshold, its other
    three terms times its weight.

    Args:
        network: in training mode.
        image: (N, 1, Z, Y, X).
        classes: class indices (N, Z, Y, X); everything above 0 is foreground.
    """
    weights = network.settings.side_weights
    found = network.passes(image)
    total = sum((_loss_of(one, weights, classes) for one in found), image.new_zeros(()))
    return total / len(found)


def _loss_of(one: Pass, weights: tuple[float, ...], classes: Tensor) -> Tensor:
    loss = composite_loss(one.logits, one.threshold_logits, classes)
    for weight, side in zip(weights, one.sides, strict=True):
        loss = loss + weight * (bce_dice(side, classes) + overlap_loss(side))
    return loss
