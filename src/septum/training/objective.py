"""What is trained, and what for: the network to build and the objective to minimise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import RecipeError
from septum.losses import bce_dice, dice_cross_entropy, multiclass_dice
from septum.networks import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from septum.methods.settings import StageSettings
    from septum.networks import Network, NetworkSettings

    #: From a network in training, images (N, 1, Z, Y, X) and classes (N, Z, Y, X) to what is minimised.
    Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce_dice": bce_dice,
    "multiclass_dice": multiclass_dice,
    "dice_cross_entropy": dice_cross_entropy,
}


@dataclass(frozen=True)
class Task:
    """A network to be trained.

    Attributes:
        build: makes it, with fresh weights from torch's generator.
        objective: what its training minimises; a mean over the samples.
        settings_json: all settings that either depends on, for the identity of what is trained.
    """

    build: Callable[[], nn.Module]
    objective: Objective
    settings_json: str


def stage_task(settings: StageSettings) -> Task:
    """A network of the registry and a loss of its logits."""

    def objective(network: nn.Module, image: Tensor, classes: Tensor) -> Tensor:
        return LOSSES[settings.loss](network(image), classes)

    asked = settings.model_dump_json(include={"network", "loss"}, exclude_defaults=True)
    return Task(lambda: built(settings.network), objective, asked)


def built(settings: NetworkSettings) -> Network:
    """The network of a recipe. Raises :class:`RecipeError` where it cannot be built."""
    try:
        return build(settings)
    except ValueError as error:
        raise RecipeError(f"the recipe's network cannot be built: {error}.") from error
