"""What is done with one case: open it, segment it, write what came of it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import LEFT_ATRIUM, STACK_KINDS, InputError, LabelSchema, Segmentation, Structure
from septum.core.errors import NameTakenError
from septum.io import content_sha256, holds_dicom, read_mask, read_study
from septum.workflows.events import CaseDone, FrameDone, Notice
from septum.workflows.measuring import measured
from septum.workflows.options import IndexSettings
from septum.workflows.outputs import possible
from septum.workflows.overwrite_guard import (
    check_known,
    check_no_input,
    check_not_corrected,
    check_same_input,
    check_untouched,
)
from septum.workflows.provenance import Provenance
from septum.workflows.record import Settings, read_record
from septum.workflows.resume import ResumePlan, output_files, reason_to_segment, seen_at
from septum.workflows.saving import case_lock, write_case
from septum.workflows.two_phases import with_two_phases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import OutputError, StackKind, Study
    from septum.core.geometry import Triple
    from septum.inference import FrameResult, Model
    from septum.workflows.cases import InputCase
    from septum.workflows.lazy_model import LazyModel
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.outputs import Outputs
    from septum.workflows.record import Record
    from septum.workflows.resume import Seen


@dataclass(frozen=True)
class Opened:
    """A case with something to do.

    Attributes:
        case: which.
        study: its image.
        read_s: seconds that reading took.
        plan: what there is to do.
        seen: what stood there when that was found, as of :func:`~septum.workflows.resume.seen_at`.
        labels: the mask (T, Z, Y, X), if that of the earlier run is kept.
    """

    case: InputCase
    study: Study
    read_s: float
    plan: ResumePlan
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
        indices: how clinical indices are taken, of cases that do not say it themselves.
        outputs: what is written beside mask and JSON.
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
        outputs: Outputs | None = None,
        overwrite: bool = False,
        inputs: frozenset[Path] = frozenset(),
        unwritable: OutputError | None = None,
    ) -> None:
        self.model, self.out, self.overwrite, self.unwritable = model, out, overwrite, unwritable
        self.outputs, self.inputs = outputs or {}, inputs
        self.wanted = model.bundle.manifest.reads
        self.settings = settings_of(model, spacing_mm, indices)
        self._named: dict[str, OutputPaths] = {}

    def open(self, case: InputCase) -> Opened | CaseDone:
        """Read a case, or say that it is done already. The model is begun where it is needed.

        Raises:
            NameTakenError: its name is taken by the result of another input, or by what is no result of
                Septum; or its mask was changed by others.
            InputError: it cannot be used.
            OutputError: there is something to do, and nothing can be written.
        """
        paths = self._paths_of(case)
        check_no_input(paths, self.inputs)
        seen, plan = seen_at(paths.record, paths.mask), self._plan_of(case)
        if plan.earlier is not None and plan.is_nothing:
            return self._done(case, plan.earlier, skipped=True, mask_kept=True)
        if self.unwritable is not None:
            raise self.unwritable
        if not plan.keeps_mask:
            self.model.begin()
        study, read_s = self._read_timed(case)
        labels = kept_labels(study, case, paths.mask, plan) if plan.keeps_mask else None
        return Opened(case, study, read_s, plan, seen, labels)

    def segment(
        self, opened: Opened | CaseDone, tell: Callable[[FrameDone | Notice], None]
    ) -> Segmented | CaseDone:
        """Segment every frame; ``tell`` is called after each. A result or a mask that is there is kept.

        What is replaced or removed of an earlier run is reported first, once the model is there to do it.
        """
        if isinstance(opened, CaseDone):
            return opened
        if opened.labels is None:
            self.model.loaded  # noqa: B018  # raises where it cannot be had
        message = opened.plan.message(self._paths_of(opened.case))
        if message:
            tell(Notice(message))
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

    def write(self, segmented: Segmented | CaseDone) -> CaseDone:
        """Write the mask, its JSON, and then what belongs beside them, as :func:`write_case`.

        Raises:
            OutputError: something cannot be written.
            NameTakenError: another run writes the case, or has made the mask anew meanwhile.
        """
        if isinstance(segmented, CaseDone):
            return segmented
        case = segmented.opened.case
        paths = self._paths_of(case)
        with case_lock(paths):
            if self._is_own(paths, case):
                return self._write_locked(segmented)
        del self._named[case.name]  # another run has written the result of other structures meanwhile
        with case_lock(self._paths_of(case)):
            check_no_input(self._paths_of(case), self.inputs)
            return self._write_locked(segmented, renamed=True)

    def _write_locked(self, segmented: Segmented, *, renamed: bool = False) -> CaseDone:
        current = self._by_what_is_there(segmented, renamed=renamed)
        if isinstance(current, CaseDone):
            return current
        return self._write(current, segmented.opened.plan)

    def _paths_of(self, case: InputCase) -> OutputPaths:
        """The names of its results, settled once: never those of a model of other structures.

        Raises:
            NameTakenError: another case of this run has the name.
        """
        if case.name not in self._named:
            paths = case.paths(self.out)
            if not self._is_own(paths, case):
                paths = paths.of_model(self.model.bundle.manifest.name)
            if paths in self._named.values():
                raise NameTakenError(
                    f"{paths.record} is the result of another input of this run: expected a name that is "
                    f"free for {case.source}; choose another folder for its results."
                )
            self._named[case.name] = paths
        return self._named[case.name]

    def _is_own(self, paths: OutputPaths, case: InputCase) -> bool:
        """Whether a name is not that of this study's result by a model of other structures."""
        if paths != case.paths(self.out):
            return True
        earlier, manifest = read_record(paths.record), self.model.bundle.manifest
        return (
            earlier is None
            or earlier.model is None
            or set(earlier.labels) == set(manifest.labels.names)
            or not self._is_of_same_study(earlier, case)
        )

    def _is_of_same_study(self, earlier: Record, case: InputCase) -> bool:
        """Whether a record is of this file, or of any of the stacks that are taken of this DICOM study."""
        for wanted in STACK_KINDS if _is_dicom(case) else (self.wanted,):
            with suppress(InputError):  # a study need not have both stacks
                if earlier.input.sha256 == self._sha256_of(case, wanted):
                    return True
        return False

    def _settings_of(self, case: InputCase) -> Settings:
        """The settings for a case; in two files the phases are known. Raises :class:`InputError`."""
        if case.phases is None and case.indices is None:
            return self.settings
        indices = case.indices or self.settings.indices
        if case.phases is not None:
            indices = with_two_phases(indices, case.phases)
        return self.settings.model_copy(update={"indices": indices})

    def _read_timed(self, case: InputCase) -> tuple[Study, float]:
        """The study, and the seconds that reading took. Raises :class:`InputError`."""
        started = time.perf_counter()
        try:
            study = self._read(case)
        except MemoryError as error:
            raise too_large(case.source) from error
        self._settings_of(case).indices.check_frames(len(study.cine), case.source)
        return study, time.perf_counter() - started

    def _read(self, case: InputCase) -> Study:
        spacing_mm = self.settings.spacing_mm
        if case.phases is not None:
            return case.phases.read(spacing_mm=spacing_mm, wanted=self.wanted)
        return read_study(case.source, spacing_mm=spacing_mm, wanted=self.wanted)

    def _sha256_of(self, case: InputCase, wanted: StackKind) -> str:
        if case.phases is not None:
            return case.phases.sha256(wanted)
        return content_sha256(case.source, wanted=wanted)

    def _by_what_is_there(self, segmented: Segmented, *, renamed: bool) -> Segmented | CaseDone:
        """What is to be written, as if this run had begun when another has ended that wrote meanwhile."""
        opened, case = segmented.opened, segmented.opened.case
        paths = self._paths_of(case)
        seen = seen_at(paths.record, paths.mask)
        if seen == opened.seen and not renamed:
            return segmented
        plan = self._plan_of(case)
        if plan.earlier is not None and plan.is_nothing:
            return self._done(case, plan.earlier, skipped=True, mask_kept=True)
        now = replace(opened, plan=plan, seen=seen)
        if plan.keeps_mask:
            return Segmented(now, kept_labels(opened.study, case, paths.mask, plan), ())
        if opened.labels is not None:
            raise NameTakenError(
                f"{paths.mask} was made anew by another run meanwhile: expected the one before, to make of "
                "it what is asked for; run again."
            )
        return replace(segmented, opened=now)

    def _write(self, segmented: Segmented, announced: ResumePlan) -> CaseDone:
        """Write; what is replaced or removed is said in the result where it is not what was announced."""
        opened, plan = segmented.opened, segmented.opened.plan
        case, study, bundle = opened.case, opened.study, self.model.bundle
        paths, schema, settings = self._paths_of(case), bundle.manifest.labels, self._settings_of(case)
        if plan.earlier is not None and plan.keeps_mask:
            provenance = Provenance.from_record(plan.earlier, settings.indices)
            schema = schema_of(plan.earlier, schema)
        else:
            provenance = Provenance.from_run(
                segmented.frames, study.cine.geometry, bundle, settings, opened.read_s
            )
        message = "" if plan is announced else plan.message(paths)
        segmentation = Segmentation(segmented.labels, study.cine.geometry, schema)
        result = measured(study, segmentation, provenance, bundle, name=paths.stem)
        record = write_case(result, paths, plan)
        return self._done(case, record, skipped=False, mask_kept=plan.keeps_mask, message=message)

    def _done(
        self, case: InputCase, record: Record, *, skipped: bool, mask_kept: bool, message: str = ""
    ) -> CaseDone:
        paths = self._paths_of(case)
        outputs = output_files(self.outputs, paths, record)
        name = case.name + paths.stem.removeprefix(case.paths(self.out).stem)
        return CaseDone(
            name, case.source, paths.mask, paths.record, record, outputs=outputs, skipped=skipped,
            mask_kept=mask_kept, message=message,
        )  # fmt: skip

    def _plan_of(self, case: InputCase) -> ResumePlan:
        """What there is to do, by what is there. Raises :class:`NameTakenError` as :meth:`open`."""
        paths, earlier, reason = self._paths_of(case), None, ""
        settings = self._settings_of(case)
        earlier = read_record(paths.record)
        is_there = paths.mask.exists() or paths.record.exists()
        replaces = self.overwrite and paths == case.paths(self.out)  # a name of Septum's choice is no wish
        if is_there and not replaces:
            check_same_input(
                paths, str(case.source), lambda: self._sha256_of(case, self.wanted),
                is_dicom=_is_dicom(case), unasked=not self.overwrite,
            )  # fmt: skip
        if is_there and not self.overwrite:
            reason = "it is in the form of another version"
            if earlier is not None:
                sha256 = self.model.bundle.sha256
                reason = reason_to_segment(earlier, paths.mask, settings, sha256)
                check_not_corrected(paths, earlier, reason)
        asked, notes = ({}, ()) if not self.outputs else possible(self.outputs, is_dicom=_is_dicom(case))
        keeps = earlier is not None and not self.overwrite and not reason
        plan = ResumePlan.of(
            earlier, paths, asked, settings.indices, keeps_mask=keeps, reason=reason, notes=notes
        )
        if self.overwrite or (earlier is not None and plan.is_nothing):
            return plan
        if earlier is not None:
            check_untouched(paths, earlier)
        if earlier is not None or not paths.record.exists():
            check_known(plan.written, paths, earlier)
        return plan


