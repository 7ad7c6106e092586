"""The journal of a chunk in work: what was begun, and every row that was made; a kill leaves it readable."""

from __future__ import annotations

import errno
import json
import os
from collections import Counter
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from septum.core import OutputError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Journal:
    """Appends to a file, one line a fact. Use it as a context manager.

    A line that a killed process has not finished is cut off when the file is opened.

    Args:
        path: of the file; it is made.

    Attributes:
        rows: that were made, by the number of the study.
        lost: how often a study was begun and came to no end, by its number.
        lost_alone: the same, of those times when nothing else was in work.

    Raises:
        OutputError: it cannot be read or written.

    >>> from pathlib import Path
    >>> with Journal(Path("0001-00000.jsonl")) as journal:
    ...     journal.begin(1)
    ...     journal.begin(2)
    ...     journal.add({"number": 1, "study": "study-000001"})
    >>> with Journal(Path("0001-00000.jsonl")) as journal:
    ...     sorted(journal.rows), dict(journal.lost)
    ([1], {2: 1})
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, Lock()
        self.rows: dict[int, dict[str, Any]] = {}
        self.lost: Counter[int] = Counter()
        self.lost_alone: Counter[int] = Counter()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("a+b", buffering=0)
            self._read()
        except OSError as error:
            raise self._cannot(error) from error

    def __enter__(self) -> Self:
        """Give the journal itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._stream.close()

    def begin(self, number: int, *, alone: bool = False) -> None:
        """Note that a study is begun.

        Args:
            number: of the study.
            alone: whether nothing else is in work, so that what ends the process is of this study.
        """
        self._append({"begin": number, "alone": alone})

    def add(self, row: dict[str, Any]) -> None:
        """Note the row of a study, unless there is one."""
        if row["number"] not in self.rows:
            self._append({"row": row})
            self.rows[row["number"]] = row

    def forgive(self) -> None:
        """Note that what is begun was ended on purpose, so that no study is to blame."""
        with suppress(OutputError):
            self._append({"forgiven": True})

    def remove(self) -> None:
        """Remove the file, when its rows are a part of the table."""
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _append(self, fact: dict[str, Any]) -> None:
        line = json.dumps(fact, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                before = os.fstat(self._stream.fileno()).st_size
                written = self._stream.write(line)
            except OSError as error:
                raise self._cannot(error) from error
            if written != len(line):  # there was room for a part of it
                self._stream.truncate(before)
                raise self._cannot(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _read(self) -> None:
        """Take up what an earlier process has noted; a line that is not whole goes."""
        self._stream.seek(0)
        whole = 0
        begun: Counter[int] = Counter()
        alone: Counter[int] = Counter()
        while (line := self._line()).endswith(b"\n"):
            try:
                fact = json.loads(line)
            except ValueError:
                break
            whole += len(line)
            if "row" in fact:
                self.rows.setdefault(fact["row"]["number"], fact["row"])
            elif "forgiven" in fact:
                begun.clear()
                alone.clear()
            else:
                begun[fact["begin"]] += 1
                alone[fact["begin"]] += bool(fact["alone"])
        self._stream.truncate(whole)
        self.lost = Counter({number: count for number, count in begun.items() if number not in self.rows})
        self.lost_alone = Counter({number: alone[number] for number in self.lost if alone[number]})

    def _line(self) -> bytes:
        return self._stream.readline()

    def _cannot(self, error: OSError) -> OutputError:
        reason = error.strerror or str(error)
        return OutputError(
            f"{self.path} cannot be written: {reason}. Rows that are in it stay; make room, and run again."
        )


def rows_in(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a journal that another process may be writing; none where it is gone.

    Args:
        path: of the journal.
    """
    rows: dict[int, dict[str, Any]] = {}
    with suppress(OSError), path.open("rb") as stream:
        for line in stream:
            with suppress(ValueError):
                fact = json.loads(line)
                if "row" in fact:
                    rows.setdefault(fact["row"]["number"], fact["row"])
    return list(rows.values())
