"""Report, DICOM objects and meshes beside a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import InputError, OutputError
from septum.io import DicomHeader

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


def dicom_note(extras: Extras, study: Study) -> tuple[str, ...]:
    """A sentence where DICOM objects are asked of an input that has none to refer to."""
    return (NO_DICOM,) if extras.dicom and not isinstance(study.header, DicomHeader) else ()


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
        extras: what is asked for.
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
    files = extras.files(mask)
    stem = mask.name[: mask.name.rindex("_seg.")]
    is_dicom = isinstance(study.header, DicomHeader)
    if "mesh" in files:
        from septum.io.mesh import write_meshes  # noqa: PLC0415

        write_meshes(files["mesh"], stem, segmentation, file_format=str(extras.mesh))
    if "dicom" in files and is_dicom:
        _write_dicom(extras, files["dicom"], study, segmentation, indices, model)
    if "report" in files:
        from septum.reporting import write_study_report  # noqa: PLC0415

        identity = None
        if extras.identify and is_dicom:
            from septum.io.dicom.source_images import identity_of  # noqa: PLC0415

            identity = identity_of(study)
        write_study_report(
            files["report"], title=stem, study=study, segmentation=segmentation, indices=indices,
            quality=quality, provenance=provenance, identify=identity,
        )  # fmt: skip


def _write_dicom(
    extras: Extras, path: Path, study: Study, segmentation: Segmentation, indices: Indices, model: ModelFacts
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
    pseudonyms = Pseudonyms.fresh() if extras.deidentify else None
    reference = write_dicom_segmentation(path, segmentation, study, algorithm, deidentify=pseudonyms)
    if any(item.value is not None for item in indices.items):
        report = path.with_name(path.name.replace("_seg.dcm", "_sr.dcm"))
        try:
            write_measurement_report(report, indices, study, reference, algorithm, deidentify=pseudonyms)
        except OutputError:
            path.unlink(missing_ok=True)  # the two are one result
            raise
