"""Saving what was corrected: mask, JSON and everything that stood beside them; the first mask is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from septum.core import Level, Note
from septum.core.files import atomic_path, sha256_of
from septum.io import DicomHeader
from septum.view.errors import RefusedError
from septum.view.journal import Event, now
from septum.view.listing import original_mask
from septum.workflows.indices_table import update_indices_csv
from septum.workflows.outputs import OUTPUTS, possible
from septum.workflows.record import Correction, EditRecord, Verification, read_record
from septum.workflows.resume import ResumePlan, output_files
from septum.workflows.saving import case_lock, write_case

if TYPE_CHECKING:
    from pathlib import Path

    from septum.view.listing import Entry
    from septum.view.review import State
    from septum.view.session import Session
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.outputs import Outputs
    from septum.workflows.record import Record
    from septum.workflows.result import Result


def save(
    session: Session, entry: Entry, reader: str, *, since: str = "", verified: bool = False
) -> list[str]:
    """Write a study as it is now.

    A mask that was taken back to what it was before any correction is written as that one, with its own JSON.

    Args:
        session: the study.
        entry: where it stands in the list.
        reader: who saves it; edits without a reader are theirs, too.
        since: time in UTC before which an edit without a reader may be somebody else's.
        verified: whether that is the explicit act by which mask and numbers count as verified.

    Returns:
        Names of the files that were written.

    Raises:
        RefusedError: somebody else has changed the mask meanwhile.
        OutputError: something cannot be written; what stood there before still stands, or is written anew by
            saving again.
    """
    paths = session.opened.paths
    with session.lock, case_lock(paths):
        there = sha256_of(paths.mask) if paths.mask.is_file() else ""
        if there != session.file_sha256:
            raise RefusedError(
                f"{paths.mask.name} was changed by another program since it was opened: expected the mask "
                "that was opened; end the viewer and start it again, and that change is a step of its own.",
                "changed_outside", 409,
            )  # fmt: skip
        kept = _keep_original(session, paths)
        named = session.history.nameless(since) if reader else ()
        result = _result(session, reader, named, verified=verified)
        earlier = read_record(paths.record)
        before: Outputs = {} if earlier is None else dict(earlier.outputs)
        asked, notes = _outputs(session, before)
        indices = result.provenance.settings.indices
        plan = ResumePlan.of(earlier, paths, asked, indices, keeps_mask=False, notes=notes)
        record = write_case(result, paths, plan)
        event = Event(
            "saved", session.history.version, reader, now(), mask_sha256=record.mask_sha256, named=named
        )
        session.saved(record.mask_sha256, event)
        tables = _update_tables(entry, record)
        written = [paths.mask, paths.record, *output_files(record.outputs, paths, record), *kept, *tables]
        return [path.name for path in written]


def is_verifiable(session: Session, entry: Entry) -> bool:
    """Tell whether the study has a DICOM report that can be written anew as a verified one."""
    is_dicom = session.opened.has_image and isinstance(session.study.header, DicomHeader)
    reserved = OUTPUTS["dicom"].reserved(entry.paths)
    return is_dicom and "dicom" in entry.outputs and all(path.is_file() for path in reserved)


def require_verifiable(session: Session, entry: Entry, state: State) -> None:
    """Refuse to verify what cannot be. Raises :class:`RefusedError`.

    Args:
        session: the study.
        entry: where it stands in the list.
        state: of its decision.
    """
    if state == "rejected":
        raise RefusedError(
            f"{entry.name} is rejected: expected a study that is not; accept it before you verify it.",
            "rejected", 409,
        )  # fmt: skip
    if not is_verifiable(session, entry):
        raise RefusedError(
            f"{entry.name} has no DICOM report that could be verified: expected one beside its mask, and its "
            "images; segment the DICOM study with DICOM output first.", "no_dicom_report", 409,
        )  # fmt: skip


def _edits_of(session: Session, reader: str, named: tuple[int, ...]) -> tuple[EditRecord, ...]:
    """The corrections that stand, as the JSON tells them; the named versions are of the reader."""
    steps = (s.named(reader) if s.event.version in named else s for s in session.history.steps)
    return tuple(
        EditRecord(
            at=step.event.at, reader=step.event.reader, action=step.event.action,
            parameters=step.event.parameters, slices=tuple(sorted(step.after)),
        )
        for step in steps
    )  # fmt: skip


def _keep_original(session: Session, paths: OutputPaths) -> list[Path]:
    """Copy the mask before its first correction, unless it is kept already or nothing is corrected.

    One that is kept of another mask, which a model has since made again, gives way.
    """
    target, first = original_mask(paths), session.opened.original_sha256
    is_kept = target.is_file() and sha256_of(target) == first
    if is_kept or session.file_sha256 != first or not session.history.differing:
        return []
    with atomic_path(target) as temporary:
        temporary.write_bytes(paths.mask.read_bytes())
    return [target]


def _result(session: Session, reader: str, named: tuple[int, ...], *, verified: bool) -> Result:
    result = session.result()
    correction = None
    if not session.history.is_original:
        edits = _edits_of(session, reader, named)
        correction = Correction(reader=reader, at=now(), edits=edits, before=session.record)
    verification = Verification(reader=reader, at=now()) if verified else None
    provenance = replace(result.provenance, correction=correction, verified=verification)
    return replace(result, provenance=provenance)


def _outputs(session: Session, before: Outputs) -> tuple[Outputs, tuple[Note, ...]]:
    """What stood beside the mask, as far as it can be made of what is at hand."""
    if session.opened.has_image:
        return possible(before, is_dicom=isinstance(session.study.header, DicomHeader))
    lost = [key for key in before if OUTPUTS[key].needs_image]
    left = {key: options for key, options in before.items() if key not in lost}
    text = (
        f"{' and '.join(lost)}: not written anew with the corrected mask, since its image was not found; "
        "measure the mask with its image."
    )
    return left, (Note("outputs_need_image", text, Level.WARNING),) if lost else ()


def _update_tables(entry: Entry, record: Record) -> list[Path]:
    """Write the row of the study anew in the tables of the folder that have it."""
    tables = sorted(entry.root.glob("*.csv"))
    return [path for path in tables if update_indices_csv(path, entry.name, record)]
