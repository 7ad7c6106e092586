"""Weights of a graph stored as float16; what is computed with them stays float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Ends the name of a stored float16 tensor; the float32 tensor made from it has the name without it.
SUFFIX = ".float16"


def store_half(graph: Path) -> None:
    """Store the convolutions' weights of an ONNX graph as float16, each with a Cast to float32 after it.

    Engines compute the Cast once, when they load the graph. Tensors of fewer than two axes (biases and the
    parameters of normalisations: little to gain) and tensors with a value that float16 cannot hold stay as
    they are, and so does a graph that was stored so before.

    Args:
        graph: file, replaced.
    """
    model = onnx.load(str(graph))
    casts = []
    for entry in model.graph.initializer:
        name, values = entry.name, numpy_helper.to_array(entry)
        if values.ndim < 2 or not _fits(values):
            continue
        entry.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + SUFFIX))
        casts.append(helper.make_node("Cast", [entry.name], [name], f"{name}/Cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]  # in the order in which they are computed
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(graph))


def _fits(values: NDArray[np.generic]) -> bool:
    """Whether these are float32 values that float16 can hold."""
    return values.dtype == np.float32 and bool(np.abs(values).max(initial=0) <= np.finfo(np.float16).max)
