"""The tables of a study, rebuilt from the results that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import RecipeError
from septum_study.comparison_table import comparison_table
from septum_study.localisation_table import localisation_table
from septum_study.row_results import gather
from septum_study.score_tables import score_table
from septum_study.summary_table import summary_table

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from septum.metrics.table import Table
    from septum_study.declaration import Declaration

#: Name of the table of tests, which belongs to all others.
TESTS = "tests"


def table_names(study: Declaration) -> tuple[str, ...]:
    """Names of all tables that a study has."""
    return (*study.tables, TESTS)


def table(
    study: Declaration, results_folder: Path, number: str, stale: Container[tuple[str, int]] = ()
) -> Table:
    """One table of a study.

    Rows and folds that have not run are named as such; what there is of the others is shown.

    Args:
        study: its declaration.
        results_folder: holds ``<row>/fold<k>.csv``; rows may be absent.
        number: one of :func:`table_names`.
        stale: (row, fold) of units whose results are left out, see ``plan.stale_units``.

    Raises:
        InputError: a result file cannot be used.
        RecipeError: there is no such table.
    """
    if number == TESTS:
        return comparison_table(study, gather(study, results_folder, stale))
    if number not in study.tables:
        raise RecipeError(
            f"study {study.name} has no table {number!r}; it has {', '.join(table_names(study))}."
        )
    found = gather(study, results_folder, stale)
    kind = study.tables[number].kind
    if kind == "localisation":
        return localisation_table(study, number, found)
    if kind == "summary":
        return summary_table(study, number, found)
    return score_table(study, number, found, by_structure=kind == "by_structure")
