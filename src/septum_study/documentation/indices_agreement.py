"""How far indices of found masks are from those of true masks, and from those of an analytic heart."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from septum.indices.definitions import DEFINITIONS
from septum.metrics.agreement import agreement
from septum.metrics.table import Column, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from septum.metrics.scores_file import Row

#: Rows of the table on wall thickness: title, stem of the keys and unit.
_WALL = (
    ("Wall thickness at end-diastole", "wall_ed_mm", "mm"),
    ("Wall thickness at end-systole", "wall_es_mm", "mm"),
    ("Wall thickening", "wall_thickening_percent", "%"),
)
_NOTE = (
    "Automatic minus manual. Limits of agreement: bias ± 1.96 SD (Bland and Altman 1999). For wall thickness "
    "n counts segments, of several a patient."
)
_COLUMNS = (
    Column("Index"), Column("Unit"), Column("n"), Column("Patients"), Column("Truth, mean"),
    Column("Mean absolute error"), Column("Bias"), Column("Limits of agreement"),
)  # fmt: skip


def agreement_table(rows: Iterable[Row]) -> Table:
    """One line an index; differences are automatic minus manual.

    Args:
        rows: with ``patient``, ``index``, ``predicted`` and ``true``; an empty cell is a value that cannot be
            told. AHA segments are the indices ``wall_..._1`` to ``_17``, and stand in one line together.
    """
    pairs: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    missing = 0
    for row in rows:
        key = row["index"]
        stem = next((stem for _, stem, _ in _WALL if key.startswith(f"{stem}_")), key)
        if row["predicted"] and row["true"]:
            pairs[stem].append((row["patient"], float(row["predicted"]), float(row["true"])))
        else:
            missing += bool(row["predicted"]) != bool(row["true"])
    named = [(one.title, one.key, one.unit) for one in DEFINITIONS] + list(_WALL)
    lines = tuple(_line(title, unit, pairs[key]) for title, key, unit in named if len(pairs[key]) > 1)
    left_out = f"Values that only one of the two masks gives, and that are left out: {missing}."
    title = "Indices of the shipped model on its test patients"
    return Table(title, _COLUMNS, (Section("", lines),), (_NOTE, left_out))


def _line(title: str, unit: str, pairs: Sequence[tuple[str, float, float]]) -> tuple[str, ...]:
    predicted, true = [p for _, p, _ in pairs], [t for _, _, t in pairs]
    found = agreement(predicted, true)  # in this order its differences are automatic minus manual
    return (
        title,
        unit,
        str(len(pairs)),
        str(len({patient for patient, _, _ in pairs})),
        f"{statistics.fmean(true):.1f}",
        f"{statistics.fmean(map(abs, found.difference_ml)):.1f}",
        f"{found.bias_ml.value:+.1f}",
        f"{found.lower_ml.value:+.1f} to {found.upper_ml.value:+.1f}",
    )


def spacing_table(rows: Iterable[Row]) -> Table:
    """Mean and largest error of the LV's volumes by distance of slices.

    Args:
        rows: with ``slice_spacing_mm``, ``index``, ``counted`` and ``analytic``.
    """
    errors: dict[tuple[float, str], list[float]] = defaultdict(list)
    for row in rows:
        counted, analytic = float(row["counted"]), float(row["analytic"])
        scale = 1.0 if row["index"] == "lv_ef_percent" else analytic / 100.0
        errors[float(row["slice_spacing_mm"]), row["index"]].append(abs(counted - analytic) / scale)
    named = [(one.title, one.key) for one in DEFINITIONS if any(key == one.key for _, key in errors)]
    spacings = sorted({spacing for spacing, _ in errors}, reverse=True)
    lines = tuple(
        (
            f"{spacing:g}",
            *(
                f"{statistics.fmean(errors[spacing, k]):.1f} ({max(errors[spacing, k]):.1f})"
                for _, k in named
            ),
        )
        for spacing in spacings
    )
    units = {"lv_ef_percent": "points"}
    columns = tuple(Column(f"{title} ({units.get(key, '%')})") for title, key in named)
    count = len(errors[spacings[0], named[0][1]])
    note = (
        f"Mean and, in brackets, largest absolute error of {count} phantoms, whose base stands midway "
        "between two slices at end-diastole, so that errors cancel, and anywhere between two at end-systole."
    )
    return Table(
        "What the distance of slices costs",
        (Column("Distance of slices (mm)"), *columns),
        (Section("", lines),),
        (note,),
    )
