"""Reading a study that is to be looked at: its result, and the image that it was made of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from septum.core import STACK_KINDS, LabelSchema, Segmentation, SeptumError
from septum.core.files import is_folder, sha256_of
from septum.io import holds_dicom, read_mask, read_study
from septum.io.beside import images_called, kind_of_content, names_of_image
from septum.view.errors import RefusedError
from septum.view.journal import ENDING
from septum.view.listing import original_mask
from septum.workflows.case_steps import schema_of
from septum.workflows.cases import plan_cases
from septum.workflows.mask_grids import labels_on, read_labels
from septum.workflows.masks import SCHEMAS, labels_of
from septum.workflows.measuring import measured
from septum.workflows.provenance import Provenance
from septum.workflows.record import Settings, read_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from septum.core import Study
    from septum.io.dicom.reading import Contents
    from septum.view.listing import Entry
    from septum.workflows.cases import InputCase
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record


class Found(NamedTuple):
    """An image, where it is, and of a DICOM study what its headers tell."""

    study: Study
    source: Path
    contents: Contents | None = None


@dataclass(frozen=True)
class Opened:
    """A study as it was read.

    Attributes:
        paths: of its files.
        study: the image; where it was not found, the mask stands for it.
        has_image: whether it was found.
        message: what to do where it was not.
        schema: what the labels mean.
        record: JSON of the mask before any correction.
        original: that mask, (T, ...) on the image's own grid.
        current: the mask in the file now.
        mask_sha256: of that file; empty where a kill left none, and the first one stands for it.
        original_sha256: of the file of the mask before any correction.
        source: the image's file or folder, where it was found.
        contents: what a DICOM study holds by its headers, so that they are not read again.
    """

    paths: OutputPaths
    study: Study
    has_image: bool
    message: str
    schema: LabelSchema
    record: Record
    original: NDArray[np.uint8]
    current: NDArray[np.uint8]
    mask_sha256: str
    original_sha256: str
    source: Path | None
    contents: Contents | None = None

    @property
    def journal(self) -> Path:
        """Where its corrections are written down."""
        return self.paths.beside(ENDING)


def open_study(entry: Entry, named: Mapping[str, InputCase]) -> Opened:
    """Read result and image of a study.

    Args:
        entry: which.
        named: images that the user gave, by the names that their results have.

    Raises:
        RefusedError: the result cannot be understood.
        InputError: the mask does not fit its image, or cannot be read.
    """
    record = read_record(entry.paths.record)
    if record is None:
        raise RefusedError(
            f"{entry.paths.record.name} cannot be understood: expected a result of Septum; segment the study "
            "again.", "bad_result", 500,
        )  # fmt: skip
    schema = _schema_of(record)
    mask, spacing_mm = entry.paths.mask, record.settings.spacing_mm
    kept = original_mask(entry.paths)
    mask_sha256 = sha256_of(mask) if mask.is_file() else ""
    there = mask if mask_sha256 else kept
    with ThreadPoolExecutor(1) as beside:  # mask and image are read side by side
        reading = beside.submit(read_mask, there, spacing_mm=spacing_mm)
        found = _image_of(entry, record, named)
        read = reading.result()
    if found is None:
        current = labels_of(there.name, read.cine.array, schema).astype(np.uint8)
        cine = replace(read.cine, array=np.zeros(current.shape, np.float32))
        if cine.times_ms is None and record.indices.times_ms is not None:
            cine = replace(cine, frame_times_ms=record.indices.times_ms)
        study, source = replace(read, cine=cine, sha256=record.input.sha256), None
    else:
        study, source, _ = found
        current = labels_on(study, source, read, there, schema)
    original, original_sha256 = current, mask_sha256
    if kept.is_file() and not _is_by_model(record, mask_sha256):
        original = read_labels(kept, study, source or mask, schema, spacing_mm=spacing_mm)
        original_sha256 = sha256_of(kept)
    record = _before(record, original_sha256, study, Segmentation(original, study.cine.geometry, schema))
    message = "" if found else (
        f"The image of {entry.name} was not found: the mask is shown on grey. End the program, and name the "
        "image or its folder when you start it again."
    )  # fmt: skip
    return Opened(
        entry.paths, study, found is not None, message, schema, record, original, current, mask_sha256,
        original_sha256, source, None if found is None else found.contents,
    )  # fmt: skip


def _is_by_model(record: Record, mask_sha256: str) -> bool:
    """Whether a mask is as a model made it, so that no other is the first one of it."""
    return record.mask_origin == "model" and record.correction is None and record.mask_sha256 == mask_sha256


def _before(record: Record, sha256: str, study: Study, original: Segmentation) -> Record:
    """The JSON of the mask before any correction: as it was kept, or as the mask is measured now.

    Args:
        record: that stands beside the mask.
        sha256: of the file of the mask before any correction.
        study: the image.
        original: that mask.
    """
    earlier = () if record.correction is None else (record.correction.before,)
    for one in (*earlier, record):
        if one.mask_sha256 == sha256:
            return one
    settings = Settings(spacing_mm=record.settings.spacing_mm, indices=record.settings.indices)
    provenance = Provenance.of_given_mask(settings, record)
    return measured(study, original, provenance, None, name="").record(mask_sha256=sha256)


def _schema_of(record: Record) -> LabelSchema:
    known = [one for one in SCHEMAS.values() if schema_of(record, one) is one]
    return known[0] if known else schema_of(record, LabelSchema(structures=()))


def _image_of(entry: Entry, record: Record, named: Mapping[str, InputCase]) -> Found | None:
    """The image whose content the record tells, and where it is."""
    for case in _given(entry, named):
        with suppress(SeptumError):
            found = _read_if_same(case.source, record, case)
            if found is not None:
                return found
    folders = (entry.paths.folder, entry.root, entry.root.absolute().parent, Path())
    for path in images_called(names_of_image(entry.name, entry.model), folders):
        with suppress(SeptumError):
            found = _read_if_same(path, record) or _pair_in(path, record)
            if found is not None:
                return found
    return None


def _given(entry: Entry, named: Mapping[str, InputCase]) -> Iterator[InputCase]:
    for name in names_of_image(entry.name, entry.model):
        if name in named:
            yield named[name]


def _pair_in(path: Path, record: Record) -> Found | None:
    """End-diastole and end-systole in the folder of a patient, if the result is of the two."""
    if not is_folder(path) or record.input.frames != 2:
        return None
    for case in plan_cases([path], path).cases:
        found = _read_if_same(case.source, record, case) if case.phases is not None else None
        if found is not None:
            return found
    return None


def _read_if_same(path: Path, record: Record, case: InputCase | None = None) -> Found | None:
    spacing_mm, sha256 = record.settings.spacing_mm, record.input.sha256
    if case is not None and case.phases is not None:
        for wanted in STACK_KINDS:
            with suppress(SeptumError):
                if case.phases.sha256(wanted) == sha256:
                    return Found(case.phases.read(spacing_mm=spacing_mm, wanted=wanted), path)
        return None
    if not holds_dicom(path):
        is_same = kind_of_content(path, sha256) is not None
        return Found(read_study(path, spacing_mm=spacing_mm), path) if is_same else None
    from septum.io import dicom_contents, read_dicom_study  # noqa: PLC0415  # others do not need pydicom

    contents = dicom_contents(path)
    for wanted in STACK_KINDS:  # one that is known again was looked at when its result was made
        with suppress(SeptumError):
            study = read_dicom_study(path, wanted=wanted, spacing_mm=spacing_mm, contents=contents)
            if study.sha256 == sha256:
                return Found(study, path, contents)
    return None
