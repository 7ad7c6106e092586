"""What is trained, and what for: the network to build and the objective to minimise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import RecipeError
from septum.losses import bce_dice, dice_cross_entropy, multiclass_dice
from septum.networks import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
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
        identity: what it is and all settings that it depends on, as :func:`identity_of` makes it.
    """

    build: Callable[[], nn.Module]
    objective: Objective
    identity: str


def identity_of(kind: str, *settings: BaseModel) -> str:
    """Text by which a network and its objective are known again: what they are, and their settings."""
    return " ".join([kind, *(one.model_dump_json(exclude_defaults=True) for one in settings)])


def stage_task(settings: StageSettings) -> Task:
    """A network of the registry and a loss of its logits."""

    def objective(network: nn.Module, image: Tensor, classes: Tensor) -> Tensor:
        return LOSSES[settings.loss](network(image), classes)

    return Task(lambda: built(settings.network), objective, identity_of(settings.loss, settings.network))


def built(settings: NetworkSettings) -> Network:
    """The network of a recipe. Raises :class:`RecipeError` where it cannot be built."""
    try:
        return build(settings)
    except ValueError as error:
        raise RecipeError(f"the recipe's network cannot be built: {error}.") from error
