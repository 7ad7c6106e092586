"""Tables on ACDC's groups, from the committed features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.datasets import load_cross_validation
from septum.interpretation.groups import load_groups
from septum.metrics.scores_file import read_rows
from septum_study.pattern.evaluation import (
    accuracy_table,
    confusion_table,
    elsewhere_table,
    nested,
    patients_of,
    unknown_table,
    without_a_group,
)

if TYPE_CHECKING:
    from pathlib import Path

    from septum.metrics.table import Table


def pattern_tables(studies: Path) -> dict[str, Table]:
    """Make every table of the page on groups.

    Args:
        studies: folder of the committed results.
    """
    manual, predicted = (
        patients_of(read_rows(studies / "pattern" / f"{name}.csv")) for name in ("manual", "predicted")
    )
    folds = [frozenset(part) for part in load_cross_validation("acdc").parts]
    of_predicted = {one.name: one for one in predicted}
    of_same = {one.name: one for one in manual if one.name in of_predicted}
    everybody = nested(manual, folds)
    found = nested(manual, folds, of_predicted)
    return {
        "accuracy": accuracy_table(
            {
                "manual masks": everybody,
                "manual masks, the patients below": nested(manual, folds, of_same),
                "predicted masks": found,
            }
        ),
        "confusion": confusion_table(everybody, "Most probable group, indices of manual masks"),
        "unknown": unknown_table(without_a_group(manual)),
        "elsewhere": elsewhere_table(read_rows(studies / "elsewhere" / "features.csv"), load_groups()),
    }
