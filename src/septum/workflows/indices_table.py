"""The table of a cohort: clinical indices and verdict, one row a study, with fixed columns."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from septum.core.files import write_text
from septum.indices.definitions import DEFINITIONS
from septum.indices.segments import SEGMENTS
from septum.workflows.overwrite_guard import check_own_table
from septum.workflows.record_numbers import IndicesRecord, QualityRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from septum.core import Indices, Quality
    from septum.workflows.record import Record
    from septum.workflows.record_comparison import ReferenceRecord

    #: Of a row of the table.
    Cell = str | int | float | None

#: Columns of wall thickness, by the field of :class:`septum.core.WallThickness` that they show.
_WALL = {
    "wall_ed_mm": "end_diastolic_mm",
    "wall_es_mm": "end_systolic_mm",
    "wall_thickening_percent": "thickening_percent",
}
#: Columns of strain by segment, by the field of :class:`septum.core.Strain` that they show.
_STRAIN = {"strain_circumferential_percent": "circumferential", "strain_radial_percent": "radial"}
_HEAD = (
    "study", "end_diastole_frame", "end_systole_frame", "phase_confidence", "body_surface_area_m2",
    "heart_rate_bpm",
)  # fmt: skip

VENTRICLES = ("LV", "RV")
#: The verdict, in whole and on each ventricle, and what goes with it.
QUALITY_COLUMNS = (
    "verdict", "flags", "estimated_dice",
    *(f"{name.lower()}_ef_{end}_percent" for name in VENTRICLES for end in ("low", "high")),
    *(f"{name.lower()}_verdict" for name in VENTRICLES),
)  # fmt: skip

#: Indices that any table of reference ranges has, and what of the comparison is in the table.
COMPARED = (
    "lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef_percent", "lv_mass_ed_g",
    "rv_edv_ml", "rv_esv_ml", "rv_sv_ml", "rv_ef_percent",
)  # fmt: skip
_COMPARED_BY = ("z", "percentile", "p_outside", "place")
#: The table of reference ranges and its people, and how each index lies beside its range.
REFERENCE_COLUMNS = (
    "reference",
    "reference_group",
    *(f"{key}_{by}" for key in COMPARED for by in _COMPARED_BY),
)

#: What a row comes of, by which rows of several runs can be told apart.
ORIGIN_COLUMNS = ("input_sha256", "frames", "model", "model_sha256", "septum_version")

#: Columns of the table. ``KEY_indexed`` is a square metre of body surface; ``wall_*_1`` to ``_17`` and
#: ``strain_*_1`` to ``_17`` are the AHA segments; frames are counted from 0. The verdict and what goes with
#: it come after them, then the comparison with reference ranges, and last what the row comes of.
COLUMNS: tuple[str, ...] = (
    *_HEAD,
    *(
        name
        for one in DEFINITIONS
        for name in ((one.key, f"{one.key}_indexed") if one.indexed else (one.key,))
    ),
    *(f"{stem}_{segment}" for stem in (*_WALL, *_STRAIN) for segment in range(1, SEGMENTS + 1)),
    *QUALITY_COLUMNS,
    *REFERENCE_COLUMNS,
    *ORIGIN_COLUMNS,
)
#: Columns that hold words, and those that hold whole numbers; all others hold numbers.
TEXT_COLUMNS = frozenset(
    {
        *("study", "verdict", "flags", "lv_verdict", "rv_verdict", "reference", "reference_group"),
        *("input_sha256", "model", "model_sha256", "septum_version"),
        *(f"{key}_place" for key in COMPARED),
    }
)
WHOLE_COLUMNS = frozenset({"end_diastole_frame", "end_systole_frame", "frames"})


def table_row(
    study: str,
    indices: IndicesRecord,
    quality: QualityRecord | None = None,
    origin: Mapping[str, Cell] | None = None,
    reference: ReferenceRecord | None = None,
) -> dict[str, Cell]:
    """Make one row of the table: a value or ``None`` for each of :data:`COLUMNS`, in their order.

    Args:
        study: what the row is called; it stands in the file as it is, so it should name no patient.
        indices: of that study.
        quality: of its mask; its columns are empty without it.
        origin: as of :func:`origin_of`; likewise.
        reference: of the study beside reference ranges; likewise.
    """
    row: dict[str, Cell] = dict.fromkeys(COLUMNS)
    row |= {"study": study, **{name: getattr(indices, name) for name in _HEAD[1:]}}
    for key, item in indices.items.items():
        row[key] = item.value
        if f"{key}_indexed" in row:
            row[f"{key}_indexed"] = item.indexed_a_m2
    for stem, field in _WALL.items():
        values = (None,) * SEGMENTS if indices.wall is None else getattr(indices.wall, field)
        row |= {f"{stem}_{segment}": value for segment, value in enumerate(values, start=1)}
    for stem, field in _STRAIN.items():
        peaks = (None,) * SEGMENTS if indices.strain is None else getattr(indices.strain, field).peak_percent
        row |= {f"{stem}_{segment}": value for segment, value in enumerate(peaks, start=1)}
    return {**row, **_quality_cells(quality), **_reference_cells(reference), **(origin or {})}


def _reference_cells(reference: ReferenceRecord | None) -> dict[str, Cell]:
    """A comparison as cells of :data:`REFERENCE_COLUMNS`; all empty where there is none."""
    cells: dict[str, Cell] = dict.fromkeys(REFERENCE_COLUMNS)
    if reference is not None:
        cells |= {"reference": reference.key, "reference_group": reference.group or None}
        for key, item in reference.items.items():
            cells |= {f"{key}_{by}": getattr(item, by) for by in _COMPARED_BY}
    return cells


def _quality_cells(quality: QualityRecord | None) -> dict[str, Cell]:
    """A verdict as cells of :data:`QUALITY_COLUMNS`; all empty where quality was not assessed."""
    if quality is None:
        return dict.fromkeys(QUALITY_COLUMNS)
    keys = ";".join(dict.fromkeys(flag.key for flag in quality.flags))
    ends: list[Cell] = []
    for name in VENTRICLES:
        interval = quality.ejection_fraction_intervals.get(name)
        ends += [None, None] if interval is None else [interval.low_percent, interval.high_percent]
    verdicts = (quality.ventricles.get(name) for name in VENTRICLES)  # not in results of earlier versions
    cells = (quality.verdict.value, keys, quality.estimated_dice, *ends, *verdicts)
    return dict(zip(QUALITY_COLUMNS, cells, strict=True))


def origin_of(record: Record) -> dict[str, Cell]:
    """Say what a study's row comes of, as cells of :data:`ORIGIN_COLUMNS`."""
    read, model = record.input, record.model
    name, sha256 = (None, None) if model is None else (model.name, model.sha256)
    cells = (read.sha256, read.frames, name, sha256, record.software.version)
    return dict(zip(ORIGIN_COLUMNS, cells, strict=True))


