"""The tables of hearts from elsewhere on the page of the production models, from the committed scores."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

from septum.metrics.table import Column, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = Mapping[str, str]

#: Reader of lines that compare two readers with each other.
BETWEEN = "between"
STRUCTURES = ("RV", "MYO", "LV", "whole LV")
PHASES = ("ED", "ES")
_NOTHING = "-"


def overlap_table(rows: Iterable[Row]) -> Table:
    """Mean Dice by source, structure and phase, and between readers where there are two.

    Args:
        rows: of ``studies/elsewhere/cine.csv``.
    """
    scores: dict[tuple[str, bool], dict[tuple[str, str], list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    patients: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for row in rows:
        who = row["source"], row["reader"] == BETWEEN
        scores[who][row["structure"], row["phase"]].append(float(row["dice"]))
        patients[who].add(row["patient"])
    lines = tuple(
        (
            f"{source}, between its readers" if between else source,
            str(len(patients[source, between])),
            *(_mean(found[structure, phase]) for structure in STRUCTURES for phase in PHASES),
        )
        for (source, between), found in scores.items()
    )
    columns = (
        Column("Source"),
        Column("Patients"),
        *(Column(phase, structure) for structure in STRUCTURES for phase in PHASES),
    )
    notes = (
        "Mean Dice of `cine`; of two readers, over both. Whole LV: cavity and myocardium together.",
        "Of Sunnybrook, only slices in which the reader drew the cavity count.",
    )
    return Table("Dice on hearts from elsewhere", columns, (Section("", lines),), notes)


def fraction_table(rows: Sequence[Row]) -> Table:
    """Errors of the ejection fractions, how many intervals hold the truth, and what is stopped.

    Args:
        rows: of ``studies/elsewhere/cine_ef.csv``.
    """
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["source"], row["ventricle"]].append(row)
    lines = tuple(
        (f"{source}, {ventricle}", *_fraction_cells(some)) for (source, ventricle), some in grouped.items()
    )
    heads = (
        "Ejection fraction of",
        "Readings",
        "Bias (points)",
        "Mean absolute error (points)",
        "Interval holds",
        "Stopped",
    )
    notes = (
        "A reading is one reader's of one patient. Bias: ours less the reader's.",
        "Stopped: the verdict on that ventricle is *review* or *reject*.",
    )
    return Table(
        "Ejection fractions on hearts from elsewhere", tuple(map(Column, heads)), (Section("", lines),), notes
    )


def _fraction_cells(rows: Sequence[Row]) -> tuple[str, ...]:
    errors = [float(row["predicted"]) - float(row["true"]) for row in rows]
    told = [row for row in rows if row["low"]]
    held = sum(float(row["low"]) <= float(row["true"]) <= float(row["high"]) for row in told)
    return (
        str(len(rows)),
        f"{fmean(errors):+.1f}",
        f"{fmean(map(abs, errors)):.1f}",
        f"{held} of {len(told)}",
        str(sum(row["verdict"] != "fine" for row in rows)),
    )


def _mean(values: Sequence[float]) -> str:
    return f"{fmean(values):.3f}" if values else _NOTHING
