"""The folder of a cohort: what lies where in it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core.locks import passing_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_PART = re.compile(r"\d{4}-\d{5}\.parquet")


@dataclass(frozen=True)
class CohortFolder:
    """Names the files of a cohort.

    Only ``private`` holds paths of studies, and so whatever these tell of patients.

    Attributes:
        path: of the folder.

    >>> from pathlib import Path
    >>> folder = CohortFolder(Path("out"))
    >>> folder.part("0001-00003").as_posix(), folder.journal("0001-00003").as_posix()
    ('out/parts/0001-00003.parquet', 'out/journals/0001-00003.jsonl')
    """

    path: Path

    @property
    def settings(self) -> Path:
        """What the cohort is made with."""
        return self.path / "cohort.json"

    @property
    def private(self) -> Path:
        """Where paths of studies are."""
        return self.path / "private"

    def make_private(self) -> None:
        """Make that folder, for its owner alone. Raises :class:`OSError`."""
        self.private.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # not every file system knows owners
            self.private.chmod(0o700)

    @property
    def plans(self) -> Path:
        """The work list: a folder a plan, in it a file a chunk."""
        return self.private / "plan"

    @property
    def parts(self) -> Path:
        """Parts of the table, one a chunk."""
        return self.path / "parts"

    @property
    def journals(self) -> Path:
        """Rows of chunks that are in work."""
        return self.path / "journals"

    @property
    def times(self) -> Path:
        """Who did which chunk, in what time."""
        return self.path / "times"

    @property
    def studies(self) -> Path:
        """Masks, JSON and outputs, where they are asked for."""
        return self.path / "studies"

    def part(self, chunk: str) -> Path:
        """Part of the table of a chunk."""
        return self.parts / f"{chunk}.parquet"

    def journal(self, chunk: str) -> Path:
        """Journal of a chunk in work."""
        return self.journals / f"{chunk}.jsonl"

    def kept(self, chunk: str) -> Path:
        """What is kept of a part that is about to be taken back, as of :func:`septum.cohort.retry.retry`."""
        return self.journals / f"{chunk}.kept"

    def time(self, chunk: str) -> Path:
        """Who did a chunk."""
        return self.times / f"{chunk}.json"

    def lock(self, chunk: str, patience_s: float = 0.0) -> AbstractContextManager[bool]:
        """Keep others from a chunk for the length of a block; whether it is held.

        Args:
            chunk: its name.
            patience_s: how long another process is waited for.
        """
        return passing_lock(self.journals / f".septum-{chunk}.lock", patience_s)

    def finished(self) -> Iterator[str]:
        """Name the chunks whose parts are there."""
        if self.parts.is_dir():
            for path in self.parts.iterdir():
                if _PART.fullmatch(path.name):
                    yield path.name.removesuffix(".parquet")
