"""What is done with one case: open it, segment it, write what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import LEFT_ATRIUM, InputError, OutputError, Segmentation
from septum.core.errors import NameTakenError
from septum.io import content_sha256, read_study, write_mask
from septum.workflows.asked import Extras, IndexSettings
from septum.workflows.extras import NO_DICOM, write_extras
from septum.workflows.outcomes import FrameDone, StudyResult
from septum.workflows.record import (
    SOFTWARE,
    Record,
    Settings,
    Timings,
    make_record,
    provenance_of,
    read_record,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from septum.core import Study
    from septum.core.geometry import Triple
    from septum.inference import FrameResult, Manifest
    from septum.io.dicom.wanted import Wanted
    from septum.workflows.cases import Case
    from septum.workflows.lazy_model import LazyModel


@dataclass(frozen=True)
class Opened:
    """A case that is to be segmented.

    Attributes:
        case: which.
        study: its image.
        read_s: seconds that reading took.
        anew: a sentence if an earlier result is replaced, else empty.
    """

    case: Case
    study: Study
    read_s: float
    anew: str = ""


@dataclass(frozen=True)
class Segmented:
    """A case whose masks are there and not yet written."""

    opened: Opened
    frames: tuple[FrameResult, ...]


class CaseSteps:
    """The three steps of a case; each may run in a thread of its own, for different cases.

    Args:
        model: loaded when a case is segmented first.
        out: folder for the results.
        spacing_mm: (Z, Y, X) in mm, instead of what the files say.
        indices: how clinical indices are taken.
        extras: what is written beside mask and JSON.
        overwrite: do finished cases anew, too, and replace results of other inputs.
    """

    def __init__(
        self,
        model: LazyModel,
        out: Path,
        *,
        spacing_mm: Triple | None = None,
        indices: IndexSettings | None = None,
        extras: Extras | None = None,
        overwrite: bool = False,
    ) -> None:
        self.model, self.out, self.overwrite = model, out, overwrite
        self.extras = extras or Extras()
        self.wanted = wanted_by(model.bundle.manifest)
        execution = model.execution
        self.settings = Settings(
            engine=str(execution.engine), device=execution.device, precision=execution.precision,
            threads=execution.threads, flips=model.flips, spacing_mm=spacing_mm,
            indices=indices or IndexSettings(),
        )  # fmt: skip

    def open(self, case: Case) -> Opened | StudyResult:
        """Read a case, or say that it is done already.

        Raises:
            NameTakenError: the result of another input has its name.
            InputError: it cannot be used.
        """
        mask, json = case.mask(self.out), case.record(self.out)
        anew = ""
        if not self.overwrite and json.is_file():
            earlier = read_record(json)
            if earlier is not None:
                self._check_same_input(case, json, earlier)
                if self._is_there(mask, earlier) and self._is_finished(earlier):
                    return StudyResult(case.name, case.source, mask, json, earlier, skipped=True)
            anew = (
                f"{json} is not of this version, model and setting, or lacks what is asked for: the case is "
                "done anew."
            )
        started = time.perf_counter()
        try:
            study = read_study(case.source, spacing_mm=self.settings.spacing_mm, wanted=self.wanted)
        except MemoryError as error:
            raise too_large(case.source) from error
        return Opened(case, study, time.perf_counter() - started, anew)

    def segment(
        self, opened: Opened | StudyResult, tell: Callable[[FrameDone], None]
    ) -> Segmented | StudyResult:
        """Segment every frame; ``tell`` is called after each. A result that is there passes through."""
        if isinstance(opened, StudyResult):
            return opened
        frames: list[FrameResult] = []
        try:
            for frame in self.model.segment_frames(opened.study.cine):
                frames.append(frame)
                tell(FrameDone(opened.case.name, len(frames), len(opened.study.cine)))
        except MemoryError as error:
            raise too_large(opened.case.source) from error
        return Segmented(opened, tuple(frames))

    def write(self, segmented: Segmented | StudyResult) -> StudyResult:
        """Write the mask, what is asked for beside it, and the JSON last. Raises :class:`OutputError`."""
        if isinstance(segmented, StudyResult):
            return segmented
        opened, frames = segmented.opened, segmented.frames
        case, study = opened.case, opened.study
        mask, json = case.mask(self.out), case.record(self.out)
        labels = np.stack([frame.labels for frame in frames])
        segmentation = Segmentation(labels, study.cine.geometry, self.model.bundle.manifest.labels)
        indices = self.settings.indices.indices_of(segmentation, study)
        started = time.perf_counter()
        _remove(json)  # a mask never stands beside the record of another
        write_mask(mask, segmentation, study)
        timings = _timings(opened.read_s, frames, time.perf_counter() - started)
        record, quality = make_record(
            study, segmentation, indices, frames, self.model, self.settings, timings,
            extras=self.extras,
        )  # fmt: skip
        write_extras(
            self.extras, mask, study, segmentation, indices, quality, record.model, provenance_of(record)
        )
        write_record(json, record)
        return StudyResult(case.name, case.source, mask, json, record, skipped=False)

    def _is_there(self, mask: Path, earlier: Record) -> bool:
        """Whether the mask and what is asked for beside it exist; DICOM objects exist only for DICOM."""
        beside = self.extras.files(mask)
        if NO_DICOM in earlier.warnings:
            beside.pop("dicom", None)
        return mask.is_file() and all(path.exists() for path in beside.values())

    def _is_finished(self, earlier: Record) -> bool:
        """Whether a record of this input was made as it would be made now; the threads make no difference."""
        return (
            earlier.software == SOFTWARE
            and earlier.model.sha256 == self.model.bundle.sha256
            and bool(earlier.quality)  # what knew no verdict
            and earlier.extras.hold(self.extras)
            and earlier.settings.model_copy(update={"threads": self.settings.threads}) == self.settings
        )

    def _check_same_input(self, case: Case, json: Path, earlier: Record) -> None:
        """Refuse to replace the result of another input, as of another patient's file of the same name."""
        if earlier.input.sha256 != content_sha256(case.source, wanted=self.wanted):
            raise NameTakenError(
                f"{json} is the result of another file of the same name as {case.source}, or of that one "
                "before it changed: expected a name that is free; give another -o folder, or --overwrite."
            )


def wanted_by(manifest: Manifest) -> Wanted:
    """Which stack of a DICOM study a model is for."""
    return "late-gadolinium" if manifest.labels.names == LEFT_ATRIUM.names else "cine"


def _timings(read_s: float, frames: tuple[FrameResult, ...], write_s: float) -> Timings:
    frames_s = [frame.seconds for frame in frames]
    return Timings(
        read=round(read_s, 3),
        frames=tuple(round(seconds, 3) for seconds in frames_s),
        write=round(write_s, 3),
        total=round(read_s + sum(frames_s) + write_s, 3),
    )


def _remove(json: Path) -> None:
    try:
        json.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{json} cannot be replaced: {error.strerror}; choose another folder.") from error


def too_large(source: Path) -> InputError:
    """The error for a case that takes more memory than there is."""
    return InputError(
        f"{source} does not fit into memory: expected room for segmenting one frame and for all masks; "
        "free some, or use a machine with more."
    )
