"""Networks: one architecture a file, parts in ``blocks``, an explicit registry."""

from septum.networks.activation_map import activation_map, closed_form_map
from septum.networks.network import Network
from septum.networks.registry import REGISTRY, build, require_known
from septum.networks.settings import NetworkSettings

__all__ = [
    "REGISTRY",
    "Network",
    "NetworkSettings",
    "activation_map",
    "build",
    "closed_form_map",
    "require_known",
]
