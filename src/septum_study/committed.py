"""Tables and figures of committed results. Reading them needs no torch."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core import RecipeError
from septum_study.declaration import load_study
from septum_study.figures import agreement_figures
from septum_study.report import table_text, write_report

if TYPE_CHECKING:
    from septum_study.declaration import Declaration
    from septum_study.ledger import Unit

#: What is said where recipes, which name networks, cannot be loaded.
UNCHECKED = (
    "Whether a recipe has changed since its results were committed was not checked: that needs torch; "
    "install it with: pip install 'septum[study]'."
)


def table(name: str, results: Path | None, number: str, form: str) -> tuple[str, str]:
    """Give one table as text, and a sentence on what was not checked, or an empty one.

    Args:
        name: of the study, or its file.
        results: folder of the ledger; by default the study's.
        number: of the table.
        form: ``markdown``, ``csv`` or ``latex``.
    """
    study, folder, stale, unchecked = _opened(name, results)
    return table_text(study, folder, number, form, stale), unchecked


def figures(name: str, results: Path | None, output: Path) -> tuple[list[Path], str]:
    """Draw the Bland-Altman figures; give the files written, and a sentence as :func:`table`.

    Args:
        name: of the study, or its file.
        results: folder of the ledger; by default the study's.
        output: folder for the pictures.
    """
    study, folder, stale, unchecked = _opened(name, results)
    written = agreement_figures(study, folder, output, stale)
    if not written:
        raise RecipeError(f"no row of a figure of study {study.name} has run; see septum study plan.")
    return written, unchecked


def report(name: str, results: Path | None, output: Path) -> tuple[Path, str]:
    """Write tables, figures and their page; give the page, and a sentence as :func:`table`.

    Args:
        name: of the study, or its file.
        results: folder of the ledger; by default the study's.
        output: folder for the report.
    """
    study, folder, stale, unchecked = _opened(name, results)
    return write_report(study, folder, output, stale), unchecked


def results_folder(study: Declaration, results: Path | None) -> Path:
    """Name the folder of the ledger.

    Args:
        study: whose results.
        results: the folder, where the user names it.
    """
    return results or Path("studies") / study.name


def _opened(name: str, results: Path | None) -> tuple[Declaration, Path, frozenset[Unit], str]:
    """A study, its results folder, units whose recipes have changed since, a sentence if nobody can know."""
    study = load_study(name)
    folder = results_folder(study, results)
    if importlib.util.find_spec("torch") is None:
        return study, folder, frozenset(), UNCHECKED
    from septum_study.plan import stale_units  # noqa: PLC0415  # recipes name networks, which need torch

    return study, folder, stale_units(study, folder), ""
