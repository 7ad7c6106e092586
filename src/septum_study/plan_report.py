"""The plan of a study as a document, and as a table for the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from septum_study.plan import MEANING, State, to_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from septum_study.declaration import Declaration
    from septum_study.estimate import TimeEstimate
    from septum_study.ledger import Entry
    from septum_study.plan import Standing

#: What stands for a state in the table.
LETTER = {
    State.DONE: "D",
    State.PRELIMINARY: "P",
    State.STALE: "S",
    State.DAMAGED: "X",
    State.RUNNING: "R",
    State.LEFT: ".",
    State.UNAVAILABLE: "-",
}
GAP = "  "
TIME = 3  # column of the table


def plan_document(
    study: Declaration, found: Sequence[Standing], results: Path, estimate: TimeEstimate | None = None
) -> dict[str, Any]:
    """The plan, as it goes into JSON.

    Args:
        study: the declaration.
        found: where its units stand.
        results: folder of the ledger.
        estimate: of the time that is left; ``None`` leaves it out.

    Returns:
        ``study``, ``title``, ``results``; ``states``, the number of units in each state; ``next``, the unit
        that a run takes next, or ``None``; ``device``, with ``flop_per_second``, their ``source`` and
        ``minutes_at_most`` of all that is left, or ``None`` without an estimate; ``units`` in the order of
        execution.
    """
    waiting = to_run(found, {})
    counts = Counter(standing.state for standing in found)
    minutes: Mapping[Any, float] = {} if estimate is None else estimate.minutes
    return {
        "study": study.name,
        "title": study.title,
        "results": str(results),
        "states": {str(state): counts[state] for state in State},
        "next": str(waiting[0]) if waiting else None,
        "device": None
        if estimate is None
        else {
            "name": estimate.rate.device,
            "flop_per_second": estimate.rate.flop_per_second,
            "source": estimate.rate.source,
            "minutes_at_most": sum(minutes.values()),
        },
        "units": [_unit(study, standing, minutes.get(standing.unit)) for standing in found],
    }


def _unit(study: Declaration, standing: Standing, minutes: float | None) -> dict[str, Any]:
    row = study.row(standing.unit.row)
    return {
        "unit": str(standing.unit),
        "row": row.key,
        "fold": standing.unit.fold,
        "label": row.label,
        "dataset": row.dataset,
        "state": str(standing.state),
        "remark": standing.remark or None,
        "minutes_at_most": minutes,
        "entry": None if standing.entry is None else _entry(standing.entry),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    summary = entry.model_dump(
        mode="json", include={"commit", "device", "max_epochs", "training_seconds", "scoring_seconds"}
    )
    names = {"name", "epochs", "best_epoch", "validation", "stopped"}
    parts = [{key: value for key, value in asdict(part).items() if key in names} for part in entry.parts]
    return {**summary, "parts": parts}


def plan_text(document: Mapping[str, Any]) -> str:
    """The document as a table, one line a row: a letter for each fold, and the time left at most."""
    units = document["units"]
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for unit in sorted(units, key=lambda unit: unit["fold"]):
        rows.setdefault(unit["row"], []).append(unit)
    folds = len(next(iter(rows.values()), []))
    table = [["row", "data", "".join(str(fold % 10) for fold in range(folds)), "at most", "label"]]
    for key, members in rows.items():
        letters = "".join(LETTER[State(unit["state"])] for unit in members)
        left = [unit["minutes_at_most"] for unit in members if unit["minutes_at_most"] is not None]
        time = duration(sum(left)) if left else ""
        table.append([key, members[0]["dataset"], letters, time, members[0]["label"]])
    if document["device"] is None:
        table = [[cell for i, cell in enumerate(cells) if i != TIME] for cells in table]
    lines = [f"{document['study']}: {document['title']}", f"results: {document['results']}", ""]
    lines += [*_aligned(table), "", *_legend(document["states"]), "", *_summary(document)]
    remarks = _remarks(units)
    return "\n".join([*lines, "", *remarks] if remarks else lines)


def duration(minutes: float) -> str:
    """In words: ``< 1 min``, ``25 min``, ``3 h 20 min``, ``15 d 4 h``."""
    if minutes < 1:
        return "< 1 min"
    whole = round(minutes)
    if whole < 60:
        return f"{whole} min"
    if whole < 48 * 60:
        return f"{whole // 60} h {whole % 60:02d} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return [
        GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in table
    ]


def _legend(states: Mapping[str, int]) -> list[str]:
    """Letter, number and meaning of the states that occur."""
    occurring = [state for state in State if states[state]]
    width = max((len(str(state)) for state in occurring), default=0)
    return [
        f"{LETTER[state]}{GAP}{states[state]:3}{GAP}{str(state).ljust(width)}{GAP}{MEANING[state]}"
        for state in occurring
    ]


def _summary(document: Mapping[str, Any]) -> list[str]:
    device = document["device"]
    lines = []
    if device is not None and device["minutes_at_most"] > 0:
        rate = f"{device['flop_per_second'] / 1e9:,.0f} GFLOP/s, {device['source']}"
        lines.append(
            f"left: at most {duration(device['minutes_at_most'])} on {device['name']} ({rate});\n"
            "patience ends most trainings sooner."
        )
    following = document["next"]
    lines.append("next: nothing is left to run." if following is None else f"next: {following}")
    return lines


def _remarks(units: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why units are unavailable or damaged, once for all folds of a row that share the reason."""
    folds: dict[tuple[str, str], list[str]] = {}
    for unit in units:
        if unit["remark"]:
            folds.setdefault((unit["row"], unit["remark"]), []).append(str(unit["fold"]))
    return [f"{row}:{','.join(numbers)}  {remark}" for (row, remark), numbers in folds.items()]
