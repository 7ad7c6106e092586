"""The report of a study: every table in three forms, the figures, and a page that holds them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core.files import write_text
from septum_study.figures import agreement_figures
from septum_study.tables import table, table_names

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from septum_study.declaration import Declaration

ENDINGS = {"markdown": ".md", "csv": ".csv", "latex": ".tex"}


def table_text(
    study: Declaration, results: Path, name: str, form: str, stale: Container[tuple[str, int]] = ()
) -> str:
    """One table as ``markdown``, ``csv`` or ``latex``, without the results of stale units."""
    made = table(study, results, name, stale)
    return {"markdown": made.markdown, "csv": made.csv, "latex": made.latex}[form]()


def write_report(
    study: Declaration, results: Path, output: Path, stale: Container[tuple[str, int]] = ()
) -> Path:
    """Write everything that the committed results say into a folder.

    Args:
        study: its declaration.
        results: folder of the ledger and of the per-case results.
        stale: (row, fold) of units whose results are left out.
        output: gets ``table<name>.md``, ``.csv`` and ``.tex``, the figures, and ``report.md``.

    Returns:
        The page.

    Raises:
        InputError: a result file cannot be used.
        OutputError: a file cannot be written.
    """
    parts = [f"# {study.title}", f"Rebuilt from the per-case results of the study `{study.name}`."]
    for name in table_names(study):
        for form, ending in ENDINGS.items():
            text = table_text(study, results, name, form, stale)
            write_text(output / f"table-{name}{ending}", text)
            if form == "markdown":
                parts += [f"## Table {name}", text]
    pictures = [path for path in agreement_figures(study, results, output, stale) if path.suffix == ".png"]
    for path in pictures:
        parts += [f"## {path.stem.capitalize()}", f"![{path.stem}]({path.name})"]
    page = output / "report.md"
    write_text(page, "\n\n".join(parts) + "\n")
    return page
