"""What of a study has run, what is left, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from septum.core import InputError
from septum.training.methods import unavailable
from septum.training.parts import VERSION
from septum_study.bench import recipe_of, split_sha256
from septum_study.ledger import Unit, is_being_run, read_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from septum_study.declaration import Declaration
    from septum_study.ledger import Entry


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
    State.STALE: "run with a recipe, split or training that has changed since; it is run again",
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


@dataclass(frozen=True)
class Today:
    """What the results of a row would have to agree with now.

    Attributes:
        recipe_sha256, split_sha256, version: as in :class:`Entry`.
        unavailable: why its method cannot run here, or ``None``.
    """

    recipe_sha256: str
    split_sha256: str
    version: int
    unavailable: str | None = None

    def agrees(self, entry: Entry) -> bool:
        """Whether an entry is of today's recipe, split and training."""
        theirs = (entry.recipe_sha256, entry.split_sha256, entry.version)
        return theirs == (self.recipe_sha256, self.split_sha256, self.version)


def standings(study: Declaration, results: Path) -> list[Standing]:
    """All units in the order of execution."""
    todays = {row.key: today_of(study, row.key) for row in study.rows}
    return [standing(Unit(row.key, fold), results, todays[row.key]) for row, fold in study.units()]


def today_of(study: Declaration, row: str) -> Today:
    """What results of a row would have to agree with."""
    recipe = recipe_of(study, row)
    return Today(recipe.sha256, split_sha256(study, recipe.dataset), VERSION, unavailable(recipe))


def standing(unit: Unit, results: Path, today: Today, *, held: bool = False) -> Standing:
    """Where a unit stands.

    Args:
        unit: which one.
        results: folder of the ledger.
        today: what its results would have to agree with.
        held: whether this process runs the unit itself.
    """
    if not held and is_being_run(results, unit):
        return Standing(unit, State.RUNNING)
    try:
        entry = read_entry(results, unit.row, unit.fold)
    except InputError as error:
        return Standing(unit, State.DAMAGED, remark=str(error))
    if entry is not None and today.agrees(entry):
        return Standing(unit, State.PRELIMINARY if entry.preliminary else State.DONE, entry)
    if today.unavailable is not None:
        return Standing(unit, State.UNAVAILABLE, entry, today.unavailable)
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


def stale_units(study: Declaration, results: Path) -> frozenset[Unit]:
    """Units whose results are of another recipe, split or training than today's, running again or not."""
    stale = set()
    for row in study.rows:
        today = today_of(study, row.key)
        for fold in study.fold_numbers:
            entry = read_entry(results, row.key, fold)
            if entry is not None and not today.agrees(entry):
                stale.add(Unit(row.key, fold))
    return frozenset(stale)