def kept_labels(study: Study, case: InputCase, mask: Path, plan: ResumePlan) -> NDArray[Any]:
    """Read the labels (T, Z, Y, X) of a mask that is kept, in the order of the study's axes.

    Raises :class:`InputError`.

    Args:
        study: image of the mask.
        case: the input, for messages.
        mask: file of the mask.
        plan: what is kept of an earlier run.
    """
    if plan.earlier is None or plan.earlier.mask_origin == "model":
        return read_mask(mask).cine.array
    from septum.workflows.mask_grids import read_labels  # noqa: PLC0415  # of corrected masks alone

    return read_labels(mask, study, case.source, schema_of(plan.earlier, LEFT_ATRIUM))


def _is_dicom(case: InputCase) -> bool:
    """Whether DICOM objects can refer to a case; two studies are none together."""
    return case.phases is None and holds_dicom(case.source)


def settings_of(
    model: LazyModel | Model, spacing_mm: Triple | None, indices: IndexSettings | None
) -> Settings:
    """Gather what a run is asked for, as the JSON tells it.

    Args:
        model: brings its options.
        spacing_mm: (Z, Y, X) in mm, where the user gave it.
        indices: how indices are taken; ``None`` for the defaults.
    """
    options = model.options
    return Settings(
        engine=options.engine_name, device=options.device, precision=options.precision,
        threads=options.threads, flips=options.flips, spacing_mm=spacing_mm,
        indices=indices or IndexSettings(),
    )  # fmt: skip


def schema_of(record: Record, known: LabelSchema) -> LabelSchema:
    """The structures of a mask that was written earlier, by its record; as they are known if the same."""
    if record.labels == {one.name: one.value for one in known.structures}:
        return known
    return LabelSchema(
        structures=tuple(
            Structure(name=name, value=value, role=record.roles.get(name))
            for name, value in record.labels.items()
        )
    )


def too_large(source: Path) -> InputError:
    """The error for a case that takes more memory than there is."""
    return InputError(
        f"{source} does not fit into memory: expected room for segmenting one frame and for all masks; "
        "free some, or use a machine with more."
    )
