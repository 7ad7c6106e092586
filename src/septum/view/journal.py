"""What was done to a mask, line by line, on the disk before it is answered: a killed server loses nothing.

A journal belongs to one mask as it was before any correction. Its first line says which; each further line is
one event: an edit with the slices after it, an undo, a redo, or a save.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from septum.core import OutputError
from septum.core.files import atomic_path
from septum.view.errors import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
ENDING = "_edits.jsonl"
#: The edit by which a mask became what another program has written.
FILE = "file"


@dataclass(frozen=True)
class Event:
    """One line of a journal.

    Attributes:
        action: ``undo``, ``redo``, ``saved``, or the name of an edit.
        version: of the study after it.
        reader: who did it; empty where nobody said.
        at: when, in UTC.
        parameters: of the edit, without its slices.
        slices: frame, slice and runs of every slice that it changed, as they are after it.
        phases: end-diastole and end-systole after it, where the edit set them.
        mask_sha256: of the file that was saved.
        named: versions of earlier edits without a reader, which are of the reader who saves.
    """

    action: str
    version: int
    reader: str = ""
    at: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    slices: list[tuple[int, int, list[int]]] = field(default_factory=list)
    phases: tuple[int, int] | None = None
    mask_sha256: str = ""
    named: tuple[int, ...] = ()

    def line(self) -> str:
        """Give the line, without its end; what is empty is left out."""
        told = {name: value for name, value in vars(self).items() if value or name == "version"}
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def of_line(cls, line: bytes) -> Event:
        """Read a line. Raises :class:`ValueError` or :class:`TypeError` for one that is none."""
        told = json.loads(line)
        told["slices"] = [(int(t), int(z), list(runs)) for t, z, runs in told.get("slices", ())]
        if told.get("phases") is not None:
            told["phases"] = tuple(map(int, told["phases"]))
        told["named"] = tuple(map(int, told.get("named", ())))
        return cls(**told)


def now() -> str:
    """Give the time as journals and JSON have it.

    >>> len(now())
    20
    """
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Journal:
    """The journal of one mask.

    Args:
        path: of the file; it is made with the first event.
        labels_sha256: of the voxels of the mask before any correction.
    """

    def __init__(self, path: Path, labels_sha256: str) -> None:
        self.path, self._head = path, {"format": FORMAT, "labels_sha256": labels_sha256}
        self._size = 0

    def read(self) -> list[Event]:
        """Give all events that are whole.

        What follows a line that cannot be read is cut off, for what comes next shall not be lost with it. A
        journal of another mask is put aside under another name.
        """
        try:
            content = self.path.read_bytes()
        except OSError:
            return []
        head, *lines = content.split(b"\n")
        if not _is_of(head, self._head):
            self._put_aside()
            return []
        events: list[Event] = []
        whole = len(head) + 1
        for line in lines[:-1]:  # after the last line's end there is nothing, or part of a line
            try:
                events.append(Event.of_line(line))
            except (ValueError, TypeError, KeyError):
                break
            whole += len(line) + 1
        if whole < len(content):
            self._keep(content[:whole])
        self._size = whole
        return events

    def append(self, event: Event) -> None:
        """Write an event through to the disk.

        Raises:
            OutputError: it cannot be written.
            RefusedError: another viewer has written into the journal.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                before = stream.tell()
                if before != self._size:
                    raise RefusedError(
                        "Another viewer corrects this study, too: expected to be the only one; go on there.",
                        "other_viewer", 409,
                    )  # fmt: skip
                if before == 0:
                    stream.write(json.dumps(self._head).encode() + b"\n")
                try:
                    stream.write(event.line().encode() + b"\n")
                    stream.flush()
                    os.fsync(stream.fileno())
                    self._size = stream.tell()
                except OSError:
                    stream.truncate(before)
                    raise
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be written: {error.strerror or error}. The change was not made; make "
                "room or let the folder be written to, and draw again."
            ) from error

    def _keep(self, content: bytes) -> None:
        with atomic_path(self.path) as temporary:
            temporary.write_bytes(content)

    def _put_aside(self) -> None:
        """Rename the file: what somebody drew on another mask is not thrown away."""
        stem = self.path.name.removesuffix(ENDING)
        names = (self.path.with_name(f"{stem}_edits_{k}.jsonl") for k in range(1, 1000))
        free = next((name for name in names if not name.exists()), None)
        if free is not None:
            self.path.replace(free)


def _is_of(line: bytes, head: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(line) == head)
    except ValueError:
        return False
