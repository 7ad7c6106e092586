"""The parts that networks are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, cat, nn

from septum.networks.convolution import Convolution, Kernel, UpConvolution
from septum.networks.normalisation import InstanceNorm

if TYPE_CHECKING:
    from septum.networks.settings import NetworkSettings


def normalisation(channels: int, settings: NetworkSettings) -> nn.Module:
    """Batch or instance normalisation, as the settings ask for."""
    return nn.BatchNorm3d(channels) if settings.norm == "batch" else InstanceNorm(channels)


def unit(
    inputs: int, outputs: int, settings: NetworkSettings, kernel: Kernel, dilation: Kernel = (1, 1, 1)
) -> nn.Sequential:
    """Convolution, normalisation and ReLU in the order that the settings ask for."""
    convolution = Convolution(inputs, outputs, kernel, dilation, bias=settings.order == "conv_relu_norm")
    norm = normalisation(outputs, settings)
    if settings.order == "conv_norm_relu":
        return nn.Sequential(convolution, norm, nn.ReLU(inplace=True))
    return nn.Sequential(convolution, nn.ReLU(inplace=True), norm)


class EncoderBlock(nn.Module):
    """Two units and the encoder's residual connection (red arrow of Fig. 2).

    Attributes:
        skip_channels: channels of the tensor handed to the decoder.
        out_channels: channels of the tensor handed down to the pooling.
    """

    def __init__(self, inputs: int, width: int, settings: NetworkSettings, kernel: Kernel) -> None:
        super().__init__()
        self.residual = settings.residual
        self.units = nn.Sequential(
            unit(inputs, width, settings, kernel), unit(width, width, settings, kernel)
        )
        joined = inputs + width
        self.skip_channels = joined if self.residual == "concat" else width
        self.out_channels = joined if self.residual == "concat" else width
        self.match: nn.Module = nn.Identity()
        if self.residual == "concat_squeeze":
            self.match = Convolution(joined, width, (1, 1, 1))
        elif self.residual == "add" and inputs != width:
            self.match = Convolution(inputs, width, (1, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, inputs, Z, Y, X) to the skip and the tensor to be pooled, both of the same size."""
        y = self.units(x)
        if self.residual == "concat":
            joined = cat((x, y), dim=1)
            return joined, joined
        if self.residual == "concat_squeeze":
            return y, self.match(cat((x, y), dim=1))
        added = y + self.match(x)
        return added, added


class DilatedBottleneck(nn.Module):
    """Convolutions of growing dilation in cascade; the outputs of all are summed."""

    def __init__(self, inputs: int, width: int, settings: NetworkSettings) -> None:
        super().__init__()
        self.units = nn.ModuleList()
        for d in settings.dilations:
            dilation = (d if settings.dilate_z else 1, d, d)
            self.units.append(unit(inputs, width, settings, (3, 3, 3), dilation))
            inputs = width

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, Z, Y, X) to (N, width, Z, Y, X)."""
        total: Tensor | None = None
        for one in self.units:
            x = one(x)
            total = x if total is None else total + x
        if total is None:
            raise ValueError("a bottleneck needs at least one dilation, got none")
        return total


class DecoderBlock(nn.Module):
    """Upsample, join the skip, two units."""

    def __init__(  # each is a different number of the same wiring
        self, inputs: int, skip: int, width: int, settings: NetworkSettings, kernel: Kernel, stride: Kernel
    ) -> None:
        super().__init__()
        if settings.upsampling == "transposed":
            self.up: nn.Module = UpConvolution(inputs, width, stride)
        else:
            self.up = nn.Sequential(
                nn.Upsample(scale_factor=tuple(float(s) for s in stride), mode="nearest"),
                unit(inputs, width, settings, kernel),
            )
        self.units = nn.Sequential(
            unit(width + skip, width, settings, kernel), unit(width, width, settings, kernel)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, z, y, x) and the skip (N, skip, Z, Y, X) to (N, width, Z, Y, X)."""
        return self.units(cat((self.up(x), skip), dim=1))
