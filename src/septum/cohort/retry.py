"""Studies that failed, done again: their rows are taken out of the table, and their chunks are open again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from septum.cohort.journal import rows_in
from septum.cohort.looking import failures
from septum.cohort.parts import connected
from septum.cohort.plan import every_study, studies_of
from septum.cohort.rows import TYPES, State
from septum.cohort.work import restore
from septum.core import InputError
from septum.core.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from septum.cohort.folder import CohortFolder

#: What is done again where a user names no study.
_ASKED_BY_ALL = (State.FAILED.value, State.SET_ASIDE.value)


def retry(folder: CohortFolder, studies: Collection[str] = (), *, every: bool = False) -> list[str]:
    """Open the chunks of studies that failed, so that the next run does these studies again.

    Args:
        folder: of the cohort.
        studies: their names, or their numbers.
        every: all that failed or were set aside, too.

    Returns:
        The names of the studies that the next run will do.

    Raises:
        InputError: it is no cohort's folder, one of the studies is not there or is done, or its chunk is in
            work.
        OutputError: the folder cannot be written to.
    """
    wanted = set(studies)
    names = {one.study for one in every_study(folder)} if wanted else set()
    failed = failures(folder)
    known = {str(row["study"]) for row in failed} | ({str(row["number"]) for row in failed} - names)
    if wanted - known:
        raise InputError(
            f"{folder.path}: {min(wanted - known)} is no study that has failed: expected one that the list "
            "of failures names; look at it."
        )
    taken: list[str] = []

    def is_wanted(row: dict[str, Any]) -> bool:
        return row["state"] != State.DONE.value and _is_wanted(row, wanted, names, every=every)

    for chunk in sorted({*folder.finished(), *(path.stem for path in folder.journals.glob("*.jsonl"))}):
        if any(map(is_wanted, _rows_of(folder, chunk))):
            taken += _take_back(folder, chunk, is_wanted)
    return taken


def _rows_of(folder: CohortFolder, chunk: str) -> list[dict[str, Any]]:
    """Read the rows of a chunk that is done, or those that it has by now."""
    if not folder.part(chunk).exists():
        return rows_in(folder.journal(chunk))
    with connected() as base:
        found = base.read_parquet(str(folder.part(chunk))).select(", ".join(TYPES)).fetchall()
    return [dict(zip(TYPES, row, strict=True)) for row in found]


def _is_wanted(row: dict[str, Any], wanted: set[str], names: set[str], *, every: bool) -> bool:
    """Whether a row is one of those asked for; the name of a study is no number of another."""
    named = str(row["study"]) in wanted or str(row["number"]) in wanted - names
    return named or (every and row["state"] in _ASKED_BY_ALL)


def _take_back(folder: CohortFolder, chunk: str, is_wanted: Callable[[dict[str, Any]], bool]) -> list[str]:
    """Make the journal of a chunk anew, without the rows of some studies, and name these.

    A kill at any step loses nothing.
    """
    with folder.lock(chunk) as held:
        if not held or not studies_of(folder, chunk):
            raise InputError(f"chunk {chunk} is in work: expected it to come to an end; wait, and run again.")
        restore(folder, chunk)
        rows = _rows_of(folder, chunk)
        again = [row for row in rows if is_wanted(row)]
        with atomic_path(folder.kept(chunk)) as temporary:
            temporary.write_text(
                "".join(json.dumps({"row": row}) + "\n" for row in rows if row not in again), encoding="utf-8"
            )
        folder.part(chunk).unlink(missing_ok=True)
        restore(folder, chunk)
    return [str(row["study"]) for row in again]
