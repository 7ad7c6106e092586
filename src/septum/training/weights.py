"""Weights that are kept: parameters in half precision, running statistics in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


def half_precision(network: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's state on the CPU, its parameters as float16.

    Buffers stay as they are: the running variance of a batch normalisation can lie beyond what 16 bits hold.
    """
    parameters = {name for name, _ in network.named_parameters()}
    return {
        name: value.detach().to("cpu", torch.float16 if name in parameters else value.dtype, copy=True)
        for name, value in network.state_dict().items()
    }


def restore(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load what :func:`half_precision` kept; each value takes the network's own type."""
    network.load_state_dict(weights)
