"""All that the documents say about a model's accuracy, made from committed per-case results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.metrics.dice_tables import dice_table, group_table, level_table, low_sentence, low_table
from septum.metrics.score_table import region_sentence, score_table
from septum.metrics.volume_table import volume_table

if TYPE_CHECKING:
    from septum.metrics.scores_file import Row


def accuracy_summary(rows: list[Row]) -> str:
    """In short: Dice with its intervals, errors of volumes, masks that went wrong, the regions."""
    unit = "patient" if any(row["phase"] for row in rows) else "case"
    volumes = f"**Volumes, automatic minus manual, by {unit}**\n\n{volume_table(rows)}"
    return "\n\n".join([dice_table(rows), volumes, low_sentence(rows), region_sentence(rows)])


def accuracy_text(rows: list[Row]) -> str:
    """The summary, then every score and distance, pathology groups, slice levels, and the lowest scores."""
    distances = f"**Every score, mean ± standard deviation**\n\n{score_table(rows)}"
    parts = [accuracy_summary(rows), distances, group_table(rows), level_table(rows), low_table(rows)]
    return "\n\n".join(part for part in parts if part)
