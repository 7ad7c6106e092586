"""``septum measure``: a mask of known labels in, whoever made it; indices, verdict and outputs out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Cine, InputError, LabelSchema, Role, Segmentation, SeptumError, Study
from septum.core.arrays import spacing_of
from septum.core.errors import UnexpectedError
from septum.core.files import sha256_of
from septum.inference import open_bundle, shipped
from septum.io import DicomHeader, case_name, read_mask
from septum.workflows.case_steps import schema_of
from septum.workflows.events import CaseDone, Failure, Notice, Planned, RunSummary
from septum.workflows.loading import NAMELESS, study_of
from septum.workflows.mask_grids import on_grid_of
from septum.workflows.masks import SCHEMAS, infer_schema, labels_of, schema_named, values_in
from septum.workflows.measuring import measured
from septum.workflows.options import IndexSettings
from septum.workflows.output_paths import OutputPaths
from septum.workflows.outputs import possible, resolved
from septum.workflows.overwrite_guard import check_known, check_measured
from septum.workflows.provenance import Provenance
from septum.workflows.record import Settings, read_record
from septum.workflows.resume import ResumePlan, output_files
from septum.workflows.saving import case_lock, write_case
from septum.workflows.subjects import Subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from septum.core import Note, StackKind
    from septum.core.geometry import Triple
    from septum.inference import Bundle
    from septum.workflows.events import Event
    from septum.workflows.loading import Source
    from septum.workflows.outputs import Outputs
    from septum.workflows.record import Record
    from septum.workflows.result import Result


@dataclass(frozen=True)
class Measuring:
    """How masks are measured.

    Attributes:
        image: that the mask was drawn on; ``None``: the mask alone.
        labels: what masks show, ``ventricles`` or ``atrium``; ``None``: by the JSON next to them, or their
            values.
        spacing_mm: (Z, Y, X) in mm, instead of what the files say.
        indices: how clinical indices are taken; ``None``: as in the JSON next to the mask, or as detected. In
            a table of subjects, masks have their names without ``_seg``.
    """

    image: Source | None = None
    labels: str | LabelSchema | None = None
    spacing_mm: Sequence[float] | None = None
    indices: IndexSettings | Subjects | None = None


def measure_file(mask: Path, how: Measuring) -> tuple[Result, OutputPaths]:
    """Measure a mask, and say what files of its results next to it are called.

    Where a JSON of Septum lies next to the mask, it says which model made it, and of which input. If the mask
    was changed since, it counts as corrected: the verdict then rests on the mask alone.

    Args:
        mask: its file.
        how: it is measured.

    Raises:
        InputError: the file is no mask of these labels, or does not lie on the grid of its image.
    """
    stem = _stem(mask)
    paths = OutputPaths(mask.parent, stem, mask)
    earlier = read_record(paths.record) if stem != case_name(mask) else None
    spacing: Triple | None = None if how.spacing_mm is None else spacing_of(how.spacing_mm)
    if spacing is None and earlier is not None:
        spacing = earlier.settings.spacing_mm
    read = read_mask(mask, spacing_mm=spacing)
    schema = _schema(mask, read.cine.array, how.labels, earlier)
    labels = labels_of(mask, read.cine.array, schema)
    study = _study_of(read, labels, schema, how, earlier)
    if how.image is not None:
        read = replace(read, cine=replace(read.cine, array=labels))
        labels, notes = _on_grid_of(study, how.image, read, mask)
        study = replace(study, notes=(*study.notes, *notes))
    settings = Settings(spacing_mm=spacing, indices=_indices(how.indices, earlier, stem))
    settings.indices.check_frames(len(labels), mask)
    segmentation = Segmentation(labels.astype(np.uint8), study.cine.geometry, schema)
    bundle: Bundle | None = None
    if earlier is not None and earlier.input.sha256 != study.sha256:
        earlier = None  # what it says holds for another image
    provenance = Provenance.of_given_mask(settings, earlier)
    if earlier is not None and earlier.mask_sha256 == sha256_of(mask):
        provenance, bundle = Provenance.from_record(earlier, settings.indices), bundle_of(earlier)
    return measured(study, segmentation, provenance, bundle, name=stem), paths


def _stem(mask: Path) -> str:
    """Name the results of a mask."""
    return case_name(mask).removesuffix("_seg")


def measure_array(segmentation: Segmentation, how: Measuring) -> Result:
    """Measure a mask that is at hand. Raises :class:`InputError` if it does not fit its image."""
    if how.image is None:
        voxels = np.ascontiguousarray(segmentation.labels)
        cine = Cine(voxels.astype(np.float32), segmentation.geometry)
        study, name = Study(cine, hashlib.sha256(voxels.tobytes()).hexdigest()), NAMELESS
    else:
        study, name = study_of(how.image, how.spacing_mm, _kind_of(segmentation.schema, None))
        mask = Study(Cine(segmentation.labels, segmentation.geometry), "")
        labels, notes = _on_grid_of(study, how.image, mask, Path("mask"))
        segmentation = Segmentation(labels.astype(np.uint8), study.cine.geometry, segmentation.schema)
        study = replace(study, notes=(*study.notes, *notes))
    settings = Settings(indices=_indices(how.indices, None, name))
    settings.indices.check_frames(len(segmentation.labels), "mask")
    return measured(study, segmentation, Provenance.of_given_mask(settings), None, name=name)


def measure_masks(
    masks: Sequence[Path],
    how: Measuring,
    *,
    out: Path | None = None,
    outputs: Outputs | None = None,
    overwrite: bool = False,
    on_event: Callable[[Event], None] = lambda _: None,
) -> RunSummary:
    """Measure masks one after the other, and write a JSON and outputs for each; the masks stay as they are.

    Args:
        masks: their files.
        how: they are measured.
        out: folder for the results; each mask's own without one.
        outputs: what is written, as of :func:`septum.workflows.outputs.requested`.
        overwrite: replace what is not a result of the same input, or not Septum's, too.
        on_event: is given what happens when it happens.

    Raises:
        OutputError: the key for pseudonyms is none; nothing was begun.
    """
    asked = resolved(outputs or {})
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        on_event(event)

    if isinstance(how.indices, Subjects):
        for text in how.indices.unmatched([_stem(mask) for mask in masks]):
            tell(Notice(text))
    tell(Planned(len(masks)))
    for mask in masks:
        try:
            done, message = _measure_and_write(mask, how, out, asked, overwrite=overwrite)
        except SeptumError as error:
            tell(Failure(mask, error))
        except Exception as error:  # noqa: BLE001  # one bad file never ends a run
            unexpected = UnexpectedError.of(error)
            unexpected.__cause__ = error
            tell(Failure(mask, unexpected))
        else:
            if message:
                tell(Notice(message))
            tell(done)
    return RunSummary.of(events)


def _measure_and_write(
    mask: Path, how: Measuring, out: Path | None, outputs: Outputs, *, overwrite: bool
) -> tuple[CaseDone, str]:
    """Measure one mask and write what belongs to it; with it, what has to be said of earlier results."""
    result, paths = measure_file(mask, how)
    if out is not None:
        paths = replace(paths, folder=out)
    is_dicom = isinstance(result.study.header, DicomHeader)
    asked, notes = possible(outputs, is_dicom=is_dicom)
    with case_lock(paths):
        earlier = read_record(paths.record)
        if not overwrite:
            check_measured(paths, str(mask), result.study.sha256)
            check_known(asked, paths, earlier)
        keeps = earlier is not None and earlier.mask_sha256 == sha256_of(mask)
        indices = result.provenance.settings.indices
        plan = ResumePlan.of(earlier, paths, asked, indices, keeps_mask=keeps, notes=notes)
        message = plan.message(paths)
        record = write_case(result, paths, plan, has_own_mask=False)
    shown = output_files(asked, paths, record)
    return CaseDone(paths.stem, mask, mask, paths.record, record, outputs=shown, mask_kept=True), message


def _study_of(
    read: Study,
    labels: NDArray[Any],
    schema: LabelSchema,
    how: Measuring,
    earlier: Record | None,
) -> Study:
    """The image of a mask; without one the mask stands for it, with what its JSON knows of the image."""
    if how.image is not None:
        spacing_mm = how.spacing_mm if earlier is None else how.spacing_mm or earlier.settings.spacing_mm
        return study_of(how.image, spacing_mm, _kind_of(schema, earlier))[0]
    cine = replace(read.cine, array=labels.astype(np.float32))
    if earlier is None:
        return replace(read, cine=cine)
    if cine.times_ms is None and earlier.indices.times_ms is not None:
        cine = replace(cine, frame_times_ms=earlier.indices.times_ms)
    return replace(read, cine=cine, sha256=earlier.input.sha256)


def _on_grid_of(
    study: Study, image: object, read: Study, mask: Path
) -> tuple[NDArray[np.generic], tuple[Note, ...]]:
    """Labels (T, Z, Y, X) of a mask on the grid of its image, and notes. Raises :class:`InputError`."""
    frames, expected = len(read.cine), len(study.cine)
    if frames != expected:
        raise InputError(
            f"{mask} has {frames} frames, and its image {expected}: expected as many; give the image that "
            "the mask was drawn on."
        )
    path = Path(image) if isinstance(image, str | Path) else Path("its image")
    return on_grid_of(study, path, read, mask)


def _schema(
    mask: Path, labels: NDArray[Any], named: str | LabelSchema | None, earlier: Record | None
) -> LabelSchema:
    """What a mask shows: as it is said, as its JSON has it, or by its values."""
    if named is not None:
        return schema_named(named)
    if earlier is not None:
        known = [one for one in SCHEMAS.values() if schema_of(earlier, one) is one]
        return known[0] if known else schema_of(earlier, LabelSchema(structures=()))
    try:
        return infer_schema([values_in(labels)])[0]
    except InputError as error:
        raise InputError(f"{mask}: {error}") from error


def _kind_of(schema: LabelSchema, earlier: Record | None) -> StackKind:
    """Which images of a DICOM study a mask is of: those that its model reads, or by what it shows.

    An atrium alone is mostly drawn on late gadolinium enhancement.
    """
    if earlier is not None and earlier.model is not None and earlier.model.name in shipped():
        return open_bundle(earlier.model.name).manifest.reads
    return "late-gadolinium" if schema.roles == {Role.LA} else "cine"


def _indices(given: IndexSettings | Subjects | None, earlier: Record | None, name: str) -> IndexSettings:
    """How indices are taken: as it is said now, or else as in the earlier run."""
    if isinstance(given, Subjects):
        return given.of(name, _indices(given.settings, earlier, name))
    if earlier is not None and (given is None or given == IndexSettings()):
        return earlier.settings.indices
    return given or IndexSettings()


def bundle_of(record: Record) -> Bundle | None:
    """The shipped model that made a mask, whose calibration then holds for it."""
    if record.model is None or record.model.name not in shipped():
        return None
    bundle = open_bundle(record.model.name)
    return bundle if bundle.sha256 == record.model.sha256 else None
