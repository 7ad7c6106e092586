"""Choose how a training computes its convolutions: what is fastest depends on the processor."""

from __future__ import annotations

import ctypes
import sys
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import nn

from septum.networks.blocks import unit
from septum.networks.convolution import Convolution, UpConvolution
from septum.networks.settings import NetworkSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Convolutions that the ways are compared on: (channels in, channels out, kernel, size of the image).
SAMPLES = ((16, 16, (1, 3, 3), (8, 64, 64)), (64, 64, (3, 3, 3), (8, 16, 16)))
REPEATS = 3
#: Options of the C library's ``mallopt``, and the values by which it keeps freed memory.
KEEPING = ((-3, 1 << 30), (-1, (1 << 31) - 1))


@dataclass(frozen=True)
class Way:
    """Say how convolutions are computed.

    Attributes:
        by_slices: each as 2-D ones over slices (see ``networks.slice_convolution``), else as one in 3-D.
        bfloat16: whether images are rounded to 16 bits between layers; weights, statistics and losses stay
            float32.
    """

    by_slices: bool
    bfloat16: bool

    def __str__(self) -> str:
        kind = "slice by slice" if self.by_slices else "in 3-D"
        return f"convolutions {kind}, {'bfloat16' if self.bfloat16 else 'float32'}"

    def apply_to(self, network: nn.Module) -> None:
        """Make a network compute its convolutions in this way; its parameters stay what they are."""
        for module in network.modules():
            if isinstance(module, Convolution | UpConvolution):
                module.by_slices = self.by_slices
        if not self.by_slices:
            network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


BY_SLICES = Way(by_slices=True, bfloat16=False)
#: What a GPU does.
ON_GPU = Way(by_slices=False, bfloat16=True)
WAYS = (BY_SLICES, Way(by_slices=False, bfloat16=False), Way(by_slices=False, bfloat16=True))


def way_for(device: torch.device) -> Way:
    """Give the way for a device: on a CPU the fastest one, on a GPU always the same.

    A processor without AVX-512 goes by slices: its 3-D kernels are some ten times slower.
    """
    if device.type != "cpu":
        return ON_GPU
    return fastest_way(WAYS) if torch.backends.cpu.get_cpu_capability() == "AVX512" else BY_SLICES


@cache
def fastest_way(ways: Sequence[Way]) -> Way:
    """Find the way that takes the least time for a forward and a backward pass of :data:`SAMPLES`."""
    return min(ways, key=_seconds)


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed images for the next ones: 5 % of a step on Linux."""
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):  # of glibc alone
            for option, value in KEEPING:
                library.mallopt(option, value)


def _seconds(way: Way) -> float:
    """Time one pass over all samples; the shortest of a few."""
    settings = NetworkSettings(norm="instance")
    total = 0.0
    for inputs, outputs, kernel, size in SAMPLES:
        layer = unit(inputs, outputs, settings, kernel)
        way.apply_to(layer)
        image = torch.randn(1, inputs, *size, generator=torch.Generator().manual_seed(0))
        image = image.contiguous(memory_format=torch.channels_last_3d).requires_grad_()
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way.bfloat16):
                found = layer(image)
            found.float().sum().backward()
            times.append(time.perf_counter() - started)
        total += min(times)
    return total
