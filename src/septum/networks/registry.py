"""All networks by name. An explicit dictionary: to add a network, add a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import RecipeError
from septum.networks.dr_unet import DRUNet
from septum.networks.unet3d import UNet3D
from septum.networks.vnet import VNet

if TYPE_CHECKING:
    from septum.networks.network import Network
    from septum.networks.settings import NetworkSettings

REGISTRY: dict[str, type[Network]] = {"dr_unet": DRUNet, "unet3d": UNet3D, "vnet": VNet}


def build(settings: NetworkSettings) -> Network:
    """The network that the settings describe, with fresh weights.

    Raises:
        RecipeError: no network has this name.
        ValueError: a setting that the architecture does not have is not at its default.
    """
    require_known(settings, "architecture")
    return REGISTRY[settings.architecture](settings)


def require_known(settings: NetworkSettings, where: str) -> None:
    """Check that there is a network of this name.

    Args:
        settings: of the network.
        where: begins the sentence: the setting, and the file where there is one.

    Raises:
        RecipeError: there is none.
    """
    if settings.architecture not in REGISTRY:
        raise RecipeError(
            f"{where}: expected one of {', '.join(map(repr, REGISTRY))}, got {settings.architecture!r}; "
            "write the name of a network that there is."
        )
