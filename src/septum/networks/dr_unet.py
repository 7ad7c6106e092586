"""The 3-D dilated residual U-Net (3D DR-UNet) of Vesal, Maier and Ravikumar (2020), Fig. 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from septum.networks.blocks import DecoderBlock, DilatedBottleneck, EncoderBlock
from septum.networks.convolution import Convolution, Kernel

if TYPE_CHECKING:
    from septum.networks.settings import NetworkSettings

LEVELS = 3


class DRUNet(nn.Module):
    """Three encoder blocks, a dilated bottleneck, three decoder blocks, a 1 x 1 x 1 head.

    Returns logits; sigmoid or softmax belong to losses and engines.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stride: Kernel = (1, 2, 2) if settings.keep_z else (2, 2, 2)
        widths = [settings.filters * 2**level for level in range(LEVELS + 1)]
        kernels: list[Kernel] = [
            (1, 3, 3) if level < settings.flat_levels else (3, 3, 3) for level in range(LEVELS)
        ]
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

    @property
    def multiple(self) -> Kernel:
        """The size along (Z, Y, X) must be a multiple of this."""
        z, y, x = (s**LEVELS for s in self.stride)
        return (z, y, x)

    @property
    def map_layers(self) -> dict[str, nn.Module]:
        """Layers by name whose output can carry an activation map, deepest first."""
        names: dict[str, nn.Module] = {"bottleneck": self.bottleneck}
        names |= {f"decoder{i}": block for i, block in enumerate(self.decoder, start=1)}
        return names

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, out_channels, Z, Y, X) of an image (N, in_channels, Z, Y, X).

        Raises:
            ValueError: the size is no multiple of :attr:`multiple`; the message proposes one that is.
        """
        self._check(x)
        skips: list[Tensor] = []
        for block in self.encoder:
            skip, down = block(x)
            skips.append(skip)
            x = self.pool(down)
        x = self.bottleneck(x)
        for block, skip in zip(self.decoder, reversed(skips), strict=True):
            x = block(x, skip)
        return self.head(x)

    def _check(self, x: Tensor) -> None:
        if x.dim() != 5 or x.shape[1] != self.settings.in_channels:  # N, C, Z, Y, X
            raise ValueError(
                f"expected (N, {self.settings.in_channels}, Z, Y, X), got a tensor of shape {tuple(x.shape)}"
            )
        size = tuple(int(n) for n in x.shape[2:])
        fit = tuple(-(-n // m) * m for n, m in zip(size, self.multiple, strict=True))
        if fit != size:
            raise ValueError(
                f"size (Z, Y, X) = {size} is no multiple of {self.multiple}: pad the image to {fit}"
            )
