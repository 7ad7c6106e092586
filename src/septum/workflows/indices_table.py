"""Clinical indices as JSON, and with the quality verdict as one row of a table with fixed columns."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from septum.core import value_of
from septum.core.files import write_text
from septum.indices.definitions import DEFINITIONS
from septum.indices.segments import SEGMENTS
from septum.quality.document import QUALITY_COLUMNS, quality_document, quality_row
from septum.workflows.not_ours import check_own_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from septum.core import Indices, Quality
    from septum.quality.document import Cell
    from septum.workflows.record import Record

#: Digits after the point, in files: more than a mask can carry.
DIGITS = 4
#: Columns of wall thickness, by the field of :class:`septum.core.WallThickness` that they show.
_WALL = {
    "wall_ed_mm": "end_diastolic_mm",
    "wall_es_mm": "end_systolic_mm",
    "wall_thickening_percent": "thickening_percent",
}
_HEAD = (
    "study", "end_diastole_frame", "end_systole_frame", "phase_confidence", "body_surface_area_m2",
    "heart_rate_bpm",
)  # fmt: skip

#: What a row comes of, by which rows of several runs can be told apart.
ORIGIN_COLUMNS = ("input_sha256", "frames", "model", "model_sha256", "septum_version")

#: Columns of the table. ``KEY_indexed`` is a square metre of body surface; ``wall_*_1`` to ``_17`` are the
#: AHA segments; frames are counted from 0. The verdict and what goes with it come after them, and last
#: what the row comes of.
COLUMNS: tuple[str, ...] = (
    *_HEAD,
    *(
        name
        for one in DEFINITIONS
        for name in ((one.key, f"{one.key}_indexed") if one.indexed else (one.key,))
    ),
    *(f"{stem}_{segment}" for stem in _WALL for segment in range(1, SEGMENTS + 1)),
    *QUALITY_COLUMNS,
    *ORIGIN_COLUMNS,
)


def indices_document(indices: Indices) -> dict[str, Any]:
    """Indices for JSON: numbers with their units in keys, ``None`` for what cannot be told.

    Volumes are one a frame; ``items`` has each index with its title, unit and definition; ``wall`` has one
    value for each of the 17 AHA segments.
    """
    phases, wall = indices.phases, indices.wall
    return {
        "end_diastole_frame": phases.end_diastole if phases else None,
        "end_systole_frame": phases.end_systole if phases else None,
        "phase_confidence": _rounded(phases.confidence) if phases else None,
        "phases_given": sorted(phases.given) if phases else [],
        "volumes_ml": {name: [_rounded(v) for v in values] for name, values in indices.volumes_ml.items()},
        "times_ms": None if indices.times_ms is None else [_rounded(t) for t in indices.times_ms],
        "body_surface_area_m2": _rounded(value_of(indices.body_surface_area_m2)),
        "body_surface_area_formula": indices.body_surface_area_formula,
        "heart_rate_bpm": _rounded(value_of(indices.heart_rate_bpm)),
        "items": {
            item.key: {
                "title": item.title,
                "value": _rounded(item.value),
                "unit": item.unit,
                "indexed_a_m2": _rounded(item.indexed),
                "definition": item.definition,
            }
            for item in indices.items
        },
        "wall": None if wall is None else {k: [_rounded(v) for v in vs] for k, vs in asdict(wall).items()},
        "notes": list(indices.notes),
    }


def document_row(
    study: str,
    document: Mapping[str, Any],
    quality: Mapping[str, Any] | None = None,
    origin: Mapping[str, Cell] | None = None,
) -> dict[str, Cell]:
    """One row of the table: a value or ``None`` for each of :data:`COLUMNS`, in their order.

    Args:
        study: what the row is called; it stands in the file as it is, so it should name no patient.
        document: of that study, as of :func:`indices_document`.
        quality: as of :func:`septum.quality.document.quality_document`; its columns are empty without it.
        origin: as of :func:`origin_of`; likewise.
    """
    row: dict[str, Cell] = dict.fromkeys(COLUMNS)
    row |= {"study": study, **{name: document.get(name) for name in _HEAD[1:]}}
    for key, item in document.get("items", {}).items():
        row[key] = item["value"]
        if f"{key}_indexed" in row:
            row[f"{key}_indexed"] = item["indexed_a_m2"]
    for stem, field in _WALL.items():
        values = (document.get("wall") or {}).get(field) or (None,) * SEGMENTS
        row |= {f"{stem}_{segment}": value for segment, value in enumerate(values, start=1)}
    return {**row, **quality_row(quality), **(origin or {})}


def origin_of(record: Record) -> dict[str, Cell]:
    """What a study's row comes of, as cells of :data:`ORIGIN_COLUMNS`."""
    read, model = record.input, record.model
    cells = (read.sha256, read.frames, model.name, model.sha256, record.software.version)
    return dict(zip(ORIGIN_COLUMNS, cells, strict=True))


def indices_row(study: str, indices: Indices, quality: Quality | None = None) -> dict[str, Cell]:
    """The same from the indices and the quality themselves."""
    return document_row(
        study, indices_document(indices), None if quality is None else quality_document(quality)
    )


def indices_csv(
    documents: Mapping[str, Mapping[str, Any]],
    qualities: Mapping[str, Mapping[str, Any] | None] | None = None,
    origins: Mapping[str, Mapping[str, Cell]] | None = None,
) -> str:
    """The table as CSV, one row a study; what cannot be told is an empty cell.

    Args:
        documents: of the indices, by what the row is called.
        qualities: documents of the quality by the same names, as far as it was assessed.
        origins: as of :func:`origin_of`, by the same names, of those that come from files.
    """
    verdicts, of = qualities or {}, origins or {}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        document_row(name, one, verdicts.get(name), of.get(name)) for name, one in documents.items()
    )
    return text.getvalue()


def check_replaceable(path: Path) -> None:
    """Raise :class:`septum.core.errors.NameTakenError` for a file that is no such table, of any version."""
    check_own_table(path, _HEAD, of="studies")


def write_indices_csv(path: Path, records: Mapping[str, Record]) -> str:
    """Write :func:`indices_csv` of studies whole or not at all.

    An earlier table is replaced by one of these studies, and never joined with it: its rows may be of another
    model or of other settings, and of another study of the same name. Without any study it is left.

    Returns:
        A sentence on what became of the studies of the earlier table that are not among these, or of the
        table; empty where nothing is lost.

    Raises:
        OutputError: it cannot be written.
    """
    earlier = studies_in(path)
    if not records:
        return f"{path}: there is no result for it: the table is not written." + (
            " What is there is an earlier run's." if earlier else ""
        )
    text = indices_csv(
        {name: record.indices for name, record in records.items()},
        {name: record.quality for name, record in records.items()},
        {name: origin_of(record) for name, record in records.items()},
    )
    write_text(path, text)
    gone = [name for name in earlier if name not in records]
    if not gone:
        return ""
    of = f"the study {gone[0]}" if len(gone) == 1 else f"{len(gone)} studies, such as {gone[0]}"
    return (
        f"{path} was replaced, and no longer has {of}: it has the studies that this run has done or found "
        "done. For one table of several inputs give them all in one run."
    )


def studies_in(path: Path) -> list[str]:
    """Names of the studies in a table that is there; none where it is no table of Septum."""
    if not path.is_file():  # a pipe would keep us waiting
        return []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [row[_HEAD[0]] for row in csv.DictReader(stream)]
    except (OSError, UnicodeError, csv.Error, KeyError):
        return []


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
