"""The 3-D U-Net of Cicek, Abdulkadir, Lienkamp, Brox and Ronneberger (2016), Fig. 2.

Two things differ from their figure. Convolutions are padded, so that the logits have the size of the image.
And both convolutions of a level have the same channels, f at the top and doubled at each level below, as
"base f" is read for all networks here; theirs have half of them in the first convolution of a level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, cat, nn

from septum.networks.blocks import unit
from septum.networks.convolution import Convolution, Kernel, UpConvolution
from septum.networks.network import LEVELS, Network

if TYPE_CHECKING:
    from septum.networks.settings import NetworkSettings


class UNet3D(Network):
    """Two convolutions a level, max pooling, up-convolutions that keep the channels, concatenated skips."""

    foreign = ("residual", "order", "upsampling", "dilations", "dilate_z", "presence")

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        widths, kernels = self.widths, self.kernels(3)
        inputs = [settings.in_channels, *widths]
        self.encoder = nn.ModuleList(
            _two_units(inputs[level], widths[level], settings, kernels[level]) for level in range(LEVELS)
        )
        self.pool = nn.MaxPool3d(self.stride)
        self.bottleneck = _two_units(inputs[LEVELS], widths[LEVELS], settings, (3, 3, 3))
        self.decoder = nn.ModuleList(
            UpBlock(widths[level + 1], widths[level], settings, kernels[level], self.stride)
            for level in reversed(range(LEVELS))
        )
        self.head = Convolution(settings.filters, settings.out_channels, (1, 1, 1))

    def descend(self, level: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Network.descend`."""
        skip = self.encoder[level](x)
        return skip, self.pool(skip)


class UpBlock(nn.Module):
    """Up-convolution, join the skip, two units."""

    def __init__(
        self, inputs: int, width: int, settings: NetworkSettings, kernel: Kernel, stride: Kernel
    ) -> None:
        super().__init__()
        self.up = UpConvolution(inputs, inputs, stride)
        self.units = _two_units(inputs + width, width, settings, kernel)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, z, y, x) and the skip (N, width, Z, Y, X) to (N, width, Z, Y, X)."""
        return self.units(cat((self.up(x), skip), dim=1))


def _two_units(inputs: int, width: int, settings: NetworkSettings, kernel: Kernel) -> nn.Sequential:
    return nn.Sequential(unit(inputs, width, settings, kernel), unit(width, width, settings, kernel))
