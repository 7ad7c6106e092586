"""The end-to-end method: a coarse and a fine network trained together, the first one's output fused in.

The text gives three readings of how: the product (its equation), the sum (its introduction), a further
channel (its results). All are settings; the product is the literal one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from septum.losses import bce_dice
from septum.networks import NetworkSettings, build

if TYPE_CHECKING:
    from collections.abc import Callable


class EndToEndSettings(BaseModel):
    """How the two networks are put together.

    Attributes:
        coarse: the first network, one sigmoid channel: the union of the structures.
        downsample: the first network sees the image's means over boxes of this size (Z, Y, X).
        fuse: how its probability reaches the second network's input: ``multiply`` it with the image, ``add``
            it to the image, or ``concat`` it as a second channel.
        coarse_weight: of the first network's loss in the sum; the second's is 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    coarse: NetworkSettings
    downsample: tuple[int, int, int]
    fuse: Literal["multiply", "concat", "add"] = "multiply"
    coarse_weight: float = 1.0


class EndToEnd(nn.Module):
    """Image to logits through both networks.

    Args:
        settings: of the first network and the fusion.
        fine: of the second network; with ``concat`` it is built with one more input channel.
    """

    def __init__(self, settings: EndToEndSettings, fine: NetworkSettings) -> None:
        super().__init__()
        if settings.coarse.out_channels != 1:
            raise ValueError(
                "the coarse network has one sigmoid channel: expected out_channels = 1, got "
                f"{settings.coarse.out_channels}"
            )
        extra = 1 if settings.fuse == "concat" else 0
        self.settings = settings
        self.coarse = build(settings.coarse)
        self.fine = build(fine.model_copy(update={"in_channels": fine.in_channels + extra}))

    @property
    def multiple(self) -> tuple[int, int, int]:
        """The size along (Z, Y, X) must be a multiple of this."""
        pairs = zip(self.fine.multiple, self.coarse.multiple, self.settings.downsample, strict=True)
        z, y, x = (math.lcm(fine, coarse * down) for fine, coarse, down in pairs)
        return (z, y, x)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 1, Z, Y, X) to the second network's logits (N, K, Z, Y, X)."""
        return self.both(image)[1]

    def both(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the first network on the coarse grid, (N, 1, z, y, x), and of the second."""
        coarse = self.coarse(F.avg_pool3d(image, self.settings.downsample))
        density = coarse.float().sigmoid()
        density = F.interpolate(density, size=image.shape[2:], mode="trilinear", align_corners=False)
        return coarse, self.fine(self._fused(image, density.to(image.dtype)))

    def _fused(self, image: Tensor, density: Tensor) -> Tensor:
        if self.settings.fuse == "multiply":
            return image * density
        if self.settings.fuse == "add":
            return image + density
        return torch.cat((image, density), dim=1)


def end_to_end_objective(
    loss: Callable[[Tensor, Tensor], Tensor],
) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    """The sum of both networks' losses.

    The first one's truth is the union of the structures on its grid: a coarse voxel is foreground where at
    least half of it is.

    Args:
        loss: of the second network's logits.
    """

    def objective(network: nn.Module, image: Tensor, classes: Tensor) -> Tensor:
        if not isinstance(network, EndToEnd):
            raise TypeError(f"expected an end-to-end network, got {type(network).__name__}")
        coarse, fine = network.both(image)
        share = F.avg_pool3d((classes > 0).float()[:, None], network.settings.downsample)[:, 0]
        target = (share >= 0.5).to(classes.dtype)
        return loss(fine, classes) + network.settings.coarse_weight * bce_dice(coarse, target)

    return objective
