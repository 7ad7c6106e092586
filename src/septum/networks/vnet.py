"""The 3-D V-Net of Milletari, Navab and Ahmadi (2016), Fig. 2.

Two things differ from their figure. The image is halved three times, not four, as by the other networks here,
so the levels have 1, 2 and 3 convolutions and the bottleneck 3. And every convolution but the head has a
normalisation behind it, which the paper has not: without it a comparison would be one of norms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, cat, nn

from septum.networks.blocks import normalisation
from septum.networks.convolution import Convolution, Kernel, UpConvolution
from septum.networks.network import LEVELS, Network

if TYPE_CHECKING:
    from septum.networks.settings import NetworkSettings

#: Convolutions of each level and of the bottleneck.
CONVOLUTIONS = (1, 2, 3, 3)


class VNet(Network):
    """Levels of 5 x 5 x 5 convolutions with their input added; strided convolutions down and up; PReLU.

    As in the paper, a level of the decoder keeps the channels of its concatenated input, twice those of the
    encoder, and the first level adds the image once to each group of as many channels.

    Raises:
        ValueError: ``filters`` is no multiple of ``in_channels``.
    """

    foreign = ("residual", "order", "upsampling", "dilations", "dilate_z", "presence")

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        if settings.filters % settings.in_channels:
            raise ValueError(
                f"vnet adds the image to its first level: expected filters to be a multiple of in_channels = "
                f"{settings.in_channels}, got {settings.filters}; choose another number of filters"
            )
        widths, kernels = self.widths, [*self.kernels(5), (5, 5, 5)]
        inputs = [settings.in_channels, *widths[1:]]
        *levels, self.bottleneck = (
            ResidualLevel(inputs[i], widths[i], CONVOLUTIONS[i], settings, kernels[i])
            for i in range(LEVELS + 1)
        )
        self.encoder = nn.ModuleList(levels)
        self.down = nn.ModuleList(
            _activated(
                nn.Conv3d(width, 2 * width, self.stride, stride=self.stride, bias=False), 2 * width, settings
            )
            for width in widths[:LEVELS]
        )
        outputs = [2 * width for width in widths[:LEVELS]] + [widths[LEVELS]]
        self.decoder = nn.ModuleList(
            UpLevel(outputs[i + 1], widths[i], CONVOLUTIONS[i], settings, kernels[i], self.stride)
            for i in reversed(range(LEVELS))
        )
        self.head = Convolution(outputs[0], settings.out_channels, (1, 1, 1))

    @property
    def decoder_channels(self) -> list[int]:
        """See :attr:`Network.decoder_channels`."""
        return [2 * width for width in super().decoder_channels]

    def descend(self, level: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Network.descend`."""
        skip = self.encoder[level](x)
        return skip, self.down[level](skip)


class ResidualLevel(nn.Module):
    """Convolutions in cascade; the input is added to the last one's output, before its PReLU."""

    def __init__(
        self, inputs: int, width: int, convolutions: int, settings: NetworkSettings, kernel: Kernel
    ) -> None:
        super().__init__()
        self.copies = width // inputs
        channels = [inputs] + [width] * convolutions
        units = [
            _activated(Convolution(channels[i], width, kernel, bias=False), width, settings)
            for i in range(convolutions)
        ]
        self.activation = units[-1].pop(-1)
        self.units = nn.Sequential(*units)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, Z, Y, X) to (N, width, Z, Y, X)."""
        added = x if self.copies == 1 else x.repeat(1, self.copies, 1, 1, 1)
        return self.activation(self.units(x) + added)


class UpLevel(nn.Module):
    """Up-convolution, join the skip, a residual level."""

    def __init__(  # each is a different number of the same wiring
        self,
        inputs: int,
        width: int,
        convolutions: int,
        settings: NetworkSettings,
        kernel: Kernel,
        stride: Kernel,
    ) -> None:
        super().__init__()
        self.up = _activated(UpConvolution(inputs, width, stride, bias=False), width, settings)
        self.level = ResidualLevel(2 * width, 2 * width, convolutions, settings, kernel)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, z, y, x) and the skip (N, width, Z, Y, X) to (N, 2 width, Z, Y, X)."""
        return self.level(cat((self.up(x), skip), dim=1))


def _activated(convolution: nn.Module, width: int, settings: NetworkSettings) -> nn.Sequential:
    return nn.Sequential(convolution, normalisation(width, settings), nn.PReLU(width))
