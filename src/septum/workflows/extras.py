"""Report, DICOM objects and meshes beside a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import InputError, OutputError
from septum.io import DicomHeader
from septum.workflows.beside import Names, has_measurements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from septum.core import Indices, Quality, Segmentation, Study
    from septum.workflows.asked import Extras
    from septum.workflows.record import ModelFacts

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


def write_extras(  # what a study comes to
    extras: Extras,
    mask: Path,
    study: Study,
    segmentation: Segmentation,
    indices: Indices,
    quality: Quality,
    model: ModelFacts,
    provenance: Mapping[str, str],
) -> None:
    """Write what is asked for beside a mask; libraries for it are loaded only then.

    Args:
        extras: what is to be written, and can be of this study.
        mask: path of the mask, whose name the others follow.
        study: the image.
        segmentation: its mask.
        indices: of the mask.
        quality: of the mask.
        model: that made it.
        provenance: names and values for the report.

    Raises:
        OutputError: something cannot be written.
        InputError: a DICOM image that an object refers to cannot be read again.
    """
    names = Names(mask)
    if extras.mesh is not None:
        from septum.io.mesh import write_meshes  # noqa: PLC0415

        write_meshes(names.meshes, names.stem, segmentation, file_format=extras.mesh)
    if extras.dicom:
        _write_dicom(extras, names, study, segmentation, indices, model)
    if extras.report:
        from septum.reporting import write_study_report  # noqa: PLC0415

        identity = None
        if extras.identify:
            from septum.io.dicom.source_images import identity_of  # noqa: PLC0415

            identity = identity_of(study)
        write_study_report(
            names.report, title=names.stem, study=study, segmentation=segmentation, indices=indices,
            quality=quality, provenance=provenance, identify=identity,
        )  # fmt: skip


def _write_dicom(
    extras: Extras,
    names: Names,
    study: Study,
    segmentation: Segmentation,
    indices: Indices,
    model: ModelFacts,
) -> None:
    from septum.io.dicom.instances import Algorithm  # noqa: PLC0415
    from septum.io.dicom.measurement_report import write_measurement_report  # noqa: PLC0415
    from septum.io.dicom.pseudonyms import Pseudonyms  # noqa: PLC0415
    from septum.io.dicom.segmentation_object import write_dicom_segmentation  # noqa: PLC0415
    from septum.io.dicom.source_images import read_source  # noqa: PLC0415

    try:
        read_source(study)
    except OutputError as error:  # it is this study that cannot be referred to; others may well be
        raise InputError(str(error)) from error
    algorithm = Algorithm(model.name, model.sha256[:_VERSION_DIGITS])
    pseudonyms = Pseudonyms.from_environment() if extras.deidentify else None
    reference = write_dicom_segmentation(
        names.segmentation, segmentation, study, algorithm, deidentify=pseudonyms
    )
    if has_measurements({item.key: item.value for item in indices.items}):
        try:
            write_measurement_report(
                names.measurements, indices, study, reference, algorithm, deidentify=pseudonyms
            )
        except OutputError:
            names.segmentation.unlink(missing_ok=True)  # the two are one result
            raise
