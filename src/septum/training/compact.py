"""A training state in less than half the bytes, for networks whose full one would be too large to move.

Weights go to half precision, which rounds them once for each time that a training is taken up. Of Adam's
moments the first is left out: with its decay of 0.9 it is made anew within some ten steps. The second keeps
one byte a value, its logarithm in quarters of an octave, so that a step's size is right within 5 percent.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

#: Codes 1 to 255 stand for powers of two from 2^-48 on in steps of 1/4; 0 stands for 0.
STEPS_PER_OCTAVE = 4
LOWEST = -48.0
MARK = "compact"


def compact(state: dict[str, Any]) -> dict[str, Any]:
    """The state of a training (see ``Fit``) in its small form."""
    optimiser = state["optimiser"]
    moments = {
        key: {
            "step": entry["step"],
            "exp_avg_sq": encode(entry["exp_avg_sq"]),
        }
        for key, entry in optimiser["state"].items()
    }
    return state | {
        MARK: True,
        "network": {name: _half(value) for name, value in state["network"].items()},
        "optimiser": optimiser | {"state": moments},
    }


def expand(state: dict[str, Any]) -> dict[str, Any]:
    """A state that can be loaded, from either form."""
    if not state.get(MARK):
        return state
    network = {
        name: value.float() if value.dtype == torch.float16 else value
        for name, value in state["network"].items()
    }
    optimiser = state["optimiser"]
    moments = {}
    for key, entry in optimiser["state"].items():
        second = decode(entry["exp_avg_sq"])
        moments[key] = {"step": entry["step"], "exp_avg": torch.zeros_like(second), "exp_avg_sq": second}
    return state | {"network": network, "optimiser": optimiser | {"state": moments}}


def is_compact(state: dict[str, Any]) -> bool:
    """Whether a state came from the small form."""
    return bool(state.get(MARK))


def size_of(state: Any) -> int:
    """Bytes of all tensors in a state, however deep they lie in it."""
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, dict):
        return sum(size_of(value) for value in state.values())
    return sum(size_of(value) for value in state) if isinstance(state, list | tuple) else 0


def encode(values: Tensor) -> Tensor:
    """Not negative values to one byte each; relative error at most 2^(1/8) - 1, about 9 percent."""
    code = ((values.clamp_min(2.0**LOWEST).log2() - LOWEST) * STEPS_PER_OCTAVE).round() + 1
    return torch.where(values > 0, code.clamp(1, 255), torch.zeros_like(code)).to("cpu", torch.uint8)


def decode(codes: Tensor) -> Tensor:
    """What :func:`encode` made, as float32."""
    values = ((codes.float() - 1) / STEPS_PER_OCTAVE + LOWEST).exp2()
    return torch.where(codes > 0, values, torch.zeros_like(values))


def _half(value: Tensor) -> Tensor:
    """Large tensors are the weights; statistics of a normalisation stay as they are."""
    return value.half() if value.is_floating_point() and value.dim() > 1 else value
