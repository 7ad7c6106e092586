"""Gradient-weighted class activation maps, equation (1).

``GCAM_c = ReLU(sum_k x_k * dS_c / dx_k)``, gradient times activation element by element, where ``S_c`` is the
sum of the logits of class c. (Averaging the gradients over space first would be Grad-CAM; this is not.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from septum.networks.network import Network

#: The last feature map, before the 1 x 1 x 1 head: the paper's "final convolution layer".
LAST = "decoder3"


def activation_map(network: Network, image: Tensor, class_index: int, layer: str = LAST) -> Tensor:
    """Equation (1) by automatic differentiation, for any layer.

    Args:
        network: in evaluation mode.
        image: (N, C, Z, Y, X).
        class_index: channel c of the logits.
        layer: a key of ``network.map_layers``.

    Returns:
        (N, z, y, x), at the resolution of the layer, not negative.

    Raises:
        ValueError: the network has no layer of this name.
    """
    layers = network.map_layers
    if layer not in layers:
        raise ValueError(f"no layer {layer!r} carries a map; choose one of {', '.join(layers)}")
    kept: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: Tensor) -> Tensor:
        kept.append(output if output.requires_grad else output.requires_grad_())
        return output

    handle = layers[layer].register_forward_hook(keep)
    try:
        with torch.enable_grad():
            score = network(image)[:, class_index].sum()
            (gradient,) = torch.autograd.grad(score, kept[0])
    finally:
        handle.remove()
    return (kept[0] * gradient).sum(dim=1).relu().detach()


def closed_form_map(logits: Tensor, bias: Tensor, class_index: int) -> Tensor:
    """Equation (1) at the last feature map, without a gradient.

    There the head is linear, so ``dS_c / dx_k`` is its weight ``w_ck`` everywhere, and the sum over k is the
    logit without its bias.

    Args:
        logits: (N, classes, Z, Y, X).
        bias: of the head, (classes,).
        class_index: channel c.

    Returns:
        (N, Z, Y, X), not negative.
    """
    return (logits[:, class_index] - bias[class_index]).relu()
