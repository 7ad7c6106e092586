"""What the node remembers of an archive that it looks into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from septum.node.store import Store


@dataclass(frozen=True)
class Watch:
    """A study of an archive that is looked at until it is complete.

    Attributes:
        remote: by which the archive knows it.
        study: its UID.
        instances: that the archive had of it at the last look.
        agrees: whether all of them that are images have come.
        changed_at: when this number changed last.
    """

    remote: str
    study: str
    instances: int
    agrees: bool
    changed_at: float


class Watches:
    """The studies of one archive that are looked at, and how far its list of changes was read.

    Args:
        store: where it is kept.
        source: the archive, such as ``orthanc:pacs``.
    """

    def __init__(self, store: Store, source: str) -> None:
        self._store, self.source = store, source

    def cursor(self) -> int | None:
        """Tell how far the list of changes was read; ``None`` before the first look."""
        rows = self._store.rows("SELECT value FROM cursor WHERE name = ?", self.source)
        return int(rows[0]["value"]) if rows else None

    def advance(self, value: int) -> None:
        """Note how far the list of changes was read."""
        self._store.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", self.source, value)

    def note(self, remote: str, study: str = "", instances: int = -1, *, agrees: bool = False) -> None:
        """Note what was found of a study; see :class:`Watch`."""
        self._store.execute(
            "INSERT INTO watch VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (source, remote) DO UPDATE SET "
            "study = ?3, agrees = ?5, instances = ?4, "
            "changed_at = CASE WHEN instances = ?4 THEN changed_at ELSE ?6 END",
            self.source, remote, study, instances, agrees, self._store.clock(),
        )  # fmt: skip

    def all(self) -> list[Watch]:
        """List the studies that are looked at."""
        rows = self._store.rows("SELECT * FROM watch WHERE source = ? ORDER BY changed_at", self.source)
        return [
            Watch(row["remote"], row["study"], row["instances"], bool(row["agrees"]), row["changed_at"])
            for row in rows
        ]

    def end(self, remote: str) -> None:
        """Look at a study no more, until something of it changes."""
        self._store.execute("DELETE FROM watch WHERE source = ? AND remote = ?", self.source, remote)
