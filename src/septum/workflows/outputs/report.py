"""The report: one page with cine, curves, numbers and verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from septum.workflows.outputs.base import IDENTIFY, Option, Output, OutputOptions, fitting_identity

if TYPE_CHECKING:
    from septum.core import Note
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.result import Result


class ReportOutput(Output):
    """``NAME_report.html``; with ``identify`` it shows who the patient is, as a DICOM study tells."""

    key: ClassVar[str] = "report"
    option: ClassVar[Option] = Option("report", "Write a page with cine, curves, indices and bullseye, too.")
    modifiers: ClassVar[tuple[Option, ...]] = (IDENTIFY,)
    defaults: ClassVar[OutputOptions] = {"identify": False}
    endings: ClassVar[tuple[str, ...]] = ("_report.html",)
    needs_image: ClassVar[bool] = True

    def possible(self, options: OutputOptions, *, is_dicom: bool) -> tuple[OutputOptions | None, Note | None]:
        """Leave the patient out where the input is not DICOM, which alone tells who it is."""
        return fitting_identity(options, "The report does not show", is_dicom=is_dicom)

    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the page.

        Args:
            result: image, mask, numbers and verdict.
            paths: places of the study's files.
            options: of this output, all of them.
        """
        from septum.report import write_report

        identity = None
        if options["identify"]:
            from septum.io.dicom.objects.source_images import identity_of

            identity = identity_of(result.study)
        (path,) = self.reserved(paths)
        write_report(path, result, title=paths.stem, identify=identity)
