"""All networks by name. An explicit dictionary: to add a network, add a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.networks.dr_unet import DRUNet

if TYPE_CHECKING:
    from septum.networks.settings import NetworkSettings

Network = DRUNet

REGISTRY: dict[str, type[Network]] = {"dr_unet": DRUNet}


def build(settings: NetworkSettings) -> Network:
    """The network that the settings describe, with fresh weights."""
    return REGISTRY[settings.architecture](settings)
