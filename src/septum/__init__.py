"""Septum finds the heart in a cardiac MR study, segments it in 3-D, and gives the numbers that people use.

Importing this package loads nothing else; each name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from septum.core import Geometry, Segmentation, Study
    from septum.core.errors import OutputWarning, QualityWarning, SeptumError
    from septum.inference import Model, load_model
    from septum.io import write_image, write_mask
    from septum.workflows.api import load_mask, measure, segment
    from septum.workflows.evaluate import evaluate
    from septum.workflows.loading import load
    from septum.workflows.options import IndexSettings
    from septum.workflows.result import Result

    __version__: str

__all__ = [
    "Geometry",
    "IndexSettings",
    "Model",
    "OutputWarning",
    "QualityWarning",
    "Result",
    "Segmentation",
    "SeptumError",
    "Study",
    "__version__",
    "evaluate",
    "load",
    "load_mask",
    "load_model",
    "measure",
    "segment",
    "write_image",
    "write_mask",
]

_HOMES = {
    "Geometry": "septum.core",
    "IndexSettings": "septum.workflows.options",
    "Model": "septum.inference",
    "OutputWarning": "septum.core.errors",
    "QualityWarning": "septum.core.errors",
    "Result": "septum.workflows.result",
    "Segmentation": "septum.core",
    "SeptumError": "septum.core",
    "Study": "septum.core",
    "evaluate": "septum.workflows.evaluate",
    "load": "septum.workflows.loading",
    "load_mask": "septum.workflows.api",
    "load_model": "septum.inference",
    "measure": "septum.workflows.api",
    "segment": "septum.workflows.api",
    "write_image": "septum.io",
    "write_mask": "septum.io",
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
