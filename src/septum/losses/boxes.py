"""The loss of a detector of one box: smooth L1 distance of centre and size, as in Fast R-CNN (Girshick 2015).

Fast R-CNN measures in units of an anchor; here there is none, and boxes are shares of the volume's extent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import nn

#: Share of the extent below which the loss is quadratic (ours): about the accuracy that a region needs.
BETA = 0.05


def box_of(classes: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest box about the foreground of each sample.

    Args:
        classes: class indices (N, Z, Y, X); everything above 0 is foreground.

    Returns:
        (N, 6) float32: centre (z, y, x) and size (z, y, x) as shares of the extent, zeros where there is no
        foreground; and (N,) bool, whether there is any.
    """
    foreground = classes > 0
    lower, upper = [], []
    for axis in (1, 2, 3):
        occupied = foreground.movedim(axis, 1).flatten(2).any(dim=2)
        length = occupied.shape[1]
        index = torch.arange(length, device=classes.device)
        lower.append(torch.where(occupied, index, length).amin(dim=1) / length)
        upper.append(torch.where(occupied, index + 1, 0).amax(dim=1) / length)
    low, high = torch.stack(lower, dim=1), torch.stack(upper, dim=1)
    present = foreground.flatten(1).any(dim=1)
    box = torch.cat(((low + high) / 2, high - low), dim=1).float()
    return torch.where(present[:, None], box, torch.zeros_like(box)), present


def box_loss(found: Tensor, classes: Tensor) -> Tensor:
    """Smooth L1 distance summed over the six numbers of a box, as the mean over samples with foreground.

    A sample without foreground has no box and contributes nothing; if no sample has any, the loss is 0.

    Args:
        found: (N, 6), as from :class:`septum.networks.box_detector.BoxDetector`.
        classes: class indices (N, Z, Y, X).
    """
    box, present = box_of(classes)
    distance = F.smooth_l1_loss(found.float(), box, reduction="none", beta=BETA).sum(dim=1)
    return (distance * present).sum() / present.sum().clamp_min(1)


def box_objective(network: nn.Module, image: Tensor, classes: Tensor) -> Tensor:
    """What training a box detector minimises: :func:`box_loss` of ``network(image)``; a scalar."""
    return box_loss(network(image), classes)
