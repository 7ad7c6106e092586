"""Parts of the table: Parquet files, written and queried by DuckDB."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from septum.cohort.journal import rows_in
from septum.cohort.rows import TYPES
from septum.core import InputError, OutputError
from septum.core.errors import SeptumError, UnexpectedError
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
_DUPLICATES = """
CREATE VIEW duplicates AS SELECT rows.number, firsts.study AS duplicate_of FROM rows JOIN (
    SELECT input_sha256, min(number) AS number, arg_min(study, number) AS study FROM rows
    WHERE input_sha256 IS NOT NULL GROUP BY input_sha256
) AS firsts USING (input_sha256) WHERE rows.number > firsts.number
"""
#: Errors of a disk, a quota or the length of a file that is used up.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_part(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as Parquet, in the order of their numbers, whole or not at all.

    Raises:
        OutputError: it cannot be written.
        UnexpectedError: the database refuses the rows for another reason.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="septum-") as scratch, connected() as base:
            lines = Path(scratch) / "rows.jsonl"
            with lines.open("w", encoding="utf-8") as stream:
                for row in sorted(rows, key=lambda one: int(one["number"])):
                    stream.write(_line(row))
            found = base.read_json(str(lines), columns=TYPES, format="newline_delimited")
            with atomic_path(path) as temporary:
                found.write_parquet(str(temporary), compression=COMPRESSION)
    except (duckdb.Error, OSError) as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: duckdb.Error | OSError) -> SeptumError:
    """Give the error to raise for one that came while a file of the table was written.

    Only one that tells of a disk without room asks for room.

    Args:
        path: of the file.
        error: that came.

    >>> str(not_written(Path("a.parquet"), OSError(13, "Permission denied"))).partition(";")[0]
    'a.parquet cannot be written: Permission denied'
    """
    if is_full(error):
        return OutputError(
            f"{path} cannot be written ({getattr(error, 'strerror', None) or 'the disk is full'}): expected "
            "room there and in the folder for temporary files; make room, and run again."
        )
    if isinstance(error, duckdb.Error) and not isinstance(error, duckdb.IOException):
        return UnexpectedError.of(error)
    reason = getattr(error, "strerror", None) or "the system refused to read or write"
    return OutputError(
        f"{path} cannot be written: {reason}; expected a folder that takes files; see to it, and run again."
    )


def is_full(error: duckdb.Error | OSError) -> bool:
    """Tell whether an error says that a disk, a quota or the length of a file is used up.

    >>> is_full(OSError(28, "No space left on device")), is_full(duckdb.ConversionException("no number"))
    (True, False)
    """
    if isinstance(error, OSError):
        return error.errno in _FULL
    told = str(error).casefold()
    return isinstance(error, duckdb.IOException) and any(os.strerror(n).casefold() in told for n in _FULL)


@contextmanager
def connected(scratch: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database that lies in memory.

    Args:
        scratch: folder for what does not fit there; without one nothing is written.
    """
    base = duckdb.connect(":memory:", config={**_CONFIG, "temp_directory": scratch})
    try:
        yield base
    finally:
        base.close()


@contextmanager
def rows_of(folder: CohortFolder) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database with the view ``rows``: every study that has come to an end, once.

    The view ``duplicates`` has the number of each study whose image another has, too, and as
    ``duplicate_of`` the first of those.

    Chunks that are in work count with the rows that their journals have by now.

    Args:
        folder: of the cohort.

    Raises:
        InputError: a part cannot be read.
        UnexpectedError: the database refuses a query for another reason.
    """
    with tempfile.TemporaryDirectory(prefix="septum-") as scratch, connected(scratch) as base:
        lines = _copied(folder, Path(scratch))
        chunks = set(folder.finished())  # after the journals: a chunk that ends meanwhile is in both
        parts = [str(folder.part(chunk)) for chunk in sorted(chunks)]
        lines = [path for path in lines if path.stem not in chunks]
        try:
            view = base.read_json([str(path) for path in lines], columns=TYPES, format="newline_delimited")
            if parts:
                view = base.read_parquet(parts).union(view)
            view.create_view("rows")
            base.execute(_DUPLICATES)
            yield base
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise InputError(
                f"{folder.parts} holds a file that is no part of the table, or is damaged: expected Parquet "
                "of this version; remove what is not Septum's, and run the cohort again."
            ) from error
        except duckdb.Error as error:
            raise UnexpectedError.of(error) from error


def _copied(folder: CohortFolder, scratch: Path) -> list[Path]:
    """Copy the rows of all journals, for DuckDB; the first file is empty, since it wants one."""
    copies = [scratch / "none.jsonl"]
    copies[0].touch()
    done = set(folder.finished())
    for journal in sorted(folder.journals.glob("*.jsonl")):
        if journal.stem not in done:
            copies.append(scratch / journal.name)
            copies[-1].write_text("".join(map(_line, rows_in(journal))), encoding="utf-8")
    return copies


def _line(row: dict[str, Any]) -> str:
    """A row for DuckDB; what is no character, as a byte of a file's name may be, is escaped."""
    cells = {
        name: cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
        for name, cell in row.items()
    }
    return json.dumps(cells, allow_nan=False, separators=(",", ":")) + "\n"
