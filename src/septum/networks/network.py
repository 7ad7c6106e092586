"""What all networks have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

if TYPE_CHECKING:
    from septum.networks.convolution import Convolution, Kernel
    from septum.networks.settings import NetworkSettings

#: How often a network halves the image, and doubles it again.
LEVELS = 3


class Network(nn.Module):
    """An encoder, a bottleneck, a decoder and a 1 x 1 x 1 head.

    Networks return logits; sigmoid or softmax belong to losses and engines.

    Attributes:
        foreign: names of the settings that this architecture does not have.
        settings: what the network was built from.
        stride: of each of the :data:`LEVELS` halvings, along (Z, Y, X).
        bottleneck: the deepest level.
        decoder: one block a level, deepest first.
        head: from the last feature map to the logits.

    Raises:
        ValueError: a setting that the architecture does not have is not at its default.
    """

    foreign: ClassVar[tuple[str, ...]] = ()
    bottleneck: nn.Module
    decoder: nn.ModuleList
    head: Convolution

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        for name in self.foreign:
            value, default = getattr(settings, name), type(settings).model_fields[name].default
            if value != default:
                raise ValueError(
                    f"{settings.architecture} has no setting {name!r}: expected its default {default!r}, "
                    f"got {value!r}; leave it out"
                )
        self.settings = settings
        self.stride: Kernel = (1, 2, 2) if settings.keep_z else (2, 2, 2)

    @property
    def widths(self) -> list[int]:
        """Channels of each level and of the bottleneck."""
        return [self.settings.filters * 2**level for level in range(LEVELS + 1)]

    @property
    def decoder_channels(self) -> list[int]:
        """Channels of what each level of the decoder gives, deepest first."""
        return self.widths[:LEVELS][::-1]

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

    def kernels(self, size: int) -> list[Kernel]:
        """Kernel of each level above the bottleneck: ``size`` along each axis, 1 along z of flat levels."""
        flat = self.settings.flat_levels
        return [(1 if level < flat else size, size, size) for level in range(LEVELS)]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, out_channels, Z, Y, X) of an image (N, in_channels, Z, Y, X).

        Raises:
            ValueError: the size is no multiple of :attr:`multiple`; the message proposes one that is.
        """
        return self.head(self.features(x)[-1])

    def features(self, x: Tensor) -> list[Tensor]:
        """Output of each level of the decoder, deepest first; the last is what the head sees.

        Raises:
            ValueError: as of :meth:`forward`.
        """
        return self.levels(x)[1]

    def levels(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Output of the bottleneck, and what :meth:`features` gives.

        Raises:
            ValueError: as of :meth:`forward`.
        """
        self.check(x)
        skips: list[Tensor] = []
        for level in range(LEVELS):
            skip, x = self.descend(level, x)
            skips.append(skip)
        deepest = x = self.bottleneck(x)
        found: list[Tensor] = []
        for block, skip in zip(self.decoder, reversed(skips), strict=True):
            x = block(x, skip)
            found.append(x)
        return deepest, found

    @abstractmethod
    def descend(self, level: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """One level of the encoder: its skip, and what goes down to the next level, half the size."""

    def check(self, x: Tensor) -> None:
        """Refuse what is no image (N, in_channels, Z, Y, X) whose size the network can halve.

        Raises:
            ValueError: axes, channels or size are wrong; of a size, the message proposes one that fits.
        """
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
