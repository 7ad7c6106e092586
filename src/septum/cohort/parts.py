"""Parts of the table: Parquet files, written and queried by DuckDB."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from septum.cohort.journal import rows_in
from septum.cohort.rows import TYPES
from septum.core import InputError, OutputError
from septum.core.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from septum.cohort.folder import CohortFolder

#: One thread, so that a part has the same bytes wherever it is written; and nothing is fetched from a
#: network.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
COMPRESSION = "zstd"


def write_part(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as Parquet, in the order of their numbers, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="septum-") as scratch, connected() as base:
            lines = Path(scratch) / "rows.jsonl"
            with lines.open("w", encoding="utf-8") as stream:
                for row in sorted(rows, key=lambda one: int(one["number"])):
                    stream.write(json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n")
            found = base.read_json(str(lines), columns=TYPES, format="newline_delimited")
            with atomic_path(path) as temporary:
                found.write_parquet(str(temporary), compression=COMPRESSION)
    except (duckdb.Error, OSError) as error:
        raise OutputError(
            f"{path} cannot be written ({getattr(error, 'strerror', None) or type(error).__name__}): "
            "expected room there and in the folder for temporary files; make room, and run again."
        ) from error


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database that lies in memory alone."""
    base = duckdb.connect(":memory:", config=_CONFIG)
    try:
        yield base
    finally:
        base.close()


@contextmanager
def rows_of(folder: CohortFolder) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database with the view ``rows``: every study that has come to an end, once.

    Chunks that are in work count with the rows that their journals have by now.

    Args:
        folder: of the cohort.

    Raises:
        InputError: a part cannot be read.
    """
    chunks = list(folder.finished())
    parts = [str(folder.part(chunk)) for chunk in sorted(chunks)]
    with connected() as base, tempfile.TemporaryDirectory(prefix="septum-") as scratch:
        lines = Path(scratch) / "rows.jsonl"
        with lines.open("w", encoding="utf-8") as stream:
            for journal in sorted(folder.journals.glob("*.jsonl")):
                if journal.stem not in chunks:
                    stream.writelines(json.dumps(row) + "\n" for row in rows_in(journal))
        try:
            view = base.read_json(str(lines), columns=TYPES, format="newline_delimited")
            if parts:
                view = base.read_parquet(parts).union(view)
            view.create_view("rows")
            yield base
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise InputError(
                f"{folder.parts} holds a file that is no part of the table, or is damaged: expected Parquet "
                "of this version; remove what is not Septum's, and run the cohort again."
            ) from error
