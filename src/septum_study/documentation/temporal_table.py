"""Table of what consistency in time does to volume curves."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from septum.metrics.table import Column, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.metrics.scores_file import Row

_TITLES = {"alone": "Each frame alone", "consistent": "Consistent in time", "truth": "Truth"}


def temporal_table(rows: Sequence[Row]) -> Table:
    """One line for each way of masking: means over phantoms.

    Args:
        rows: with ``seed``, ``frames`` (a key of ``_TITLES``), ``structure``, ``roughness``, ``ef_percent``
            (empty for what has none) and ``dice``.
    """
    structures = tuple(dict.fromkeys(row["structure"] for row in rows))
    ejecting = [name for name in structures if any(r["ef_percent"] for r in rows if r["structure"] == name)]
    columns = (
        Column("Masks"),
        *(Column(name, "Roughness of the volume curve") for name in structures),
        *(Column(name, "Ejection fraction (%)") for name in ejecting),
        Column("Mean Dice"),
    )
    lines = []
    for frames, title in _TITLES.items():
        own = [row for row in rows if row["frames"] == frames]
        cells = [f"{_mean(own, name, 'roughness'):.3f}" for name in structures]
        cells += [f"{_mean(own, name, 'ef_percent'):.1f}" for name in ejecting]
        lines.append((title, *cells, f"{statistics.fmean(float(row['dice']) for row in own):.4f}"))
    seeds = len({row["seed"] for row in rows})
    note = (
        f"Means over {seeds} beating phantoms of 25 frames. Roughness: root mean square of the second "
        "differences of neighbouring frames, over the stroke volume."
    )
    return Table("Consistency in time", columns, (Section("", tuple(lines)),), (note,))


def _mean(rows: Sequence[Row], structure: str, column: str) -> float:
    return statistics.fmean(float(row[column]) for row in rows if row["structure"] == structure)