def record_row(study: str, record: Record) -> dict[str, Cell]:
    """Make the row of a study's JSON."""
    return table_row(study, record.indices, record.quality, origin_of(record), record.reference)


def indices_row(study: str, indices: Indices, quality: Quality | None = None) -> dict[str, Cell]:
    """Make the row of indices and quality themselves, which come from no file.

    Args:
        study: name for the first column.
        indices: of the mask.
        quality: verdict and flags, if it was assessed.
    """
    judged = None if quality is None else QualityRecord.of(quality)
    return table_row(study, IndicesRecord.of(indices), judged)


def table_csv(rows: Iterable[Mapping[str, Cell]]) -> str:
    """Write rows as CSV with a header; what is not known is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def check_replaceable(path: Path) -> None:
    """Raise :class:`septum.core.errors.NameTakenError` for a file that is no such table, of any version."""
    check_own_table(path, _HEAD, of="studies")


def write_indices_csv(path: Path, records: Mapping[str, Record]) -> str:
    """Write the table of studies whole or not at all.

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
    write_text(path, table_csv(record_row(name, record) for name, record in records.items()))
    gone = [name for name in earlier if name not in records]
    if not gone:
        return ""
    of = f"the study {gone[0]}" if len(gone) == 1 else f"{len(gone)} studies, such as {gone[0]}"
    return (
        f"{path} was replaced, and no longer has {of}: it has the studies that this run has done or found "
        "done. For one table of several inputs give them all in one run."
    )


def update_indices_csv(path: Path, study: str, record: Record) -> bool:
    """Replace the row of one study in a table; all others stay as they are.

    Args:
        path: of the table.
        study: its name there.
        record: of the study now.

    Returns:
        Whether the file is a table of this version with that study in it.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            rows: list[Mapping[str, Cell]] = [dict(row) for row in reader]
            columns = tuple(reader.fieldnames or ())
    except (OSError, UnicodeError, csv.Error):
        return False
    if columns != COLUMNS or study not in (row[_HEAD[0]] for row in rows):
        return False
    own = record_row(study, record)
    write_text(path, table_csv(own if row[_HEAD[0]] == study else row for row in rows))
    return True


def studies_in(path: Path) -> list[str]:
    """Names of the studies in a table that is there; none where it is no table of Septum."""
    if not path.is_file():  # a pipe would keep us waiting
        return []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [row[_HEAD[0]] for row in csv.DictReader(stream)]
    except (OSError, UnicodeError, csv.Error, KeyError):
        return []
