"""What is sent of a result: segmentations, measurements and a page, all preliminary."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.uid import ComprehensiveSRStorage, SecondaryCaptureImageStorage, SegmentationStorage

from septum.core import Verdict
from septum.io.dicom.objects.capture import write_capture
from septum.io.dicom.objects.instances import SOFTWARE_VERSION, Algorithm, Issue
from septum.io.dicom.objects.report import write_measurement_report
from septum.io.dicom.objects.segmentation import write_dicom_segmentation
from septum.io.dicom.objects.source_images import read_source
from septum.node.states import Outgoing
from septum.report.picture_page import picture_page
from septum.workflows.outputs.dicom import has_measurements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from septum.node.settings import Policy
    from septum.workflows.result import Result

_REMARK = "preliminary"
_PHASES = {"ED": 9003, "ES": 9004}


def key_of(study: str, input_sha256: str, model_sha256: str, policy: Policy) -> str:
    """Name a result by all that makes it: the same key stands for the same objects.

    Args:
        study: UID of the study.
        input_sha256: hash of the images that were used.
        model_sha256: hash of the bundle.
        policy: what is sent.
    """
    parts = (study, input_sha256, model_sha256, SOFTWARE_VERSION, policy.rejected, *sorted(policy.send))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class _Writer:
    """Writes the objects of one result into a folder."""

    result: Result
    folder: Path
    key: str

    def issue(self, kind: str, series_number: int | None = None) -> Issue:
        return Issue(
            f"{self.key}/{kind}", f"{kind}, {_REMARK}" if kind in _PHASES else _REMARK, series_number
        )

    def path(self, kind: str) -> Path:
        return self.folder / f"{self.key[:16]}_{kind.lower()}.dcm"

    def outgoing(self, kind: str, sop_class: str) -> Outgoing:
        return Outgoing(self.issue(kind).uid("instance"), sop_class, self.path(kind).name)


def write_objects(result: Result, folder: Path, key: str, policy: Policy) -> list[Outgoing]:
    """Write what is sent of a result.

    Of a mask that is rejected it is the page alone, or nothing.

    Args:
        result: image, mask, numbers and verdict.
        folder: where to.
        key: of the result, from which all UIDs are derived.
        policy: what is sent.

    Returns:
        The objects in the order in which they are sent; their paths are counted from ``folder``.

    Raises:
        OutputError: they cannot be written, or cannot refer to the images of the study.
    """
    rejected = result.verdict is Verdict.REJECT
    if rejected and policy.rejected == "nothing":
        return []
    kinds: Iterable[str] = {"page"} if rejected else set(policy.send)
    writer, source = _Writer(result, folder, key), read_source(result.study)
    algorithm = Algorithm(*result.provenance.algorithm())
    made: list[Outgoing] = []
    numbers = {item.key: item.value for item in result.indices.items}
    wants_sr = "sr" in kinds and has_measurements(numbers)
    if "seg" in kinds or wants_sr:  # measurements refer to the segmentation
        reference = write_dicom_segmentation(
            writer.path("SEG"), result.segmentation, result.study, algorithm,
            source=source, issue=writer.issue("SEG"),
        )  # fmt: skip
        made.append(writer.outgoing("SEG", SegmentationStorage))
        if wants_sr:
            write_measurement_report(
                writer.path("SR"), result.indices, result.study, reference, algorithm,
                source=source, issue=writer.issue("SR"),
            )  # fmt: skip
            made.append(writer.outgoing("SR", ComprehensiveSRStorage))
    phases = result.indices.phases
    if "phases" in kinds and phases is not None:
        for name, frame in (("ED", phases.end_diastole), ("ES", phases.end_systole)):
            write_dicom_segmentation(
                writer.path(name), result.segmentation, result.study, algorithm, frames=[frame],
                source=source, issue=writer.issue(name, _PHASES[name]),
            )  # fmt: skip
            made.append(writer.outgoing(name, SegmentationStorage))
    if "page" in kinds:
        page = picture_page(result, title=f"Septum, {algorithm.name}: {_REMARK}")
        write_capture(writer.path("PAGE"), page, source, algorithm, writer.issue("PAGE"))
        made.append(writer.outgoing("PAGE", SecondaryCaptureImageStorage))
    return made
