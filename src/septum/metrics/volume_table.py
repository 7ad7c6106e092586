"""What errors of a mask come to in the numbers that people use: volumes, ejection fractions, mass."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from septum.core.clinical import myocardial_mass_g

if TYPE_CHECKING:
    from collections.abc import Iterable

    from septum.metrics.scores_file import Row

HEAD = (
    "| index | n | truth, mean | bias ± SD | mean absolute error | largest error |\n|---|---|---|---|---|---|"
)

#: Volumes in ml of one patient by (structure, phase).
Volumes = dict[tuple[str, str], float]
Index = Callable[[Volumes], float]

#: Of a data set with both phases.
INDICES: dict[str, Index] = {
    "LV end-diastolic volume (ml)": lambda v: v["LV", "ED"],
    "LV end-systolic volume (ml)": lambda v: v["LV", "ES"],
    "LV ejection fraction (points)": lambda v: 100 * (1 - v["LV", "ES"] / v["LV", "ED"]),
    "LV mass at end-diastole (g)": lambda v: myocardial_mass_g(v["MYO", "ED"]),
    "RV end-diastolic volume (ml)": lambda v: v["RV", "ED"],
    "RV end-systolic volume (ml)": lambda v: v["RV", "ES"],
    "RV ejection fraction (points)": lambda v: 100 * (1 - v["RV", "ES"] / v["RV", "ED"]),
}


def volume_table(rows: list[Row]) -> str:
    """Markdown table of each index: automatic minus manual.

    Rows with phases give the indices of the ventricles by patient; rows without (a data set of single
    volumes) the volume of each structure by case.
    """
    phased = [row for row in rows if row["phase"]]
    indices, unit = (INDICES, "patient") if phased else (_plain_volumes(rows), "case")
    automatic, manual = (_volumes(phased or rows, column, unit) for column in ("predicted_ml", "true_ml"))
    lines = []
    for name, index in indices.items():
        pairs = []
        for one in manual:
            with suppress(ZeroDivisionError):  # no cavity at end-diastole: n tells, and it counts as missed
                pairs.append((index(automatic[one]), index(manual[one])))
        if pairs:
            lines.append(_line(name, pairs))
    return "\n".join([HEAD, *lines])


def _plain_volumes(rows: Iterable[Row]) -> dict[str, Index]:
    """The volume of each structure of single volumes."""
    structures = dict.fromkeys(row["structure"] for row in rows)
    return {f"{name} volume (ml)": partial(_volume_of, name) for name in structures}


def _volume_of(structure: str, volumes: Volumes) -> float:
    return volumes[structure, ""]


def _volumes(rows: Iterable[Row], column: str, unit: str) -> dict[str, Volumes]:
    volumes: dict[str, Volumes] = {}
    for row in rows:
        volumes.setdefault(row[unit], {})[row["structure"], row["phase"]] = float(row[column])
    return volumes


def _line(name: str, pairs: list[tuple[float, float]]) -> str:
    errors = [automatic - manual for automatic, manual in pairs]
    spread = f" ± {statistics.stdev(errors):.1f}" if len(errors) > 1 else ""
    cells = [
        name,
        str(len(errors)),
        f"{statistics.fmean(manual for _, manual in pairs):.1f}",
        f"{statistics.fmean(errors):+.1f}{spread}",
        f"{statistics.fmean(map(abs, errors)):.1f}",
        f"{max(errors, key=abs):+.1f}",
    ]
    return f"| {' | '.join(cells)} |"
