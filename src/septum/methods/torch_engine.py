"""A torch network as an engine, so that training and study run the product's own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from septum.networks import closed_form_map

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from septum.networks import Network


class TorchEngine:
    """Runs a network in evaluation mode and float32; the map is taken at the last feature map."""

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self.multiple = network.multiple
        self.device = next(network.parameters()).device

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """See :class:`septum.inference.engine.Engine`."""
        with torch.inference_mode():
            x = torch.from_numpy(image).to(self.device, memory_format=torch.channels_last_3d)
            logits = self.network(x)
            outputs = {"logits": logits}
            if logits.shape[1] == 1 and self.network.head.bias is not None:
                outputs["map"] = closed_form_map(logits, self.network.head.bias, 0)
        return {name: value.float().cpu().contiguous().numpy() for name, value in outputs.items()}
