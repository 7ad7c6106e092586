"""What is done with one case: open it, segment it, write what came of it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError, Segmentation
from septum.core.errors import NameTakenError
from septum.core.files import sha256_of
from septum.core.locks import passing_lock
from septum.io import holds_dicom, read_mask, read_study, staged_mask
from septum.workflows.asked import Extras, IndexSettings
from septum.workflows.beside import Names, in_another_format, remove, remove_file, shown
from septum.workflows.extras import notes_on, with_source, write_extras
from septum.workflows.not_ours import check_known, check_no_input, check_ours, check_untouched
from septum.workflows.outcomes import FrameDone, Notice, StudyResult
from septum.workflows.record import Settings, Timings, read_record, write_record
from septum.workflows.recording import Making, make_record
from septum.workflows.rerun import Work, reason_to_segment, seen_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import OutputError, Study
    from septum.core.geometry import Triple
    from septum.inference import FrameResult
    from septum.workflows.cases import Case
    from septum.workflows.lazy_model import LazyModel
    from septum.workflows.record import Record
    from septum.workflows.rerun import Seen

#: How long another run is waited for that writes the same case; writing takes seconds.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Opened:
    """A case with something to do.

    Attributes:
        case: which.
        study: its image.
        read_s: seconds that reading took.
        work: what there is to do.
        seen: what stood there when that was found, as of :func:`~septum.workflows.rerun.seen_at`.
        labels: the mask (T, Z, Y, X), if that of the earlier run is kept.
    """

    case: Case
    study: Study
    read_s: float
    work: Work
    seen: Seen
    labels: NDArray[Any] | None = None


@dataclass(frozen=True)
class Segmented:
    """A case whose masks are there, with what the networks made of each frame, if they ran."""

    opened: Opened
    labels: NDArray[Any]
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
        inputs: places of images that no result may take.
        unwritable: why nothing can be written into ``out``, if that is so.
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
        inputs: frozenset[Path] = frozenset(),
        unwritable: OutputError | None = None,
    ) -> None:
        self.model, self.out, self.overwrite, self.unwritable = model, out, overwrite, unwritable
        self.extras, self.inputs = extras or Extras(), inputs
        self.wanted = model.bundle.manifest.reads
        options = model.options
        self.settings = Settings(
            engine=options.engine_name, device=options.device, precision=options.precision,
            threads=options.threads, flips=options.flips, spacing_mm=spacing_mm,
            indices=indices or IndexSettings(),
        )  # fmt: skip

    def open(self, case: Case) -> Opened | StudyResult:
        """Read a case, or say that it is done already. The model is begun where it is needed.

        Raises:
            NameTakenError: its name is taken by the result of another input, or by what is no result of
                Septum; or its mask was changed by others.
            InputError: it cannot be used.
            OutputError: there is something to do, and nothing can be written.
        """
        mask = case.mask(self.out)
        check_no_input(mask, self.inputs)
        seen, work = seen_at(case.record(self.out), mask), self._work_of(case)
        if work.earlier is not None and work.is_nothing:
            return self._result(case, work.earlier, skipped=True, mask_kept=True)
        if self.unwritable is not None:
            raise self.unwritable
        if not work.keeps_mask:
            self.model.begin()
        started = time.perf_counter()
        try:
            study = read_study(case.source, spacing_mm=self.settings.spacing_mm, wanted=self.wanted)
        except MemoryError as error:
            raise too_large(case.source) from error
        self.settings.indices.check_frames(len(study.cine), case.source)
        read_s = time.perf_counter() - started
        labels = read_mask(mask).cine.array if work.keeps_mask else None
        return Opened(case, study, read_s, work, seen, labels)

    def segment(
        self, opened: Opened | StudyResult, tell: Callable[[FrameDone | Notice], None]
    ) -> Segmented | StudyResult:
        """Segment every frame; ``tell`` is called after each. A result or a mask that is there is kept.

        What is replaced or removed of an earlier run is told first, once the model is there to do it.
        """
        if isinstance(opened, StudyResult):
            return opened
        if opened.labels is None:
            self.model.loaded  # noqa: B018  # raises where it cannot be had
        said = opened.work.said(opened.case.record(self.out), opened.case.mask(self.out))
        if said:
            tell(Notice(said))
        if opened.labels is not None:
            return Segmented(opened, opened.labels, ())
        frames: list[FrameResult] = []
        try:
            for frame in self.model.segment_frames(opened.study.cine):
                frames.append(frame)
                tell(FrameDone(opened.case.name, len(frames), len(opened.study.cine)))
        except MemoryError as error:
            raise too_large(opened.case.source) from error
        return Segmented(opened, np.stack([frame.labels for frame in frames]), tuple(frames))

    def write(self, segmented: Segmented | StudyResult) -> StudyResult:
        """Write the mask, its JSON, and then what belongs beside them. Raises :class:`OutputError`.

        When a new mask is on the disk and has not yet its name, what an earlier run left beside a mask goes,
        then the mask, then its JSON is replaced; and nothing is written beside a mask whose JSON does not
        say so. So a process may be killed at any moment: what stands is of one making, a mask has its own
        JSON, and the next run knows all of it.
        """
        if isinstance(segmented, StudyResult):
            return segmented
        mask = segmented.opened.case.mask(self.out)
        with passing_lock(Names(mask).lock, PATIENCE_S) as held:
            if not held:
                raise NameTakenError(
                    f"{mask} is being written by another run, for {PATIENCE_S:.0f} s already: expected it to "
                    "come to an end; wait for that, and run again."
                )
            current = self._by_what_is_there(segmented)
            if isinstance(current, StudyResult):
                return current
            return self._write(current, segmented.opened.work)

    def _by_what_is_there(self, segmented: Segmented) -> Segmented | StudyResult:
        """What is to be written, as if this run had begun when another has ended that wrote meanwhile."""
        opened, case = segmented.opened, segmented.opened.case
        mask = case.mask(self.out)
        seen = seen_at(case.record(self.out), mask)
        if seen == opened.seen:
            return segmented
        work = self._work_of(case)
        if work.earlier is not None and work.is_nothing:
            return self._result(case, work.earlier, skipped=True, mask_kept=True)
        now = replace(opened, work=work, seen=seen)
        if work.keeps_mask:
            return Segmented(now, read_mask(mask).cine.array, ())
        if opened.labels is not None:
            raise NameTakenError(
                f"{mask} was made anew by another run meanwhile: expected the one before, to make of it what "
                "is asked for; run again."
            )
        return replace(segmented, opened=now)

    def _write(self, segmented: Segmented, told: Work) -> StudyResult:
        """Write; what is replaced or removed is said in the result where it is not what was told before."""
        opened, work = segmented.opened, segmented.opened.work
        case, study = opened.case, opened.study
        mask, json = case.mask(self.out), case.record(self.out)
        said = "" if work is told else work.said(json, mask)
        segmentation = Segmentation(segmented.labels, study.cine.geometry, self.model.bundle.manifest.labels)
        indices = self.settings.indices.indices_of(segmentation, study)
        extras, source, unreferable = with_source(work.extras, study)
        started = time.perf_counter()
        kept = nullcontext(sha256_of(mask)) if work.keeps_mask else None
        with kept or staged_mask(mask, segmentation, study) as mask_sha256:
            making = self._making(segmented, time.perf_counter() - started)
            record, quality = make_record(
                study, segmentation, indices, making, self.model.bundle, mask_sha256=mask_sha256,
                extras=extras, notes=(*notes_on(self.extras, study), *unreferable),
            )  # fmt: skip
            if work.earlier is not None:
                remove(work.removed, mask, work.earlier)
            if not work.keeps_mask:
                others = () if work.earlier is None else in_another_format(mask, work.earlier)
                for path in (*others, mask):  # a mask never stands beside the record of another
                    remove_file(path)
            write_record(json, record)
        written = work.written if extras.dicom else replace(work.written, dicom=False)
        write_extras(written, mask, study, segmentation, indices, quality, record, source)
        return self._result(case, record, skipped=False, mask_kept=work.keeps_mask, said=said)

    def _making(self, segmented: Segmented, write_s: float) -> Making:
        opened = segmented.opened
        if opened.work.earlier is not None and opened.work.keeps_mask:
            return Making.before(opened.work.earlier, self.settings.indices)
        timings = _timings(opened.read_s, segmented.frames, write_s)
        return Making.now(segmented.frames, opened.study.cine.geometry, self.settings, timings)

    def _result(
        self, case: Case, record: Record, *, skipped: bool, mask_kept: bool, said: str = ""
    ) -> StudyResult:
        mask = case.mask(self.out)
        beside = shown(self.extras.kinds(), mask, record)
        return StudyResult(
            case.name, case.source, mask, case.record(self.out), record, beside=beside, skipped=skipped,
            mask_kept=mask_kept, said=said,
        )  # fmt: skip

    def _extras_of(self, case: Case) -> Extras:
        """Those of what is asked for that this case can have."""
        needs_dicom = self.extras.dicom or self.extras.identify
        return self.extras.possible(is_dicom=holds_dicom(case.source)) if needs_dicom else self.extras

    def _work_of(self, case: Case) -> Work:
        """What there is to do, by what is there. Raises :class:`NameTakenError` as :meth:`open`."""
        mask, json = case.mask(self.out), case.record(self.out)
        earlier, reason = read_record(json), ""
        if not self.overwrite and (mask.exists() or json.exists()):
            check_ours(case.source, mask, json, self.wanted)
            reason = "it is in the form of another version"
            if earlier is not None:
                reason = reason_to_segment(earlier, mask, self.settings, self.model.bundle.sha256)
        keeps = earlier is not None and not self.overwrite and not reason
        work = Work.of(
            earlier, mask, self._extras_of(case), self.settings.indices, keeps_mask=keeps, reason=reason
        )
        if self.overwrite or (earlier is not None and work.is_nothing):
            return work
        if earlier is not None:
            check_untouched(mask, json, earlier)
        if earlier is not None or not json.exists():
            check_known(work.written.kinds(), mask, earlier)
        return work


def _timings(read_s: float, frames: tuple[FrameResult, ...], write_s: float) -> Timings:
    frames_s = [frame.seconds for frame in frames]
    return Timings(
        read=round(read_s, 3),
        frames=tuple(round(seconds, 3) for seconds in frames_s),
        write=round(write_s, 3),
        total=round(read_s + sum(frames_s) + write_s, 3),
    )


def too_large(source: Path) -> InputError:
    """The error for a case that takes more memory than there is."""
    return InputError(
        f"{source} does not fit into memory: expected room for segmenting one frame and for all masks; "
        "free some, or use a machine with more."
    )
