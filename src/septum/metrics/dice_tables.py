"""Per-case Dice from several sides: in short, by pathology group, by slice level, and where it is low."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np

from septum.metrics import Mean
from septum.metrics.bootstrap import CONFIDENCE, DRAWS, LEAST_PATIENTS, mean_interval
from septum.metrics.table import Column, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from septum.metrics.bootstrap import Interval
    from septum.metrics.scores_file import Row

#: Of every interval's draws, so that tables come out the same again.
SEED = 0
LOW, VERY_LOW = 0.7, 0.5
ALL = "all"
#: Begins the column of a slice level in the per-case results.
LEVEL = "dice_"
BEYOND = "beyond_ml"
#: Columns with numbers of slices, and how tables call them; scores of earlier versions lack them.
SLICES = {"slices_too_many": "slices too many", "slices_missed": "slices missed"}


def dice_interval(rows: Iterable[Row]) -> Interval | None:
    """Compute the interval of the mean Dice of these rows; ``None`` of too few patients."""
    scored = [row for row in rows if row["dice"]]
    values, patients = [float(row["dice"]) for row in scored], [row["patient"] for row in scored]
    if len(set(patients)) < LEAST_PATIENTS:
        return None
    return mean_interval(values, patients, np.random.default_rng(SEED))


def dice_table(rows: Sequence[Row]) -> str:
    """Mean Dice by structure and phase with its interval and its denominator; Markdown."""
    structures, phases = _distinct(rows, "structure"), _distinct(rows, "phase")
    columns = [*phases, ALL] if phases else [ALL]
    lines = [
        (s, *(_with_interval(_of(_of(rows, "structure", s), "phase", phase)) for phase in columns))
        for s in _and_all(structures)
    ]
    interval = (
        f"In brackets the {100 * CONFIDENCE:.0f} % interval of the mean: percentiles of the bootstrap over "
        f"patients, {DRAWS} draws from seed {SEED}."
    )
    if (patients := len({row["patient"] for row in rows if row["dice"]})) < LEAST_PATIENTS:
        number = "one patient" if patients == 1 else f"{patients} patients"
        interval = f"There is no interval of {number}: it takes {LEAST_PATIENTS} at least."
    note = f"{interval} In parentheses the number of masks, each of one structure in one volume."
    titles = [("all phases" if phase == ALL else phase) for phase in columns] if phases else ["Dice"]
    return _table("Mean Dice", ["structure", *titles], lines, (note,))


def group_table(rows: Sequence[Row]) -> str:
    """Dice by pathology group and structure; empty where no group is known."""
    groups, structures = sorted(_distinct(rows, "group")), _and_all(_distinct(rows, "structure"))
    lines = []
    for group in groups:
        own = _of(rows, "group", group)
        cells = [_with_sd(_of(own, "structure", structure)) for structure in structures]
        lines.append((group, str(len(_distinct(own, "patient"))), *cells))
    title = "Dice by pathology group, mean ± standard deviation (number of masks)"
    return _table(title, ["group", "patients", *structures], lines)


def level_table(rows: Sequence[Row]) -> str:
    """Dice by slice level, structure and phase; empty for results that do not hold the levels."""
    levels = [name for name in rows[0] if name.startswith(LEVEL)] if rows else []
    if not levels:
        return ""
    phases = _distinct(rows, "phase")
    lines = []
    for structure in _distinct(rows, "structure"):
        for phase in phases or [ALL]:
            own = _of(_of(rows, "structure", structure), "phase", phase)
            cells = [_with_sd(own, level) for level in levels]
            lines.append((structure, *([phase] if phases else []), *cells, *_beyond(own), *_slices(own)))
    names = [level.removeprefix(LEVEL) for level in levels]
    order = "from the base" if "basal" in names else "in the order of the file"
    thirds = (
        f"{', '.join(names)}: the three thirds of the slices in which the truth has the structure, {order}; "
        "all voxels of a third together. Of two slices none is in the middle."
    )
    beyond = (
        "beyond: what was predicted in slices beyond the truth's ends, where the truth has none of the "
        "structure: mean volume over all masks, and how many of them have any. Slices: mean number a mask."
    )
    heads = ["structure", *(["phase"] if phases else []), *names, "beyond (ml)", "beyond (masks)"]
    heads += [title for column, title in SLICES.items() if column in rows[0]]
    title = "Dice by slice level, mean ± standard deviation (number of masks)"
    return _table(title, heads, lines, (thirds, beyond))


def low_table(rows: Sequence[Row]) -> str:
    """How many masks of each structure went wrong, and which; empty if none did."""
    if not _below(rows, LOW):
        return ""
    lines = []
    for structure in _distinct(rows, "structure"):
        own = _of(rows, "structure", structure)
        scored, low = [row for row in own if row["dice"]], _below(own, LOW)
        named = ", ".join(f"{row['case']} ({float(row['dice']):.2f})" for row in low)
        lines.append(
            (structure, str(len(scored)), str(len(low)), str(len(_below(own, VERY_LOW))), named or "-")
        )
    heads = ["structure", "masks", f"below {LOW}", f"below {VERY_LOW}", "which"]
    return _table(f"Masks with a Dice below {LOW}", heads, lines)


def low_sentence(rows: Sequence[Row]) -> str:
    """How many masks went wrong, so that no mean hides them."""
    scored = [row for row in rows if row["dice"]]
    low, very_low = len(_below(scored, LOW)), len(_below(scored, VERY_LOW))
    return f"Masks with a Dice below {LOW}: {low} of {len(scored)}; below {VERY_LOW}: {very_low}."


def _table(
    title: str, heads: Sequence[str], lines: Sequence[tuple[str, ...]], notes: tuple[str, ...] = ()
) -> str:
    """Markdown, or nothing without lines."""
    columns = tuple(map(Column, heads))
    return Table(title, columns, (Section("", tuple(lines)),), notes).markdown().strip() if lines else ""


def _distinct(rows: Iterable[Row], column: str) -> list[str]:
    """What stands in a column, in order of appearance, empty cells left out."""
    return [value for value in dict.fromkeys(row[column] for row in rows) if value]


def _and_all(structures: list[str]) -> list[str]:
    return [*structures, ALL] if len(structures) > 1 else structures


def _of(rows: Iterable[Row], column: str, value: str) -> list[Row]:
    """The rows with this value in a column, or all of them."""
    return [row for row in rows if value in (ALL, row[column])]


def _below(rows: Iterable[Row], limit: float) -> list[Row]:
    """The rows whose Dice is lower than this, lowest first."""
    found = [row for row in rows if row["dice"] and float(row["dice"]) < limit]
    return sorted(found, key=lambda row: float(row["dice"]))


def _with_interval(rows: list[Row]) -> str:
    mean, interval = _mean(rows, "dice"), dice_interval(rows)
    if mean.mean is None:
        return "-"
    within = "" if interval is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
    return f"{mean.mean:.3f}{within} ({mean.n})"


def _with_sd(rows: list[Row], column: str = "dice") -> str:
    mean = _mean(rows, column)
    if mean.mean is None:
        return "-"
    return f"{mean.mean:.3f}{'' if mean.sd is None else f' ± {mean.sd:.3f}'} ({mean.n})"


def _mean(rows: Iterable[Row], column: str) -> Mean:
    return Mean.of(float(row[column]) for row in rows if row[column])


def _slices(rows: list[Row]) -> tuple[str, ...]:
    """Mean number of slices a mask that are drawn too many, and that are missed."""
    return tuple(
        f"{statistics.fmean(float(row[column]) for row in rows):.2f}"
        for column in SLICES
        if column in rows[0]
    )


def _beyond(rows: list[Row]) -> tuple[str, str]:
    volumes_ml = [float(row[BEYOND]) for row in rows]
    return f"{statistics.fmean(volumes_ml):.1f}", f"{sum(v > 0 for v in volumes_ml)} of {len(volumes_ml)}"
