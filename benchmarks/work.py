"""How much a network computes, and how fast this machine can convolve."""

from __future__ import annotations

import time
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from openvino import opset13 as ops

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Convolutions among which the fastest says what the machine can do: channels, kernel, image.
CONVOLUTIONS = (
    (64, (1, 3, 3), (10, 64, 64)),
    (64, (3, 3, 3), (10, 32, 32)),
    (128, (3, 3, 3), (10, 16, 16)),
    (128, (1, 3, 3), (10, 32, 32)),
    (256, (1, 1, 1), (10, 32, 32)),
)
RUNS = 30


@cache
def flop_of(graph: Path, shape: tuple[int, ...]) -> float:
    """Floating-point operations of the convolutions of a graph for an image (N, C, Z, Y, X)."""
    return 2.0 * multiply_adds(graph, shape)


def multiply_adds(graph: Path, shape: Sequence[int]) -> int:
    """Multiplications with an addition in all convolutions of a graph, for one image (N, C, Z, Y, X).

    Raises:
        ValueError: the graph has products of another kind, which are not counted.
    """
    model = openvino.Core().read_model(str(graph))
    model.reshape(list(shape))
    total = 0
    for op in model.get_ordered_ops():
        kind = op.get_type_name()
        if kind in ("Convolution", "ConvolutionBackpropData"):
            weights = op.input(1).get_shape()  # channels out (back: in), channels in (back: out), z, y, x
            voxels = op.output(0).get_shape() if kind == "Convolution" else op.input(0).get_shape()
            total += prod(voxels) * prod(weights[1:])
        elif kind == "MatMul" or "Convolution" in kind:
            raise ValueError(f"{kind} is not counted")
    return total


def best_gflops() -> float:
    """Best rate, in GFLOP/s, of a convolution in float32 on all cores, as OpenVINO computes it."""
    return max(_rate(*one) for one in CONVOLUTIONS) / 1e9


def _rate(channels: int, kernel: tuple[int, ...], image: tuple[int, ...]) -> float:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((channels, channels, *kernel)).astype(np.float32)
    pads = [n // 2 for n in kernel]
    given = ops.parameter([1, channels, *image], np.float32)
    found = ops.convolution(given, ops.constant(weights), [1, 1, 1], pads, pads, [1, 1, 1])
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(openvino.Model([found], [given]), "CPU", settings)
    request = request.create_infer_request()
    array = rng.standard_normal((1, channels, *image)).astype(np.float32)
    best = np.inf
    for _ in range(RUNS):
        started = time.perf_counter()
        request.infer([array], share_inputs=True)
        best = min(best, time.perf_counter() - started)
    return 2.0 * weights.size * float(np.prod(image)) / best
