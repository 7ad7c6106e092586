"""Tables on strain: against the analytic heart, and with half of the frames."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from septum.core.strain import MIDWALL
from septum.metrics.table import Column, Section, Table
from septum.report.strain import TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from septum.metrics.scores_file import Row


def phantom_table(rows: Iterable[Row]) -> Table:
    """Mean and largest error of peak strain by voxel size.

    Args:
        rows: with ``in_plane_mm``, ``base_descent_mm``, ``heart``, ``strain``, ``measured`` and ``analytic``.
    """
    errors: dict[tuple[float, str, float], list[float]] = defaultdict(list)
    true: dict[tuple[str, float], list[float]] = defaultdict(list)
    for row in rows:
        voxel, descent = float(row["in_plane_mm"]), float(row["base_descent_mm"])
        errors[voxel, row["strain"], descent].append(float(row["measured"]) - float(row["analytic"]))
        true[row["strain"], descent].append(float(row["analytic"]))
    voxels = sorted({voxel for voxel, _, _ in errors})
    sections = []
    for descent in sorted({descent for _, descent in true}):
        lines = []
        for name, title in TITLES.items():
            cells = [
                f"{statistics.fmean(of):+.2f} ({max(map(abs, of)):.2f})"
                for of in (errors[voxel, name, descent] for voxel in voxels)
            ]
            lines.append((title, f"{statistics.fmean(true[name, descent]):.1f}", *cells))
        sections.append(Section(f"Base descends by {descent:g} mm", tuple(lines)))
    columns = (
        Column("Peak strain"),
        Column("Analytic (%)"),
        *(Column(f"Error at {voxel:g} mm (points)") for voxel in voxels),
    )
    count = len(errors[voxels[0], MIDWALL, float(0)])
    note = (
        f"Mean and, in brackets, largest absolute error of {count} hearts. The analytic value is that of the "
        "same slices, which stay where they are while the heart moves through them."
    )
    return Table("Strain of the phantom by size of voxels", columns, tuple(sections), (note,))


def halves_table(rows: Iterable[Row]) -> Table:
    """Peak strain of each cine with all frames, the even and the odd ones.

    Args:
        rows: with ``cine``, ``frames``, ``count``, ``strain``, ``slices`` and ``peak_percent``.
    """
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    counts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row["cine"], row["strain"]][row["frames"]] = row["peak_percent"]
        counts[row["cine"]].add(f"{row['count']} frames, {row['slices']} slices")
    lines, apart = [], defaultdict(list)
    for (cine, name), peaks in found.items():
        shown = [f"{float(peaks[key]):.1f}" if peaks[key] else "-" for key in ("all", "even", "odd")]
        if peaks["even"] and peaks["odd"]:
            apart[name].append(abs(float(peaks["even"]) - float(peaks["odd"])))
        lines.append((cine, TITLES[name], *shown))
    columns = (Column("Cine"), Column("Peak strain (%)"), Column("All frames"), Column("Even"), Column("Odd"))
    means = "; ".join(f"{TITLES[name]} {statistics.fmean(of):.1f}" for name, of in apart.items())
    note = f"Mean absolute difference of even and odd frames in points: {means}."
    return Table("Peak strain with every other frame", columns, (Section("", tuple(lines)),), (note,))
