"""The ledger of a study: one small text file for each finished (row, fold), beside its per-case results.

An entry is written last, after the results that it vouches for by their hash, so that a kill leaves either
both or a unit that is still to be run. While a process runs a unit it holds a lock, which ends with the
process.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from septum.core import InputError, PartReport
from septum.core.files import atomic_path, sha256_of, write_text
from septum.core.locks import is_locked, lock
from septum_study.results import results_path, results_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from septum.metrics.scores_file import Row as ResultRow

LOCKS = ".locks"


class Unit(NamedTuple):
    """One model of a row: what is run, scored and entered as a whole."""

    row: str
    fold: int

    def __str__(self) -> str:
        """As on the command line."""
        return f"{self.row}:{self.fold}"


class Entry(BaseModel):
    """What the ledger says of one unit that has been run.

    Attributes:
        row, fold: which unit.
        recipe_sha256: of the settings that it was run with; other settings make it stale.
        split_sha256: of who trains, validates and tests; another split makes it stale.
        version: of the training (``training.parts.VERSION``); another one makes it stale.
        data_sha256: of the test cases' files.
        results_sha256: of the file of its per-case results.
        commit: of the code that scored it, where it ran from a checkout, with ``+`` if files had been changed
            since; that of the training stands in its parts.
        septum, torch, device: versions, and what computed the scores.
        seed: of every draw.
        max_epochs: caps that were set on the training for lack of time, by part; ``None`` for none.
        parts: how each network's training went.
        training_seconds, scoring_seconds: of this unit; a part that was taken over counts in both units.
        peak_memory_mb: the largest of a test case.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: str
    fold: int
    recipe_sha256: str
    split_sha256: str
    version: int
    data_sha256: str
    results_sha256: str
    commit: str
    septum: str
    torch: str
    device: str
    seed: int
    max_epochs: dict[str, int] | None = None
    parts: tuple[PartReport, ...]
    training_seconds: float
    scoring_seconds: float
    peak_memory_mb: float | None

    @property
    def preliminary(self) -> bool:
        """Whether a cap, and not the recipe, ended the training of a part."""
        return any(part.stopped == "capped" for part in self.parts)


def entry_path(folder: Path, unit: Unit) -> Path:
    """Where the entry of a unit lies below the study's results folder."""
    return results_path(folder, unit.row, unit.fold).with_suffix(".json")


def read_entry(folder: Path, row: str, fold: int) -> Entry | None:
    """The entry of a unit; ``None`` if it has not been run.

    Raises:
        InputError: the entry cannot be read, or its results are not those that it vouches for.
    """
    path = entry_path(folder, Unit(row, fold))
    if not path.is_file():
        return None
    try:
        entry = Entry.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"{path} cannot be read as a ledger entry; restore it, or run the unit again."
        ) from error
    results = results_path(folder, row, fold)
    if not results.is_file() or sha256_of(results) != entry.results_sha256:
        raise InputError(
            f"{results}: expected the results that {path.name} vouches for, got others or none; restore both "
            "files, or run the unit again."
        )
    return entry


def publish(folder: Path, entry: Entry, rows: Iterable[ResultRow]) -> Entry:
    """Write a unit's results and its entry with their hash, both or none.

    Both are written in full before either takes the place of an earlier one: a full disk spoils nothing.

    Raises:
        OutputError: a file cannot be written; what was entered before stays.
    """
    unit = Unit(entry.row, entry.fold)
    with atomic_path(results_path(folder, *unit)) as results:
        results.write_text(results_text(rows), encoding="utf-8")
        entry = entry.model_copy(update={"results_sha256": sha256_of(results)})
        write_text(entry_path(folder, unit), json.dumps(entry.model_dump(), indent=1) + "\n")
    return entry


@contextmanager
def claim(folder: Path, unit: Unit) -> Iterator[bool]:
    """Hold a unit for the length of a block; whether it was free. Ends with the process."""
    with lock(_lock_path(folder, unit)) as free:
        yield free


def is_being_run(folder: Path, unit: Unit) -> bool:
    """Whether some process runs the unit."""
    return is_locked(_lock_path(folder, unit))


def _lock_path(folder: Path, unit: Unit) -> Path:
    return folder / LOCKS / f"{unit.row}-fold{unit.fold}.lock"
