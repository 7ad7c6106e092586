"""What the pipeline needs of whatever computes a network: arrays in, arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Engine(Protocol):
    """A network that can be run.

    Attributes:
        multiple: the image size along (Z, Y, X) must be a multiple of this.
    """

    multiple: tuple[int, int, int]

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run the network.

        Args:
            image: (N, C, Z, Y, X), float32.

        Returns:
            ``logits`` (N, K, Z, Y, X) and, of a localiser, ``map`` (N, Z, Y, X): equation (1) for the
            foreground.
        """
        ...


class GraphEngine(Engine, Protocol):
    """An engine that runs a graph from a file.

    Attributes:
        in_channels: of the images that the graph takes; ``None`` where it does not say.
        channels: name of each output to its number of channels; ``None`` where the graph does not say.
    """

    in_channels: int | None
    channels: dict[str, int | None]
