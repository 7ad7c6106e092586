"""DICOM objects: a segmentation and a measurement report that refer to the images of a DICOM study."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, ClassVar

from septum.workflows.outputs.base import Option, Output, OutputOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from septum.core import Note, Study
    from septum.io.dicom.objects.instances import Reader
    from septum.io.dicom.objects.source_images import SourceStudy
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.provenance import Provenance
    from septum.workflows.record import Record
    from septum.workflows.result import Result


class DicomOutput(Output):
    """``NAME_seg.dcm``, and ``NAME_sr.dcm`` where an index has a coded term; with pseudonyms if wanted.

    The option ``key`` is the fingerprint of the key for pseudonyms; it is empty without them, and for a key
    that nobody keeps.
    """

    key: ClassVar[str] = "dicom"
    option: ClassVar[Option] = Option(
        "dicom", "Write a DICOM segmentation and a measurement report of DICOM studies."
    )
    modifiers: ClassVar[tuple[Option, ...]] = (
        Option("deidentify", "Write DICOM with pseudonyms instead of the patient.", sets="deidentify"),
    )
    defaults: ClassVar[OutputOptions] = {"deidentify": False, "key": ""}
    endings: ClassVar[tuple[str, ...]] = ("_seg.dcm", "_sr.dcm")
    needs_image: ClassVar[bool] = True

    def __init__(self) -> None:
        self._prepared: tuple[weakref.ref[Study], SourceStudy] | None = None

    def resolved(self, options: OutputOptions) -> OutputOptions:
        """Say by which key pseudonyms are given, where the user keeps one.

        Raises:
            OutputError: what is kept as a key is none.
        """
        if not options["deidentify"]:
            return options
        from septum.io.dicom.objects.pseudonyms import Pseudonyms

        kept = Pseudonyms.kept()
        return options if kept is None else {**options, "key": kept.fingerprint}

    def possible(self, options: OutputOptions, *, is_dicom: bool) -> tuple[OutputOptions | None, Note | None]:
        """Make none of what is not DICOM: there is nothing that they could refer to."""
        if is_dicom:
            return options, None
        return None, _none_written("they refer to the images they came from, and the input is not DICOM.")

    def prepare(self, study: Study, options: OutputOptions) -> Note | None:
        """Read once, for all objects, what they take over from the images of a study.

        Raises:
            InputError: an image cannot be read again.
        """
        del options
        from septum.io.dicom.objects.source_images import UnfitSourceError, read_source

        try:
            self._prepared = (weakref.ref(study), read_source(study))
        except UnfitSourceError as error:
            return _none_written(error.reason)
        return None

    def satisfies(self, earlier: OutputOptions, options: OutputOptions) -> bool:
        """Take any pseudonyms where no key is kept."""
        if earlier["deidentify"] and options["deidentify"] and not options["key"]:
            return True
        return earlier == options

    def paths(self, paths: OutputPaths, record: Record) -> tuple[Path, ...]:
        """Name both objects, or the segmentation alone where no index has a coded term."""
        segmentation, measurements = self.reserved(paths)
        values = {key: item.value for key, item in record.indices.items.items()}
        return (segmentation, measurements) if has_measurements(values) else (segmentation,)

    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the segmentation, and then the measurement report; the two are one result.

        Args:
            result: image, mask, numbers and verdict.
            paths: places of the study's files.
            options: of this output, all of them.
        """
        from septum.core import OutputError
        from septum.io.dicom.objects.instances import Algorithm
        from septum.io.dicom.objects.pseudonyms import Pseudonyms
        from septum.io.dicom.objects.report import write_measurement_report
        from septum.io.dicom.objects.segmentation import write_dicom_segmentation

        segmentation, measurements = self.reserved(paths)
        name, version = result.provenance.algorithm()
        algorithm, source = Algorithm(name, version), self._source_of(result.study)
        pseudonyms = Pseudonyms.from_environment() if options["deidentify"] else None
        corrected, reported = _readers(result.provenance)
        reference = write_dicom_segmentation(
            segmentation, result.segmentation, result.study, algorithm, deidentify=pseudonyms, source=source,
            reader=corrected,
        )  # fmt: skip
        if not has_measurements({item.key: item.value for item in result.indices.items}):
            return
        try:
            write_measurement_report(
                measurements, result.indices, result.study, reference, algorithm, deidentify=pseudonyms,
                source=source, reader=reported, comparison=result.comparison,
            )  # fmt: skip
        except OutputError:
            segmentation.unlink(missing_ok=True)
            raise

    def _source_of(self, study: Study) -> SourceStudy | None:
        """What was read of this very study, if it was the last that was prepared; it is kept no longer."""
        prepared, self._prepared = self._prepared, None
        return prepared[1] if prepared is not None and prepared[0]() is study else None


def _readers(provenance: Provenance) -> tuple[Reader | None, Reader | None]:
    """Who has drawn on the mask, and who has corrected or verified what the report tells."""
    from datetime import datetime

    from septum.io.dicom.objects.instances import Reader

    correction, verification = provenance.correction, provenance.verified
    reader = None if correction is None else Reader(correction.reader)
    drawn = None if provenance.origin == "model" else reader
    if verification is None:
        return drawn, reader
    return drawn, Reader(verification.reader, datetime.fromisoformat(verification.at))


def has_measurements(values: Mapping[str, float | None]) -> bool:
    """Tell whether a measurement report can be written: it needs an index with a value and a coded term.

    Args:
        values: indices by their keys.

    >>> has_measurements({"lv_edv_ml": 120.0}), has_measurements({"lv_edv_ml": None})
    (True, False)
    """
    from septum.io.dicom.objects.terms import INDICES

    return any(value is not None and key in INDICES for key, value in values.items())


def _none_written(reason: str) -> Note:
    from septum.core import Level, Note

    return Note("no_dicom_objects", f"No DICOM objects were written: {reason}", Level.WARNING)
