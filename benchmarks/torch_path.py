"""The reference path: a shipped bundle's weights in torch, float32, over the product's own steps.

``python benchmarks/torch_path.py IMAGE -o OUT`` segments a file as ``septum segment`` does, for comparison.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

from septum.core.shipped_recipes import shipped_recipes
from septum.inference import ENGINES, load_model
from septum.methods.torch_engine import TorchEngine
from septum.methods.transfer import take_over, weights_of
from septum.networks import build
from septum.training.recipe_file import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from septum.inference import Model, ModelOptions

RECIPES = {"cine": "production/cine-cpu", "la": "production/la-cpu"}


class BundleTorchEngine(TorchEngine):
    """A graph of a shipped bundle as a network of torch. Arguments as for the other engines."""

    recipe = "production/cine-cpu"

    def __init__(self, graph: Path, _multiple: tuple[int, int, int], _options: ModelOptions) -> None:
        recipe: Any = load_recipe(shipped_recipes()[self.recipe])
        settings = getattr(recipe, graph.stem).network
        network = build(settings)
        fresh = take_over(network, weights_of(graph), with_heads=True)
        if fresh:
            raise RuntimeError(
                f"{graph}: the graph lacks weights of the recipe's network: {', '.join(fresh)}."
            )
        super().__init__(network)
        self.in_channels = 1
        self.channels = {"logits": settings.out_channels, "map": 1}


def load_reference(name: str = "cine") -> Model:
    """A shipped model, run by torch in float32."""
    engine = type("Engine", (BundleTorchEngine,), {"recipe": RECIPES[name]})
    with mock.patch.dict(ENGINES, {"openvino": engine}):
        return load_model(name)


if __name__ == "__main__":
    from septum.cli.main import main

    ENGINES["openvino"] = BundleTorchEngine
    sys.exit(main(["segment", *sys.argv[1:]]))
