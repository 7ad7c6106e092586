"""Transfer: a network starts from the weights of one that was trained on other data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

#: Parts that turn features into an answer. What they answer is another question on other data.
HEADS = frozenset({"head", "side_heads", "threshold_head"})


def take_over(network: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    """Load every parameter and running statistic whose name and shape agree, heads excluded.

    Args:
        network: receives the weights.
        state_dict: of the network trained before.

    Returns:
        Names of the entries of ``network.state_dict()`` that are left fresh, heads included.

    Raises:
        RecipeError: nothing agrees.
    """
    own = network.state_dict()
    agreeing = {
        name: value
        for name, value in state_dict.items()
        if name in own and value.shape == own[name].shape and not HEADS & set(name.split("."))
    }
    if not agreeing:
        raise RecipeError(
            f"none of the {len(state_dict)} weights to start from has the name and shape of one of the "
            f"network's {len(own)}; train both with the same architecture and filters."
        )
    network.load_state_dict(agreeing, strict=False)
    return [name for name in own if name not in agreeing]
