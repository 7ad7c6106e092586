"""The device to compute on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from septum.core import RecipeError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def choose_device(name: str | None) -> torch.device:
    """The device asked for, or a GPU where there is one.

    Raises:
        RecipeError: a GPU is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise RecipeError("device cuda: expected a usable CUDA device, and there is none; use the CPU.")
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def device_name(device: torch.device) -> str:
    """What computes, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def repeatable() -> AbstractContextManager[None]:
    """Convolutions on a GPU by algorithms that add up in a fixed order, so that a rerun agrees."""
    return torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled, deterministic=True, benchmark=False
    )
