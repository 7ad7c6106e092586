"""The files beside a mask: what they are called, whether they are there, and which of them have to go."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import OutputError
from septum.core.files import sha256_of
from septum.io.names import MASK_SUFFIXES, mesh_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from septum.workflows.record import Record


@dataclass(frozen=True)
class Names:
    """What stands beside a mask, by its name.

    Attributes:
        mask: path of the mask, ``NAME_seg`` and an ending.
    """

    mask: Path

    @property
    def stem(self) -> str:
        """``NAME``."""
        return self.mask.name[: self.mask.name.rindex("_seg.")]

    @property
    def lock(self) -> Path:
        """The file that whoever writes any of these holds; its name is that of a leftover."""
        case = hashlib.sha256(self.stem.casefold().encode("utf-8", "surrogateescape")).hexdigest()
        return self.mask.with_name(f".septum-{case[:16]}.lock")

    @property
    def record(self) -> Path:
        """The JSON."""
        return self.mask.with_name(f"{self.stem}_seg.json")

    @property
    def report(self) -> Path:
        """The page."""
        return self.mask.with_name(f"{self.stem}_report.html")

    @property
    def segmentation(self) -> Path:
        """The DICOM segmentation."""
        return self.mask.with_name(f"{self.stem}_seg.dcm")

    @property
    def measurements(self) -> Path:
        """The DICOM measurement report."""
        return self.mask.with_name(f"{self.stem}_sr.dcm")

    @property
    def meshes(self) -> Path:
        """The folder of meshes."""
        return self.mask.with_name(f"{self.stem}_mesh")


def has_measurements(values: Mapping[str, float | None]) -> bool:
    """Whether a DICOM measurement report has anything to tell: an index with a value and a coded term."""
    from septum.io.dicom.objects.terms import INDICES  # noqa: PLC0415  # loads pydicom

    return any(value is not None and key in INDICES for key, value in values.items())


def files_of(kind: str, mask: Path, record: Record) -> list[Path]:
    """The files of one kind that belong to a mask, by its record; septum wrote them, or was about to.

    Args:
        kind: a key of :meth:`septum.workflows.asked.Extras.kinds`.
        mask: path of the mask.
        record: of the mask.
    """
    names = Names(mask)
    match kind:
        case "report":
            return [names.report]
        case "dicom":
            items = record.indices.get("items", {})
            told = has_measurements({key: item["value"] for key, item in items.items()})
            return [names.segmentation, *[names.measurements] * told]
        case _:
            single = record.input.frames == 1
            volumes_ml = record.indices.get("volumes_ml", record.volumes_ml)  # with more digits
            return [
                names.meshes
                / mesh_name(names.stem, name, value, None if single else t, str(record.extras.mesh))
                for name, value in record.labels.items()
                for t, volume_ml in enumerate(volumes_ml[name])
                if volume_ml > 0
            ]


def are_there(kinds: Iterable[str], mask: Path, record: Record) -> bool:
    """Whether all files of these kinds are."""
    return all(path.is_file() for kind in kinds for path in files_of(kind, mask, record))


def unknown(kinds: Collection[str], mask: Path, record: Record | None) -> Path | None:
    """A file that would be replaced by one of these kinds, and that no record says is septum's.

    Of meshes only the folder is looked at: it may hold others, and their names follow from the mask.
    """
    names = Names(mask)
    files = {"report": (names.report,), "dicom": (names.segmentation, names.measurements)}
    known = {} if record is None else record.extras.kinds()
    there = [path for kind in kinds if kind not in known for path in files.get(kind, ()) if path.exists()]
    if "mesh" in kinds and names.meshes.exists() and not names.meshes.is_dir():
        there.append(names.meshes)
    return next(iter(there), None)


def shown(kinds: Collection[str], mask: Path, record: Record) -> tuple[Path, ...]:
    """The files of these kinds as people are told of them: of meshes, their folder."""
    told = [
        [Names(mask).meshes] if kind == "mesh" else files_of(kind, mask, record)
        for kind in record.extras.kinds()
        if kind in kinds
    ]
    return tuple(path for paths in told for path in paths)


def remove(kinds: Iterable[str], mask: Path, record: Record) -> None:
    """Remove the files of these kinds, which the record says are septum's. Raises :class:`OutputError`."""
    for kind in kinds:
        for path in files_of(kind, mask, record):
            remove_file(path)
        if kind == "mesh":
            with suppress(OSError):  # others have put something there, or it is gone
                Names(mask).meshes.rmdir()


def in_another_format(mask: Path, record: Record) -> tuple[Path, ...]:
    """The mask of a record, where another format has it beside the new one and nobody has changed it."""
    stem = Names(mask).stem
    others = (mask.with_name(f"{stem}_seg{suffix}") for suffix in MASK_SUFFIXES)
    return tuple(
        path
        for path in others
        if path.name != mask.name and path.is_file() and sha256_of(path) == record.mask_sha256
    )


def remove_file(path: Path) -> None:
    """Remove a file that may be gone. Raises :class:`OutputError`."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be replaced: {error.strerror}; choose another folder.") from error
