"""Deep supervision, a threshold map and recursion about any network: Yang et al. (2018) with all its parts.

X. Yang, N. Wang, Y. Wang, X. Wang, R. Nezafat, D. Ni, P.-A. Heng: Combating Uncertainty with Novel Losses for
Automatic Left Atrium Segmentation, STACOM 2018, arXiv 1812.05807.

The abstract names the parts and gives no formula. What is taken from elsewhere or settled here:

- *Deep supervision*: side outputs after the decoder's levels, each by a 1 x 1 x 1 convolution brought to full
  size, as in the first author's public network of the year before (Hybrid Loss Guided Convolutional Networks
  for Whole Heart Parsing, STACOM 2017). The weights are those of its Dice loss: 0.4 at a quarter of the size
  and 0.8 at half, beside 1 for the output. There the enlargement is learned; here it is trilinear.
- *Threshold map* (settled here): a second 1 x 1 x 1 head on the last feature map; its sigmoid is the
  probability above which a voxel is foreground. It starts at one half everywhere.
- *Recursion* (settled here, after auto-context, Tu and Bai 2010): the foreground probability of a pass is a
  second input channel of the next one, zeros in the first. All passes share their weights, and no gradient
  flows from a pass into the one before. There are two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from septum.networks.convolution import Convolution
from septum.networks.network import LEVELS
from septum.networks.registry import build
from septum.networks.settings import NetworkSettings

if TYPE_CHECKING:
    from septum.networks.convolution import Kernel
    from septum.networks.network import Network

#: Steepness of the decision between a probability and its threshold (ours): a difference of 0.5 gives 5.
STEEPNESS = 10.0


class DeeplySupervisedSettings(BaseModel):
    """What a deeply supervised, recursive network is built from.

    Attributes:
        network: of the registry, with two input channels and one output channel.
        passes: how often the network runs; 1 is without recursion.
        side_weights: share of each side output in the loss, deepest level first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkSettings
    passes: int = Field(default=2, ge=1)
    side_weights: tuple[float, ...] = Field(default=(0.4, 0.8), min_length=LEVELS - 1, max_length=LEVELS - 1)

    @model_validator(mode="after")
    def _channels(self) -> DeeplySupervisedSettings:
        channels = (self.network.in_channels, self.network.out_channels)
        if channels != (2, 1):
            raise ValueError(
                f"recursion needs in_channels = 2 (image and previous probability) and out_channels = 1, got "
                f"{channels[0]} and {channels[1]}"
            )
        return self


@dataclass(frozen=True)
class Pass:
    """What one pass gives, every tensor (N, 1, Z, Y, X).

    Attributes:
        logits: of the foreground.
        threshold_logits: their sigmoid is the probability from which a voxel is foreground.
        sides: logits of the side outputs at full size, deepest level first.
    """

    logits: Tensor
    threshold_logits: Tensor
    sides: tuple[Tensor, ...]


class DeeplySupervised(nn.Module):
    """A network of the registry with side outputs, a threshold map, and its own output as further input.

    Attributes:
        settings: what it was built from.
        network: the network itself.
    """

    def __init__(self, settings: DeeplySupervisedSettings) -> None:
        super().__init__()
        self.settings = settings
        self.network: Network = build(settings.network)
        last = self.network.head.in_channels
        self.side_heads = nn.ModuleList(
            Convolution(channels, 1, (1, 1, 1)) for channels in self.network.decoder_channels[:-1]
        )
        self.threshold_head = Convolution(last, 1, (1, 1, 1))
        nn.init.zeros_(self.threshold_head.weight)
        nn.init.zeros_(self.threshold_head.bias)  # type: ignore[arg-type]

    @property
    def multiple(self) -> Kernel:
        """The size along (Z, Y, X) must be a multiple of this."""
        return self.network.multiple

    def forward(self, image: Tensor) -> Tensor:
        """Logits (N, 1, Z, Y, X) of an image (N, 1, Z, Y, X) after all passes.

        They are those of the decision, above 0 where the foreground's probability exceeds its threshold.
        """
        found = self.passes(image)[-1]
        return decision_logits(found.logits, found.threshold_logits)

    def passes(self, image: Tensor) -> list[Pass]:
        """All passes, first to last; each sees the probability of the one before, without its gradient."""
        found: list[Pass] = []
        previous = torch.zeros_like(image)
        for _ in range(self.settings.passes):
            found.append(self.once(image, previous))
            previous = found[-1].logits.detach().float().sigmoid().to(image.dtype)
        return found

    def once(self, image: Tensor, previous: Tensor) -> Pass:
        """One pass over an image and the foreground's probability, both (N, 1, Z, Y, X)."""
        features = self.network.features(torch.cat((image, previous), dim=1))
        size = image.shape[2:]
        sides = tuple(
            F.interpolate(head(x), size=size, mode="trilinear", align_corners=False)
            for head, x in zip(self.side_heads, features[:-1], strict=True)
        )
        return Pass(self.network.head(features[-1]), self.threshold_head(features[-1]), sides)


def decision_logits(logits: Tensor, threshold_logits: Tensor) -> Tensor:
    """How far the foreground's probability is above its threshold, times :data:`STEEPNESS`; float32."""
    return STEEPNESS * (logits.float().sigmoid() - threshold_logits.float().sigmoid())
