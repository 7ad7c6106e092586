"""The 3-D dilated residual U-Net (3D DR-UNet) of Vesal, Maier and Ravikumar (2020), Fig. 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from septum.networks.blocks import DecoderBlock, DilatedBottleneck, EncoderBlock
from septum.networks.convolution import Convolution
from septum.networks.network import LEVELS, Network
from septum.networks.presence import PresenceHead

if TYPE_CHECKING:
    from septum.networks.settings import NetworkSettings


class DRUNet(Network):
    """Three encoder blocks, a dilated bottleneck, three decoder blocks, a 1 x 1 x 1 head."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        widths, kernels = self.widths, self.kernels(3)
        self.encoder = nn.ModuleList()
        channels, skips = settings.in_channels, []
        for width, kernel in zip(widths[:LEVELS], kernels, strict=True):
            block = EncoderBlock(channels, width, settings, kernel)
            self.encoder.append(block)
            channels = block.out_channels
            skips.append(block.skip_channels)
        self.pool = nn.MaxPool3d(self.stride)
        self.bottleneck = DilatedBottleneck(channels, widths[LEVELS], settings)
        self.decoder = nn.ModuleList(
            DecoderBlock(
                widths[level + 1], skips[level], widths[level], settings, kernels[level], self.stride
            )
            for level in reversed(range(LEVELS))
        )
        self.head = Convolution(settings.filters, settings.out_channels, (1, 1, 1))
        if settings.presence:
            self.presence_head = PresenceHead(widths[LEVELS], settings.presence)

    def descend(self, level: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Network.descend`."""
        skip, down = self.encoder[level](x)
        return skip, self.pool(down)
