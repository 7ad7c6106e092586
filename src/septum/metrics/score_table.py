"""Committed per-case results to the tables that the documentation shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.metrics import Mean, summarise
from septum.metrics.dice_tables import dice_interval
from septum.metrics.scores_file import score_of

if TYPE_CHECKING:
    from septum.metrics.scores_file import Row

HEADS = (
    "n", "Dice", "95 % interval", "Hausdorff (mm)", "ASD (mm)", "Hausdorff (voxels)", "ASD (voxels)",
    "missed",
)  # fmt: skip
ALL = "all"


def score_table(rows: list[Row]) -> str:
    """Markdown table by structure and phase: mean, standard deviation and denominators.

    Dice counts a missed structure as 0; distances leave it out, and the last column says how many there were.
    Where there are any, a line ``penalised`` has the volume's diagonal as their distance. The interval is
    that of the mean Dice. Without phases there is no column of them, and of one structure no line over all.
    """
    structures = list(dict.fromkeys(row["structure"] for row in rows))
    phases = [phase for phase in dict.fromkeys(row["phase"] for row in rows) if phase]
    groups = [(s, p) for s in structures for p in phases] + [(s, ALL) for s in structures]
    groups += [(ALL, ALL)] if len(structures) > 1 else []
    heads = ("structure", *(["phase"] if phases else []), *HEADS)
    lines = [heads, ("---",) * len(heads)]
    for structure, phase in groups:
        name = (structure, phase) if phases else (structure,)
        lines += _lines(_chosen(rows, structure, phase), name)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def region_sentence(rows: list[Row]) -> str:
    """How well the region of interest held the truth, and how it was found."""
    cases = {row["case"]: row for row in rows}
    whole = sum(float(row["foreground_inside"]) == 1.0 for row in cases.values())
    lowest = min(float(row["foreground_inside"]) for row in cases.values())
    fallbacks = sum(row["localisation"] != "map" for row in cases.values())
    widened = sum(row["enlarged"] == "True" for row in cases.values())
    return (
        f"The region of interest held all true foreground in {whole} of {len(cases)} cases "
        f"(lowest share {lowest:.4f}); {fallbacks} cases needed a fallback, {widened} regions were widened."
    )


def mean_dice(rows: list[Row]) -> float:
    """Mean Dice over all scored structures and phases.

    Raises:
        ValueError: nothing was scored.
    """
    mean = summarise([score_of(row) for row in rows]).dice.mean
    if mean is None:
        raise ValueError("expected at least one scored structure, got none")
    return mean


def _chosen(rows: list[Row], structure: str, phase: str) -> list[Row]:
    return [row for row in rows if structure in (ALL, row["structure"]) and phase in (ALL, row["phase"])]


def _lines(rows: list[Row], name: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The line of these rows and, where a structure was missed, the penalised one."""
    summary = summarise([score_of(row) for row in rows])
    cells = (
        *name,
        str(summary.dice.n),
        _cell(summary.dice, 3),
        _interval_cell(rows),
        _cell(summary.hausdorff_mm, 1),
        _cell(summary.asd_mm, 2),
        _cell(summary.hausdorff_voxels, 1),
        _cell(summary.asd_voxels, 2),
        str(summary.missed),
    )
    penalised = (
        *name[:-1],
        f"{name[-1]}, penalised",
        str(summary.penalised_hausdorff_mm.n),
        "",
        "",
        _cell(summary.penalised_hausdorff_mm, 1),
        _cell(summary.penalised_asd_mm, 2),
        _cell(summary.penalised_hausdorff_voxels, 1),
        _cell(summary.penalised_asd_voxels, 2),
        "",
    )
    return [cells, penalised] if summary.missed else [cells]


def _interval_cell(rows: list[Row]) -> str:
    interval = dice_interval(rows)
    return "-" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"


def _cell(mean: Mean, digits: int) -> str:
    if mean.mean is None:
        return "-"
    return f"{mean.mean:.{digits}f}" + ("" if mean.sd is None else f" ± {mean.sd:.{digits}f}")
