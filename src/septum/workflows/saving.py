"""Writing a result: its mask, its JSON, then what belongs beside them; a kill at any time does no harm."""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from septum.core import InputError
from septum.core.errors import NameTakenError, OutputWarning
from septum.core.files import sha256_of
from septum.core.locks import passing_lock
from septum.io import DicomHeader, mask_suffix, staged_mask
from septum.workflows.output_folder import check_writable
from septum.workflows.output_paths import OutputPaths
from septum.workflows.outputs import OUTPUTS, possible, requested, resolved
from septum.workflows.overwrite_guard import (
    check_known,
    check_not_corrected,
    check_same_input,
    check_untouched,
)
from septum.workflows.record import read_record, write_record
from septum.workflows.resume import ResumePlan, masks_in_other_formats, remove_file, remove_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from septum.core import Note, Study
    from septum.workflows.outputs import OutputOptions, Outputs
    from septum.workflows.record import Record
    from septum.workflows.result import Result

#: How long another run is waited for that writes the same case; writing takes seconds.
PATIENCE_S = 60.0


def save(
    result: Result,
    folder: Path,
    outputs: Iterable[str] | Mapping[str, OutputOptions],
    *,
    name: str,
    overwrite: bool,
) -> OutputPaths:
    """Write a result into a folder; see :meth:`septum.workflows.result.Result.save`.

    Args:
        result: image, mask, numbers and verdict.
        folder: where to; it is made.
        outputs: keys, or options by key.
        name: how the files' names begin.
        overwrite: replace results of another input, and files that are not Septum's, too.
    """
    asked, notes = possible(
        resolved(requested(outputs)), is_dicom=isinstance(result.study.header, DicomHeader)
    )
    check_writable(folder)
    paths = OutputPaths(folder, name, folder / f"{name}_seg{mask_suffix(result.study)}")
    keeps = False
    with case_lock(paths):
        earlier = read_record(paths.record)
        if not overwrite:
            _check_replaceable(result, paths, asked, earlier)
            if earlier is not None and _is_same(result, paths.mask, earlier):
                keeps = True
                result = replace(result, provenance=result.provenance.timed_as(earlier))
        settings = result.provenance.settings.indices
        plan = ResumePlan.of(earlier, paths, asked, settings, keeps_mask=keeps, notes=notes)
        record = write_case(result, paths, plan)
    for note in record.notes:
        warnings.warn(f"{name}: {note.text}", OutputWarning, stacklevel=3)
    return paths


@contextmanager
def case_lock(paths: OutputPaths) -> Iterator[None]:
    """Keep other runs from the files of a case for the length of a block.

    Raises:
        NameTakenError: another run writes it, and does not come to an end.
    """
    with passing_lock(paths.lock, PATIENCE_S) as held:
        if not held:
            raise NameTakenError(
                f"{paths.mask} is being written by another run, for {PATIENCE_S:.0f} s already: expected it "
                "to come to an end; wait for that, and run again."
            )
        yield


def write_case(result: Result, paths: OutputPaths, plan: ResumePlan, *, has_own_mask: bool = True) -> Record:
    """Write a mask, its JSON, and then the outputs beside them.

    When a new mask is on the disk and has not yet its name, what an earlier run left beside a mask goes, then
    the mask, then its JSON is replaced; and nothing is written beside a mask whose JSON does not say so. So a
    process may be killed at any moment: what stands is of one making, a mask has its own JSON, and the next
    run knows all of it.

    Args:
        result: what is written.
        paths: where.
        plan: what stays of an earlier run, what goes, and what is written.
        has_own_mask: whether the mask is written here at all; otherwise it is the user's, and stays as it is.

    Raises:
        OutputError: something cannot be written.
        InputError: a DICOM image that an object refers to cannot be read again.
    """
    outputs, written, notes = _prepared(result.study, plan)
    started = time.perf_counter()
    keeps_mask = plan.keeps_mask or not has_own_mask
    kept = nullcontext(sha256_of(paths.mask)) if keeps_mask else None
    with kept or staged_mask(paths.mask, result.segmentation, result.study) as mask_sha256:
        if not keeps_mask:
            provenance = result.provenance.written_in(time.perf_counter() - started)
            result = replace(result, provenance=provenance)
        record = result.record(mask_sha256=mask_sha256, outputs=outputs, notes=notes)
        if plan.earlier is not None:
            remove_outputs(plan.removed, paths, plan.earlier)
        if not keeps_mask:
            others = () if plan.earlier is None else masks_in_other_formats(paths, plan.earlier)
            for path in (*others, paths.mask):  # a mask never stands beside the record of another
                remove_file(path)
        write_record(paths.record, record)
    write_outputs(result, paths, written)
    return record


def write_outputs(result: Result, paths: OutputPaths, outputs: Outputs) -> None:
    """Write outputs beside a mask; libraries for each are loaded only then. Raises as :func:`write_case`.

    Args:
        result: image, mask, numbers and verdict.
        paths: places of the study's files.
        outputs: options by key.
    """
    for key, options in outputs.items():
        OUTPUTS[key].write(result, paths, options)


def _prepared(study: Study, plan: ResumePlan) -> tuple[Outputs, Outputs, tuple[Note, ...]]:
    """Outputs that belong beside the mask, those that are written, and notes on those that cannot be."""
    notes = {key: OUTPUTS[key].prepare(study, options) for key, options in plan.written.items()}
    refused = {key for key, note in notes.items() if note is not None}
    outputs, written = (
        {key: options for key, options in some.items() if key not in refused}
        for some in (plan.outputs, plan.written)
    )
    return outputs, written, (*plan.notes, *(note for note in notes.values() if note is not None))


def _check_replaceable(result: Result, paths: OutputPaths, asked: Outputs, earlier: Record | None) -> None:
    """Raise :class:`NameTakenError` for what is not of this input, or was corrected by hand."""
    if paths.mask.exists() or paths.record.exists():
        is_dicom = isinstance(result.study.header, DicomHeader)
        check_same_input(paths, result.name, lambda: result.study.sha256, is_dicom=is_dicom)
    if earlier is not None and not _is_mask_of(result, paths.mask):
        check_untouched(paths, earlier)
        check_not_corrected(paths, earlier, "the result to save is of another mask")
    check_known(asked, paths, earlier)


def _is_same(result: Result, mask: Path, earlier: Record) -> bool:
    """Whether files hold this very result: its mask, its numbers and its verdict, by the same software."""
    told = result.record()
    return (
        mask.is_file()
        and sha256_of(mask) == earlier.mask_sha256
        and (told.software, told.model, told.input, told.mask_origin, told.indices, told.quality)
        == (earlier.software, earlier.model, earlier.input, earlier.mask_origin, earlier.indices,
            earlier.quality)
        and _holds(mask, result)
    )  # fmt: skip


def _is_mask_of(result: Result, path: Path) -> bool:
    """Whether a file holds the very mask of a result, as after a corrected mask was measured."""
    return result.provenance.origin != "model" and path.is_file() and _holds(path, result)


def _holds(path: Path, result: Result) -> bool:
    """Whether the labels in a mask's file are those of a result."""
    from septum.workflows.mask_grids import read_labels  # noqa: PLC0415  # of masks that are there alone

    spacing_mm = result.provenance.settings.spacing_mm
    try:
        labels = read_labels(path, result.study, path, result.schema, spacing_mm=spacing_mm)
    except InputError:
        return False
    return np.array_equal(labels, result.labels)
