"""The plan: every study of a cohort, in chunks, on the disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.core import InputError
from septum.core.files import place_of, whole_folder
from septum.workflows.cases import InputCase
from septum.workflows.two_phases import TwoPhases

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from septum.cohort.folder import CohortFolder
    from septum.workflows.options import IndexSettings

#: Studies of a chunk. Few, so that little is lost with a worker; many, so that the table has few parts.
CHUNK = 48
#: A small cohort has so many chunks at least, so that several processes have work.
_LEAST_CHUNKS = 16
_HEAD = "plan.json"


@dataclass(frozen=True)
class Source:
    """A study as it was found, or as a list names it.

    Attributes:
        path: of the image, from the root.
        name: of the study, as its files or the list have it.
        named: whether a list gave the name.
        searched: whether it was found in a folder.
        end_systole: the second file, where ``path`` is that of end-diastole alone.
        given: what a list tells of the study, as fields of
            :class:`~septum.workflows.options.IndexSettings`.
    """

    path: str
    name: str
    named: bool = False
    searched: bool = False
    end_systole: str | None = None
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedStudy:
    """A study of the plan.

    Attributes:
        number: from 1, in the cohort.
        study: what it is called in the table.
        source: where it is.
    """

    number: int
    study: str
    source: Source

    def case(self, chunk: str, indices: IndexSettings) -> InputCase:
        """Make the case that workflows take.

        Args:
            chunk: that it is of; by chunks its files lie in folders that are not too full.
            indices: of the cohort.
        """
        one, path = self.source, Path(self.source.path)
        phases = None if one.end_systole is None else TwoPhases(path, Path(one.end_systole))
        own = indices.model_validate({**indices.model_dump(), **one.given}) if one.given else None
        return InputCase(path, f"{chunk}/{self.study}", searched=one.searched, phases=phases, indices=own)

    def as_json(self) -> str:
        """Write it as one line of a file of the plan."""
        told = {"number": self.number, "study": self.study}
        return json.dumps({**told, **_told(self.source)}, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> PlannedStudy:
        """Read such a line."""
        fields = json.loads(line)
        number, study = fields.pop("number"), fields.pop("study")
        return cls(number, study, Source(**fields))


def _told(source: Source) -> dict[str, Any]:
    """The fields of a source that say something."""
    return {name: value for name, value in vars(source).items() if value or name in ("path", "name")}


def chunks_of(folder: CohortFolder) -> list[str]:
    """Name all chunks of a cohort, in order; none where there is no plan."""
    heads = [(plan.name, _head(plan)) for plan in _plans(folder)]
    return [
        f"{name}-{index:05d}" for name, head in heads for index in range(-(-head["studies"] // head["chunk"]))
    ]


def chunk_of(folder: CohortFolder, number: int) -> str:
    """Name the chunk of a study by its number; empty where there is no such study."""
    for plan in _plans(folder):
        head = _head(plan)
        place = number - head["first"]
        if 0 <= place < head["studies"]:
            return f"{plan.name}-{place // head['chunk']:05d}"
    return ""


def size_of(folder: CohortFolder, chunks: Collection[str]) -> int:
    """Count the studies of chunks."""
    wanted, count = set(chunks), 0
    for plan in _plans(folder):
        head = _head(plan)
        for index, begin in enumerate(range(0, head["studies"], head["chunk"])):
            if f"{plan.name}-{index:05d}" in wanted:
                count += min(head["chunk"], head["studies"] - begin)
    return count


def studies_planned(folder: CohortFolder) -> int:
    """Count the studies of a cohort."""
    return sum(_head(plan)["studies"] for plan in _plans(folder))


def studies_of(folder: CohortFolder, chunk: str) -> list[PlannedStudy]:
    """Read the studies of a chunk. Raises :class:`septum.core.InputError` if its file cannot be read."""
    plan, _, index = chunk.partition("-")
    path = folder.plans / plan / f"{index}.jsonl"
    try:
        return [PlannedStudy.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path} cannot be read: expected the studies of a chunk, as the plan was written; begin the "
            "cohort again in another folder."
        ) from error


def every_study(folder: CohortFolder) -> Iterator[PlannedStudy]:
    """Read all studies of a plan, chunk by chunk."""
    for chunk in chunks_of(folder):
        yield from studies_of(folder, chunk)


def extend_plan(
    folder: CohortFolder, sources: Sequence[Source], *, names: bool, chunk: int | None = None
) -> tuple[int, int]:
    """Add the studies that are new to the plan, as a plan of their own; the others keep their places.

    The order is that of a hash of their paths: neighbours in a folder, which are often alike in size, come
    into different chunks, and a number tells nothing of the name.

    Args:
        folder: of the cohort.
        sources: what was found.
        names: call studies as their files are; otherwise only as a list calls them.
        chunk: studies of a chunk; :data:`CHUNK` by default, or fewer in a small cohort.

    Returns:
        How many are new, and of how many the list tells something else now than when they were planned.

    Raises:
        OutputError: it cannot be written.
    """
    known: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for one in every_study(folder):
        known[one.source.path] = one.source.given
        taken.add(one.study.casefold())
    changed = sum(1 for one in sources if one.path in known and known[one.path] != one.given)
    new = sorted({one.path: one for one in sources if one.path not in known}.values(), key=_place)
    if not new:
        return 0, changed
    first = len(known) + 1
    chunk = chunk or max(1, min(CHUNK, len(new) // _LEAST_CHUNKS))
    number = len(_plans(folder)) + 1
    folder.make_private()
    with whole_folder(folder.plans / f"{number:04d}") as scratch:
        for index, begin in enumerate(range(0, len(new), chunk)):
            lines = []
            for k, source in enumerate(new[begin : begin + chunk], start=first + begin):
                name = _study_name(source, k, taken, names=names)
                lines.append(PlannedStudy(k, name, source).as_json())
            (scratch / f"{index:05d}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        head = {"studies": len(new), "chunk": chunk, "first": first}
        (scratch / _HEAD).write_text(json.dumps(head) + "\n", encoding="utf-8")
    return len(new), changed


def _study_name(source: Source, number: int, taken: set[str], *, names: bool) -> str:
    """The name in the table and of files; it is put into ``taken``."""
    name = source.name if names or source.named else f"study-{number:06d}"
    while name.casefold() in taken:
        name = f"{name}-{number}"
    taken.add(name.casefold())
    return name


def _place(source: Source) -> bytes:
    return hashlib.sha256(source.path.encode("utf-8", "surrogateescape")).digest()


def place(path: Path) -> str:
    """Name a file from the root, the same however it was named; a link stays a link."""
    return str(place_of(path.parent) / path.name)


def _plans(folder: CohortFolder) -> list[Path]:
    if not folder.plans.is_dir():
        return []
    return sorted(path for path in folder.plans.iterdir() if path.name.isdigit())


def _head(plan: Path) -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads((plan / _HEAD).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{plan / _HEAD} cannot be read: expected the plan of a cohort; begin it again in another folder."
        ) from error
    return found
