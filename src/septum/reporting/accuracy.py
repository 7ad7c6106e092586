"""All that a model card says about accuracy, made from committed per-case results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.reporting.score_table import mean_dice, region_sentence, score_table
from septum.reporting.volume_table import structure_table, volume_table

if TYPE_CHECKING:
    from septum.reporting.score_table import Row

BELOW = 0.7


def accuracy_text(rows: list[Row]) -> str:
    """Tables of scores and of volumes, means by pathology group, the worst structures, the regions."""
    parts = [score_table(rows)]
    by_patient = volume_table(rows)
    each, volumes = ("patient", by_patient) if by_patient else ("case", structure_table(rows))
    parts += [f"What that comes to in volumes, automatic minus manual, by {each}:", volumes]
    parts += [_groups(rows), _worst(rows), region_sentence(rows)]
    return "\n\n".join(part for part in parts if part)


def _groups(rows: list[Row]) -> str:
    groups = sorted({row["group"] for row in rows if row["group"]})
    means = [f"{g} {mean_dice([row for row in rows if row['group'] == g]):.3f}" for g in groups]
    return f"Mean Dice by pathology group: {', '.join(means)}." if means else ""


def _worst(rows: list[Row]) -> str:
    """The structures that went grossly wrong, so that no mean hides them."""
    scored = [(float(row["dice"]), row) for row in rows if row["dice"]]
    low = sorted((pair for pair in scored if pair[0] < BELOW), key=lambda pair: pair[0])
    if not low:
        return f"No structure of any case has a Dice below {BELOW}."
    names = ", ".join(f"{row['structure']} of {row['case']} ({dice:.2f})" for dice, row in low)
    return f"{len(low)} of {len(scored)} structures have a Dice below {BELOW}: {names}."
