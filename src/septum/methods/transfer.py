"""Transfer: a network starts from the weights of one that was trained before, on other data or less long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from septum.core import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

#: Parts that turn features into an answer. What they answer is another question on other data.
HEADS = frozenset({"head", "side_heads", "threshold_head", "presence_head"})


def take_over(network: nn.Module, state_dict: Mapping[str, Tensor], *, with_heads: bool = False) -> list[str]:
    """Load every parameter and running statistic whose name and shape agree.

    Args:
        network: receives the weights.
        state_dict: of the network trained before.
        with_heads: whether the heads are taken over, too, because the question is the same.

    Returns:
        Names of the entries of ``network.state_dict()`` that are left fresh.

    Raises:
        RecipeError: nothing agrees.
    """
    own = network.state_dict()
    agreeing = {
        name: value
        for name, value in state_dict.items()
        if name in own and value.shape == own[name].shape and (with_heads or not HEADS & set(name.split(".")))
    }
    if not agreeing:
        raise RecipeError(
            f"none of the {len(state_dict)} weights to start from has the name and shape of one of the "
            f"network's {len(own)}; train both with the same architecture and filters."
        )
    network.load_state_dict(agreeing, strict=False)
    return [name for name in own if name not in agreeing]


def weights_of(graph: Path) -> dict[str, Tensor]:
    """The weights in a bundle's graph, float32, by the names that they have in the network it was made from.

    Weights that the graph stores as float16 go under the name of what it casts them to.

    Args:
        graph: ONNX file, its hash checked by whoever opened the bundle.
    """
    import onnx  # noqa: PLC0415  # studies run without it
    from onnx import numpy_helper  # noqa: PLC0415

    model = onnx.load(str(graph))
    # A localiser's graph holds the network and what computes the map.
    cast = {node.input[0]: node.output[0] for node in model.graph.node if node.op_type == "Cast"}
    return {
        cast.get(entry.name, entry.name).removeprefix("network."): _float32(numpy_helper.to_array(entry))
        for entry in model.graph.initializer
    }


def _float32(values: NDArray[Any]) -> Tensor:
    """A copy, float16 as float32; positions and the like as they are."""
    return torch.from_numpy(values.astype(np.float32) if values.dtype == np.float16 else values.copy())
