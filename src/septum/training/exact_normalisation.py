"""Instance normalisation that engines compute as exactly as torch, in windows of a million voxels.

Engines add up a whole channel one voxel after the other in float32. Of a million voxels, variances then come
out wrong by up to half a percent, and so do the logits. Here a mean is one of means of rows, so that each sum
is short. A change of shape between the two keeps an engine from joining them again.

Source: Higham NJ. The accuracy of floating point summation. SIAM J Sci Comput 1993; 14:783-799, on sums by
parts.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class StepwiseInstanceNorm(nn.Module):
    """Instance normalisation by means of means.

    Args:
        norm: whose weights and epsilon are taken over.
    """

    def __init__(self, norm: nn.InstanceNorm2d | nn.InstanceNorm3d) -> None:
        super().__init__()
        self.eps, self.affine, self.weight, self.bias = norm.eps, norm.affine, norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, Y, X) or (N, C, Z, Y, X)."""
        centred = x - _mean(x)
        scale = torch.sqrt(_mean(centred * centred) + self.eps)
        if not self.affine:
            return centred / scale
        each = (1, -1, *(1 for _ in x.shape[2:]))
        return centred * (self.weight.reshape(each) / scale) + self.bias.reshape(each)


def _mean(x: Tensor) -> Tensor:
    """Give the mean of each channel, with as many axes as there were."""
    rows = x.mean(dim=-1, keepdim=True)
    stacked = rows.reshape(*x.shape[:2], -1, *(1 for _ in x.shape[3:]))
    return stacked.mean(dim=2, keepdim=True)


def with_exact_normalisation(network: nn.Module) -> nn.Module:
    """Copy a network, with its instance normalisations in this form.

    Args:
        network: in evaluation mode. Normalisations that keep running statistics stay as they are.
    """
    copied = copy.deepcopy(network)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.InstanceNorm2d | nn.InstanceNorm3d) and not child.track_running_stats:
                setattr(parent, name, StepwiseInstanceNorm(child))
    return copied
