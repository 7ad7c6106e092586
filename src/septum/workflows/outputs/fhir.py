"""FHIR: the indices as Observations, with a DiagnosticReport, in one Bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from septum.workflows.outputs.base import IDENTIFY, Option, Output, OutputOptions, fitting_identity

if TYPE_CHECKING:
    from septum.core import Note
    from septum.io.fhir import Identity
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.result import Result


class FhirOutput(Output):
    """``NAME_fhir.json``; with ``identify`` it says who the patient is, as a DICOM study tells."""

    key: ClassVar[str] = "fhir"
    option: ClassVar[Option] = Option("fhir", "Write indices and verdict as a FHIR Bundle, too.")
    modifiers: ClassVar[tuple[Option, ...]] = (IDENTIFY,)
    defaults: ClassVar[OutputOptions] = {"identify": False}
    endings: ClassVar[tuple[str, ...]] = ("_fhir.json",)

    def possible(self, options: OutputOptions, *, is_dicom: bool) -> tuple[OutputOptions | None, Note | None]:
        """Leave the patient out where the input is not DICOM, which alone tells who it is."""
        return fitting_identity(options, "The FHIR Bundle does not tell", is_dicom=is_dicom)

    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the Bundle.

        Args:
            result: image, mask, numbers and verdict.
            paths: places of the study's files.
            options: of this output, all of them.

        Raises:
            OutputError: it cannot be written.
            InputError: who the patient is cannot be read again.
        """
        import json

        from septum.core.clinical import STATEMENT
        from septum.core.files import write_text
        from septum.io.dicom.objects.instances import Algorithm
        from septum.io.fhir import Measurements, measurement_bundle

        algorithm = Algorithm(*result.provenance.algorithm())
        told = Measurements(
            indices=result.indices,
            quality=result.quality,
            schema=result.schema,
            algorithm=algorithm,
            statement=STATEMENT,
            key=f"{result.study.sha256}/{algorithm.name}/{algorithm.version}",
        )
        bundle = measurement_bundle(told, _identity(result) if options["identify"] else None)
        (path,) = self.reserved(paths)
        write_text(path, json.dumps(bundle, indent=1, ensure_ascii=False) + "\n")


def _identity(result: Result) -> Identity:
    """Who was examined; images that name no single study have no UID."""
    from septum.io.dicom.objects.source_images import UnfitSourceError, identity_of, read_source
    from septum.io.fhir import Identity

    try:
        uid = read_source(result.study).study_instance_uid
    except UnfitSourceError:
        uid = ""
    return Identity(identity_of(result.study), uid)
