"""What of a study has run, what is left, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from septum.core import InputError
from septum.study.bench import recipe_of
from septum.study.ledger import Unit, is_claimed, read_entry
from septum.training.methods import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from septum.study.declaration import Study
    from septum.study.ledger import Entry


class State(StrEnum):
    """Where a unit stands."""

    DONE = "done"
    PRELIMINARY = "preliminary"
    STALE = "stale"
    DAMAGED = "damaged"
    RUNNING = "running"
    LEFT = "left"
    UNAVAILABLE = "unavailable"


#: What each state means, for the user.
MEANING = {
    State.DONE: "run to the end that its recipe sets",
    State.PRELIMINARY: "run, but its training was cut short by --max-epochs",
    State.STALE: "run with a recipe that has changed since; it is run again",
    State.DAMAGED: "its entry or its results cannot be used; it is run again",
    State.RUNNING: "some process runs it now",
    State.LEFT: "still to be run",
    State.UNAVAILABLE: "needs something that is not installed here",
}


@dataclass(frozen=True)
class Standing:
    """A unit and where it stands.

    Attributes:
        unit: which one.
        state: where it stands.
        entry: of the ledger, if it has a whole one.
        remark: why it is damaged or unavailable.
    """

    unit: Unit
    state: State
    entry: Entry | None = None
    remark: str = ""


def standings(study: Study, results: Path) -> list[Standing]:
    """All units in the order of execution."""
    recipes = {row.key: recipe_of(study, row.key) for row in study.rows}
    reasons = {key: unavailable(recipe) for key, recipe in recipes.items()}
    return [
        standing(Unit(row.key, fold), results, recipes[row.key].sha256, reasons[row.key])
        for row, fold in study.units()
    ]


def standing(
    unit: Unit, results: Path, recipe_sha256: str, reason: str | None, *, ours: bool = False
) -> Standing:
    """Where a unit stands.

    Args:
        unit: which one.
        results: folder of the ledger.
        recipe_sha256: of its recipe today.
        reason: why its method cannot run here, or ``None``.
        ours: whether this process holds the claim on the unit.
    """
    if not ours and is_claimed(results, unit):
        return Standing(unit, State.RUNNING)
    try:
        entry = read_entry(results, unit.row, unit.fold)
    except InputError as error:
        return Standing(unit, State.DAMAGED, remark=str(error))
    if entry is not None and entry.recipe_sha256 == recipe_sha256:
        return Standing(unit, State.PRELIMINARY if entry.preliminary else State.DONE, entry)
    if reason is not None:
        return Standing(unit, State.UNAVAILABLE, entry, reason)
    return Standing(unit, State.LEFT if entry is None else State.STALE, entry)


def to_run(found: Iterable[Standing], max_epochs: Mapping[str, int]) -> list[Unit]:
    """The units that a run takes, in this order: those without usable results, then preliminary ones.

    A preliminary one is taken only if the caps now allow more than those that it was run with.
    """
    found = list(found)
    fresh = [s.unit for s in found if s.state in (State.LEFT, State.STALE, State.DAMAGED)]
    longer = [
        s.unit
        for s in found
        if s.state is State.PRELIMINARY and s.entry is not None and _allows_more(max_epochs, s.entry)
    ]
    return fresh + longer


def _allows_more(max_epochs: Mapping[str, int], entry: Entry) -> bool:
    capped = [part for part in entry.parts if part.stopped == "capped"]
    caps = [(max_epochs.get(part.name.split("/")[0]), part.epochs) for part in capped]
    return any(cap is None or cap > epochs for cap, epochs in caps)
