"""The node's SQLite file: read and written by several threads and processes, in steps that are whole."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

from septum.core import OutputError
from septum.node.schema import FORMAT, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Seconds for which another process's writing is waited for.
_BUSY_S = 30.0
_OF_SYSTEM = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_IOERR: errno.EIO}


class Database:
    """A file with the node's tables. What could not be written is as if it had never been begun.

    Args:
        path: the SQLite file; it is made.

    Raises:
        OutputError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._base.row_factory = sqlite3.Row
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")  # what is acknowledged survives a power cut
            self._base.executescript(TABLES)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"{path} cannot be used as the node's database: {error}.") from error
        found = int(self.one("PRAGMA user_version")[0])
        if found not in (0, FORMAT):
            raise OutputError(
                f"{path} is a database of format {found}: expected {FORMAT}; use the version of Septum that "
                "made it, or another folder."
            )
        self.execute(f"PRAGMA user_version = {FORMAT}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the steps of a block one step. Raises :class:`OSError` where there is no room to write it."""
        with self._lock:
            if self._is_amid():
                yield
                return
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            finally:
                if self._is_amid():
                    self._base.execute("ROLLBACK")

    def _is_amid(self) -> bool:
        """Whether a step of several is begun; SQLite ends it by itself where a disk is full."""
        return self._base.in_transaction

    def execute(self, statement: str, *values: Any) -> int:
        """Change something; the number of rows that it concerns. Raises as :meth:`together`."""
        with self._lock, _room():
            return self._base.execute(statement, values).rowcount

    def insert(self, statement: str, *values: Any) -> int:
        """Add a row; its number. Raises as :meth:`together`."""
        with self._lock, _room():
            return int(self._base.execute(statement, values).lastrowid or 0)

    def one(self, query: str, *values: Any) -> Any:
        """Find a row, or ``None``."""
        with self._lock:
            return self._base.execute(query, values).fetchone()

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Find rows."""
        with self._lock:
            return self._base.execute(query, values).fetchall()


@contextmanager
def _room() -> Iterator[None]:
    """Make SQLite's words for a full or broken disk those of the system."""
    try:
        yield
    except sqlite3.OperationalError as error:
        number = _OF_SYSTEM.get(error.sqlite_errorcode & 0xFF)
        if number is None:
            raise
        raise OSError(number, os.strerror(number)) from error
