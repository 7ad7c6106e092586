"""Report, DICOM objects and meshes beside a mask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from septum.core import OutputError
from septum.io import DicomHeader
from septum.workflows.beside import Names, has_measurements
from septum.workflows.recording import provenance_of

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import Indices, Quality, Segmentation, Study
    from septum.io.dicom.objects.source_images import SourceStudy
    from septum.workflows.asked import Extras
    from septum.workflows.record import ModelFacts, Record

#: Digits of a model's hash that stand for its version.
_VERSION_DIGITS = 12
NO_DICOM = (
    "No DICOM objects were written: they refer to the images they came from, and the input is not DICOM."
)
NO_IDENTITY = "The report does not show who the patient is: the input is not DICOM, which would tell."


def notes_on(asked: Extras, study: Study) -> tuple[str, ...]:
    """A sentence on each thing that is asked of an input that is not DICOM and cannot have it."""
    if isinstance(study.header, DicomHeader):
        return ()
    return (*[NO_DICOM] * asked.dicom, *[NO_IDENTITY] * asked.identify)


def with_source(extras: Extras, study: Study) -> tuple[Extras, SourceStudy | None, tuple[str, ...]]:
    """What DICOM objects take over from a DICOM study, read once for all of them.

    Returns:
        The extras, but without DICOM objects where the study cannot be referred to; what is taken over, where
        there are any; and a sentence where there are none.

    Raises:
        InputError: an image cannot be read again.
    """
    if not extras.dicom:
        return extras, None, ()
    from septum.io.dicom.objects.source_images import read_source  # noqa: PLC0415

    try:
        return extras, read_source(study), ()
    except OutputError as error:
        reason = str(error).removeprefix("the DICOM objects cannot be written: ")
        told = f"No DICOM objects were written: {reason}"
        return extras.without_dicom(), None, (told,)


def with_key(extras: Extras) -> Extras:
    """Extras that say by which key pseudonyms are given, where they are and the user keeps one.

    Raises:
        OutputError: what is kept as a key is none.
    """
    if not extras.deidentify:
        return extras
    from septum.io.dicom.objects.pseudonyms import Pseudonyms  # noqa: PLC0415

    kept = Pseudonyms.kept()
    return extras if kept is None else replace(extras, key=kept.fingerprint)


def write_extras(  # what a study comes to
    extras: Extras,
    mask: Path,
    study: Study,
    segmentation: Segmentation,
    indices: Indices,
    quality: Quality,
    record: Record,
    source: SourceStudy | None = None,
) -> None:
    """Write what is asked for beside a mask; libraries for it are loaded only then.

    Args:
        extras: what is to be written, and can be of this study.
        mask: path of the mask, whose name the others follow.
        study: the image.
        segmentation: its mask.
        indices: of the mask.
        quality: of the mask.
        record: of the mask, which says what made it.
        source: what DICOM objects take over, as of :func:`with_source`.

    Raises:
        OutputError: something cannot be written.
        InputError: a DICOM image that an object refers to cannot be read again.
    """
    names = Names(mask)
    if extras.mesh is not None:
        from septum.io.mesh import write_meshes  # noqa: PLC0415

        write_meshes(names.meshes, names.stem, segmentation, file_format=extras.mesh)
    if extras.dicom:
        _write_dicom(extras, names, study, segmentation, indices, record.model, source)
    if extras.report:
        from septum.report import write_study_report  # noqa: PLC0415

        identity = None
        if extras.identify:
            from septum.io.dicom.objects.source_images import identity_of  # noqa: PLC0415

            identity = identity_of(study)
        write_study_report(
            names.report, title=names.stem, study=study, segmentation=segmentation, indices=indices,
            quality=quality, provenance=provenance_of(record), identify=identity,
        )  # fmt: skip


def _write_dicom(
    extras: Extras,
    names: Names,
    study: Study,
    segmentation: Segmentation,
    indices: Indices,
    model: ModelFacts,
    source: SourceStudy | None,
) -> None:
    from septum.io.dicom.objects.instances import Algorithm  # noqa: PLC0415
    from septum.io.dicom.objects.pseudonyms import Pseudonyms  # noqa: PLC0415
    from septum.io.dicom.objects.report import write_measurement_report  # noqa: PLC0415
    from septum.io.dicom.objects.segmentation import write_dicom_segmentation  # noqa: PLC0415

    algorithm = Algorithm(model.name, model.sha256[:_VERSION_DIGITS])
    pseudonyms = Pseudonyms.from_environment() if extras.deidentify else None
    reference = write_dicom_segmentation(
        names.segmentation, segmentation, study, algorithm, deidentify=pseudonyms, source=source
    )
    if has_measurements({item.key: item.value for item in indices.items}):
        try:
            write_measurement_report(
                names.measurements, indices, study, reference, algorithm, deidentify=pseudonyms, source=source
            )
        except OutputError:
            names.segmentation.unlink(missing_ok=True)  # the two are one result
            raise
