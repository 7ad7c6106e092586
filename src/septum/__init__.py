"""Septum finds the heart in a cardiac MR study, segments it in 3-D, and gives the numbers that people use.

Importing this package loads nothing else; each name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from septum.core import Geometry, Segmentation
    from septum.core.errors import SeptumError
    from septum.inference import Model, load_model
    from septum.workflows.segment import segment

    __version__: str

__all__ = [
    "Geometry",
    "Model",
    "Segmentation",
    "SeptumError",
    "__version__",
    "load_model",
    "segment",
]

_HOMES = {
    "Geometry": "septum.core",
    "Model": "septum.inference",
    "Segmentation": "septum.core",
    "SeptumError": "septum.core",
    "load_model": "septum.inference",
    "segment": "septum.workflows.segment",
}


def __getattr__(name: str) -> Any:
    """Load a public name (PEP 562)."""
    from importlib import import_module, metadata

    if name == "__version__":
        value: Any = metadata.version("septum")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'septum' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
