"""Tables of what a model decides beyond the largest logit, and of atria that lie otherwise."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from septum.metrics.table import Column, Section, Table
from septum_study.calibration.decision import agreements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.metrics.scores_file import Row
    from septum_study.calibration.decision import SliceRow

_PHASES = ("ED", "ES")


def slices_table(rows: Sequence[SliceRow]) -> Table:
    """Slices too many and missed a case, and Dice, before and after the decision.

    Args:
        rows: each structure in each slice of the test patients, with left-out probabilities.
    """
    before, after = (agreements(rows, decided=decided) for decided in (False, True))
    columns = (
        Column("Structure, phase"),
        *(Column(when, "Slices too many") for when in ("before", "after")),
        *(Column(when, "Slices missed") for when in ("before", "after")),
        *(Column(when, "Dice") for when in ("before", "after")),
    )
    lines = []
    for structure in dict.fromkeys(row.structure for row in rows):
        for phase in _PHASES:
            both = [
                [one for one in some if (one.structure, one.phase) == (structure, phase)]
                for some in (before, after)
            ]
            cells = [f"{statistics.fmean(one.too_many for one in some):.2f}" for some in both]
            cells += [f"{statistics.fmean(one.missed for one in some):.2f}" for some in both]
            cells += [f"{statistics.fmean(one.dice for one in some):.3f}" for some in both]
            lines.append((f"{structure} {phase}", *cells))
    total = [f"{statistics.fmean(one.dice for one in some):.4f}" for some in (before, after)]
    patients = len({row.patient for row in rows})
    note = (
        f"Means over {patients} patients, each decided by weights that were fitted without him or her. "
        f"Mean Dice of all: {total[0]} before, {total[1]} after."
    )
    return Table("Which slices hold what", columns, (Section("", tuple(lines)),), (note,))


def shift_table(rows: Sequence[Row]) -> Table:
    """Bias of the volume of the myocardium, and its Dice, for each shift of its logit.

    Args:
        rows: with ``shift``, ``patient``, ``phase``, ``bias_ml`` and ``dice``.
    """
    columns = (
        Column("Shift of the logit"),
        *(Column(phase, "Bias (ml)") for phase in _PHASES),
        Column("both", "Bias (ml)"),
        *(Column(phase, "Dice") for phase in _PHASES),
    )
    lines = []
    for shift in dict.fromkeys(row["shift"] for row in rows):
        own = {phase: [r for r in rows if (r["shift"], r["phase"]) == (shift, phase)] for phase in _PHASES}
        biases = [_mean(own[phase], "bias_ml") for phase in _PHASES]
        cells = [f"{bias:+.1f}" for bias in (*biases, statistics.fmean(biases))]
        cells += [f"{_mean(own[phase], 'dice'):.4f}" for phase in _PHASES]
        lines.append((f"{float(shift):.2f}", *cells))
    note = (
        f"The myocardium of {len({row['patient'] for row in rows})} patients, after the decision on slices."
    )
    return Table("The wall", columns, (Section("", tuple(lines)),), (note,))


def turned_table(rows: Sequence[Row]) -> Table:
    """Dice of turned and mirrored volumes, and what it lacks of that of the volumes as they are.

    Args:
        rows: with ``patient``, ``change`` (``none`` among them) and ``dice``.
    """
    own = {change: [row for row in rows if row["change"] == change] for change in _changes(rows)}
    start = _mean(own["none"], "dice")
    columns = (Column("Volume"), Column("Dice"), Column("less as it is"))
    means = {change: _mean(some, "dice") for change, some in own.items()}
    lines = [
        ("as it is" if change == "none" else change, f"{mean:.3f}", f"{mean - start:+.3f}")
        for change, mean in means.items()
    ]
    note = f"Mean Dice of `la` over {len(own['none'])} test patients of the published split."
    return Table("Turned and mirrored atria", columns, (Section("", tuple(lines)),), (note,))


def _changes(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["change"] for row in rows))


def _mean(rows: Sequence[Row], column: str) -> float:
    return statistics.fmean(float(row[column]) for row in rows)
