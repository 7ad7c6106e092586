"""A cohort as a user looks at it: how far it is, what has failed, and its table."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from septum.cohort.parts import COMPRESSION, connected, is_full, not_written, rows_of
from septum.cohort.plan import chunks_of, every_study, studies_planned
from septum.cohort.rows import OWN_COLUMNS, State
from septum.cohort.settings import CohortFile
from septum.core import InputError
from septum.core.errors import NameTakenError
from septum.core.files import atomic_path
from septum.workflows.indices_table import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from septum.cohort.folder import CohortFolder

#: Columns of the table as CSV; as Parquet it has the JSON of each study, too.
CSV_COLUMNS = (*COLUMNS, *(name for name in OWN_COLUMNS if name != "record"), "duplicate_of")
#: A column of paths, which only who asks for it gets.
SOURCE = "source"
_AT_ONCE = 500
#: So many first columns make a file known as a table.
_KNOWN_BY = 6


def status(folder: CohortFolder) -> dict[str, Any]:
    """Describe a cohort: studies by state and verdict, chunks, and what each worker did in what time.

    Args:
        folder: of the cohort.

    Raises:
        InputError: it is none.
    """
    begun = CohortFile.read(folder.settings)
    with rows_of(folder) as base:
        states = _counted(base, "SELECT state, count(*) FROM rows GROUP BY state ORDER BY state")
        verdicts = _counted(
            base,
            "SELECT verdict, count(*) FROM rows WHERE verdict IS NOT NULL GROUP BY verdict ORDER BY verdict",
        )
        ((duplicates,),) = base.execute("SELECT count(*) FROM duplicates").fetchall()
    studies, chunks = studies_planned(folder), len(chunks_of(folder))
    in_work = len([path for path in folder.journals.glob("*.jsonl") if not folder.part(path.stem).exists()])
    return {
        "model": begun.settings.model, "studies": studies, "left": studies - sum(states.values()), "states":
        states, "verdicts": verdicts, "duplicates": duplicates, "chunks": chunks,
        "chunks_done": len(list(folder.finished())), "chunks_begun": in_work, "workers": _workers(folder),
    }  # fmt: skip


def failures(folder: CohortFolder, *, sources: bool = False) -> list[dict[str, Any]]:
    """List the studies without numbers: state, kind of error and reason.

    Args:
        folder: of the cohort.
        sources: tell where each lies, too.

    Raises:
        InputError: it is no cohort's folder.
    """
    CohortFile.read(folder.settings)
    columns = ["number", "study", "state", "error", "reason"]
    with rows_of(folder) as base, _with_sources(base, folder, asked=sources) as view:
        shown = ", ".join([*columns, *([SOURCE] if sources else [])])
        query = f"SELECT {shown} FROM {view} WHERE state <> ? ORDER BY number"  # noqa: S608  # our own names
        found = base.execute(query, [State.DONE.value])
        names = [one[0] for one in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def write_table(folder: CohortFolder, path: Path, *, sources: bool = False) -> int:
    """Write the table of a cohort, each study once, in the order of its numbers.

    A CSV has the columns of :data:`CSV_COLUMNS`, Parquet the JSON of each study, too. DuckDB
    sorts the rows; what does not fit into memory lies in the folder for temporary files meanwhile.

    Args:
        folder: of the cohort.
        path: ends in ``.csv`` or ``.parquet``.
        sources: add the column ``source``, the path of each study.

    Returns:
        The number of rows.

    Raises:
        InputError: it is no cohort's folder, or nothing of it is done.
        NameTakenError: there is a file that is no such table.
        OutputError: the table cannot be written.
    """
    CohortFile.read(folder.settings)
    _check_replaceable(path)
    suffix = path.suffix.lower()
    columns = [*CSV_COLUMNS, *(["record"] if suffix == ".parquet" else []), *([SOURCE] if sources else [])]
    with rows_of(folder) as base, _with_sources(base, folder, asked=sources) as view:
        ((count,),) = base.execute("SELECT count(*) FROM rows").fetchall()
        if not count:
            raise InputError(f"{folder.path} has no row yet: expected a cohort that is begun; run it first.")
        query = f"SELECT {', '.join(columns)} FROM {view} ORDER BY number"  # noqa: S608  # our own names
        try:
            with atomic_path(path) as temporary:
                if suffix == ".parquet":
                    base.sql(query).write_parquet(str(temporary), compression=COMPRESSION)
                else:
                    _write_csv(temporary, base.execute(query), columns)
        except duckdb.IOException as error:
            if not is_full(error):
                raise
            raise not_written(path, error) from error
    return int(count)


def _check_replaceable(path: Path) -> None:
    """Raise :class:`septum.core.errors.NameTakenError` for a file that is no table of a cohort."""
    if not path.exists():
        return
    first = ",".join(CSV_COLUMNS[:_KNOWN_BY])
    with suppress(OSError, UnicodeError, duckdb.Error):
        if path.suffix.lower() == ".parquet":
            with connected() as base:
                first_columns = base.read_parquet(str(path)).columns[:_KNOWN_BY]
            found = ",".join(first_columns)
        elif path.is_file():  # a pipe would keep us waiting
            with path.open(encoding="utf-8") as stream:
                found = stream.read(len(first))
        else:
            found = ""
        if found == first:
            return
    raise NameTakenError(
        f"{path} is not recognised as a table of a cohort, and may be yours: expected a name that is free, "
        "or such a table; give another one."
    )


def _write_csv(path: Path, found: duckdb.DuckDBPyConnection, columns: list[str]) -> None:
    """Write rows as ``septum segment --csv`` does."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        while rows := found.fetchmany(_AT_ONCE):
            writer.writerows(rows)


