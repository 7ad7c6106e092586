"""Rooms that need an extra: loaded by name; without it a sentence says what to install."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


def load_with(module: str, who: str, extras: Mapping[str, str]) -> ModuleType:
    """Load a module that needs packages of an extra.

    Args:
        module: its full name.
        who: needs it, as a sentence begins.
        extras: the extra that brings a package, by the package.

    Raises:
        MissingExtraError: one of these packages is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in extras:
            raise
        from septum.core import MissingExtraError

        raise MissingExtraError(
            f"{who} needs {missing}, which is not installed; run pip install 'septum[{extras[missing]}]'."
        ) from error
