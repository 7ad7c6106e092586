"""All networks by name. An explicit dictionary: to add a network, add a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        ValueError: a setting that the architecture does not have is not at its default.
    """
    return REGISTRY[settings.architecture](settings)