@contextmanager
def _with_sources(base: duckdb.DuckDBPyConnection, folder: CohortFolder, *, asked: bool) -> Iterator[str]:
    """Name the view of rows with duplicates, and with the paths of the plan where they are asked for."""
    base.execute(
        "CREATE VIEW listed AS SELECT rows.*, duplicates.duplicate_of FROM rows "
        "LEFT JOIN duplicates USING (number)"
    )
    if not asked:
        yield "listed"
        return
    base.execute("CREATE TABLE plan (number BIGINT, source VARCHAR)")
    some: list[tuple[int, str]] = []
    for one in every_study(folder):
        some.append((one.number, one.source.path.encode("utf-8", "backslashreplace").decode()))
        if len(some) >= _AT_ONCE:
            base.executemany("INSERT INTO plan VALUES (?, ?)", some)
            some = []
    if some:
        base.executemany("INSERT INTO plan VALUES (?, ?)", some)
    base.execute(
        "CREATE VIEW sourced AS SELECT listed.*, plan.source FROM listed LEFT JOIN plan USING (number)"
    )
    yield "sourced"


def _counted(base: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    return {str(name): int(count) for name, count in base.execute(query).fetchall()}


def _workers(folder: CohortFolder) -> list[dict[str, Any]]:
    """What each worker did, the one with the most studies first."""
    studies: defaultdict[str, int] = defaultdict(int)
    seconds: defaultdict[str, float] = defaultdict(float)
    if folder.times.is_dir():
        for path in folder.times.glob("*.json"):
            with suppress(OSError, ValueError, KeyError):
                told = json.loads(path.read_bytes())
                studies[told["worker"]] += told["studies"]
                seconds[told["worker"]] += told["seconds"]
    return [
        {"worker": name, "studies": count, "seconds": round(seconds[name], 1),
         "studies_per_minute": round(60.0 * count / seconds[name], 2) if seconds[name] else None}
        for name, count in sorted(studies.items(), key=lambda one: (-one[1], one[0]))
    ]  # fmt: skip
