"""Decide from the deepest features which structures each slice holds: where the heart ends."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Channels between the pooled features and the answer.
HIDDEN = 32


class PresenceHead(nn.Module):
    """Give the logit of each structure being in each slice, from the bottleneck's features.

    Features are pooled over each slice, by mean and by maximum, and two convolutions along z see what the
    neighbouring slices hold.

    Args:
        inputs: channels of the features.
        structures: channels of the answer.
    """

    def __init__(self, inputs: int, structures: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(2 * inputs, HIDDEN, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(HIDDEN, structures, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Bring features (N, inputs, Z, y, x) to logits (N, structures, Z)."""
        pooled = torch.cat((features.mean((3, 4)), features.amax((3, 4))), dim=1)
        logits: Tensor = self.layers(pooled)
        return logits
