"""A torch network as an engine, so that training and study run the product's own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch.nn import functional as F

from septum.networks import Network, activation_map, closed_form_map
from septum.networks.activation_map import LAST

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


class TorchEngine:
    """Runs a network in evaluation mode and float32; gradients that training has left in it are released.

    Args:
        network: gives logits, and has the attribute ``multiple`` of :class:`Network`.
        layer: where a localiser's activation map is taken: at the last feature map, in closed form, or at
            another of ``network.map_layers`` by automatic differentiation, and then enlarged to the image.
    """

    def __init__(self, network: nn.Module, layer: str = LAST) -> None:
        self.network, self.layer = network.eval(), layer
        self.network.zero_grad(set_to_none=True)
        self.multiple = cast("tuple[int, int, int]", network.multiple)
        self.device = next(network.parameters()).device

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """See :class:`septum.inference.engine.Engine`."""
        x = torch.from_numpy(image).to(self.device, memory_format=torch.channels_last_3d)
        with torch.inference_mode(), full_float32():
            outputs = {"logits": self.network(x)}
        if isinstance(self.network, Network) and outputs["logits"].shape[1] == 1:
            outputs["map"] = self._map(self.network, x, outputs["logits"])
        return {name: value.float().cpu().contiguous().numpy() for name, value in outputs.items()}

    def _map(self, network: Network, x: Tensor, logits: Tensor) -> Tensor:
        """(N, Z, Y, X), at the size of the image."""
        if self.layer == LAST and network.head.bias is not None:
            return closed_form_map(logits, network.head.bias.detach(), 0)
        with full_float32():
            small = activation_map(network, x, 0, self.layer)[:, None]
        return F.interpolate(small, size=x.shape[2:], mode="trilinear", align_corners=False)[:, 0]


class BoxEngine:
    """Runs a box detector in the same way: ``box`` (N, 6), centre and size as shares of the grid."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval()
        self.network.zero_grad(set_to_none=True)
        self.multiple = cast("tuple[int, int, int]", network.multiple)
        self.device = next(network.parameters()).device

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """See :class:`septum.inference.engine.Engine`."""
        with torch.inference_mode(), full_float32():
            box = self.network(torch.from_numpy(image).to(self.device))
        return {"box": box.float().cpu().numpy()}


def full_float32() -> AbstractContextManager[None]:
    """Convolutions on a GPU in float32 throughout, not in its shorter form TF32; elsewhere no change."""
    return torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled,
        benchmark=torch.backends.cudnn.benchmark,
        deterministic=torch.backends.cudnn.deterministic,
        allow_tf32=False,
    )
