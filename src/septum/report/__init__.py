"""The report of one study as a page. Nothing is measured here: numbers come from `indices` and `quality`.

The page is loaded when it is first used: who wants the address of a study in the viewer needs none of what
draws its pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from septum.report.page import Described, Reportable, write_report

__all__ = ["Described", "Reportable", "write_report"]


def __getattr__(name: str) -> Any:
    """Load a public name (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'septum.report' has no attribute {name!r}")
    from septum.report import page  # noqa: PLC0415  # see above

    return getattr(page, name)
