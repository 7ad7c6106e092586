"""What is trained, and what for: the network to build and the objective to minimise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from torch import nn
from torch.nn import functional as F

from septum.core import RecipeError
from septum.losses import bce_dice, dice_cross_entropy, multiclass_dice, presence_cross_entropy
from septum.networks import build
from septum.networks.convolution import Convolution
from septum.preprocessing import padded_to_multiple

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from torch import Tensor

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
    loss, weights = LOSSES[settings.loss], settings.side_weights

    def build_it() -> Network:
        network = built(settings.network)
        if weights:
            network.side_heads = side_heads(network, len(weights))
        return network

    def objective(network: nn.Module, image: Tensor, classes: Tensor) -> Tensor:
        image, classes = padded(network, image, classes)
        deepest, features = network.levels(image)  # type: ignore[operator]
        total = loss(network.head(features[-1]), classes)  # type: ignore[operator]
        if settings.presence_weight:
            told = network.presence_head(deepest)  # type: ignore[operator]
            total = total + settings.presence_weight * presence_cross_entropy(told, classes)
        if not weights:
            return total
        coarser = zip(network.side_heads, features[-1 - len(weights) : -1], weights, strict=True)  # type: ignore[arg-type]
        for head, feature, weight in coarser:
            size = feature.shape[2:]
            target = F.interpolate(classes[:, None].float(), size, mode="nearest")[:, 0].to(classes.dtype)
            total = total + weight * loss(head(feature), target)
        return total / (1 + sum(weights))

    return Task(build_it, objective, identity_of(settings.loss, settings.network))


def padded(network: nn.Module, image: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Image (N, 1, Z, Y, X) and classes (N, Z, Y, X), with zeros about them as far as the network needs.

    It is padded as the product pads a region whose size is no multiple of the network's.
    """
    shape = classes.shape[1:]
    region = padded_to_multiple(shape, cast("tuple[int, int, int]", network.multiple))
    ends = list(zip(region.start, region.stop, shape, strict=True))
    padding = [n for start, stop, size in reversed(ends) for n in (-start, stop - size)]
    return (F.pad(image, padding), F.pad(classes, padding)) if any(padding) else (image, classes)


def side_heads(network: Network, count: int) -> nn.ModuleList:
    """Heads of the decoder's levels before the last one, deepest first, for deep supervision.

    Source: Lee et al., Deeply-Supervised Nets, AISTATS 2015; on decoders as in Isensee et al., nnU-Net, 2021.
    """
    channels = network.decoder_channels[-1 - count : -1]
    return nn.ModuleList(Convolution(c, network.settings.out_channels, (1, 1, 1)) for c in channels)


def built(settings: NetworkSettings) -> Network:
    """The network of a recipe. Raises :class:`RecipeError` where it cannot be built."""
    try:
        return build(settings)
    except ValueError as error:
        raise RecipeError(f"the recipe's network cannot be built: {error}.") from error
