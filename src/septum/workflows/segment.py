"""``septum segment``: images in, masks and records out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from septum.core import (
    BundleError,
    InputError,
    MissingExtraError,
    OutputError,
    Segmentation,
    SeptumError,
)
from septum.core.errors import MaskGivenError, NameTakenError, UnexpectedError
from septum.inference import Model, load_model
from septum.io import content_sha256, read_study, write_mask
from septum.workflows.cases import Case, plan_cases
from septum.workflows.outcomes import (
    Event,
    Failure,
    FrameDone,
    Notice,
    PassedOver,
    Planned,
    Report,
    StudyResult,
)
from septum.workflows.output_folder import check_writable, remove_leftovers
from septum.workflows.record import (
    SOFTWARE,
    Record,
    Settings,
    Timings,
    make_record,
    read_record,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from septum.core.geometry import Triple
    from septum.workflows.lazy_model import LazyModel

    OnEvent = Callable[[Event], None]


def segment(
    path: str | Path,
    *,
    model: str | Path | Model = "cine",
    engine: str = "openvino",
    threads: int | None = None,
    flips: bool = False,
    spacing_mm: Triple | None = None,
) -> Segmentation:
    """Segment one file and write nothing.

    Args:
        path: NIfTI or NRRD file, 3-D or 4-D.
        model: a shipped model's name, a bundle's folder, or a model from ``load_model`` (which then
            decides engine, threads and flips).
        engine: ``openvino`` or ``onnxruntime``.
        threads: CPU threads, or ``None`` for the engine's choice.
        flips: average over four mirror images, which takes two to three times as long.
        spacing_mm: (Z, Y, X) in mm, instead of the file's.

    Returns:
        Labels (T, Z, Y, X) on the file's own grid; T is 1 for a 3-D file.

    Raises:
        InputError: the file cannot be used as an image of a heart.
        BundleError: the model cannot be used.
        MissingExtraError: the engine is not installed.
    """
    study = read_study(Path(path), spacing_mm=spacing_mm)
    if not isinstance(model, Model):
        model = load_model(model, engine=engine, threads=threads, flips=flips)
    labels = np.stack([frame.labels for frame in model.segment_frames(study.cine)])
    return Segmentation(labels, study.cine.geometry, model.bundle.manifest.labels)


def segment_file(
    path: Path,
    model: LazyModel,
    out: Path,
    *,
    spacing_mm: Triple | None = None,
    overwrite: bool = False,
) -> StudyResult:
    """Segment one file into ``OUT/NAME_seg.nii.gz`` (or ``.nrrd``) and ``OUT/NAME_seg.json``.

    Raises:
        SeptumError: as :func:`segment`; :class:`OutputError` if the results cannot be written, and
            :class:`NameTakenError` if they would replace those of another input without ``overwrite``.
    """
    check_writable(out)
    (case,) = plan_cases([path], out).cases
    return _do_case(case, model, out, spacing_mm, overwrite, lambda _: None)


def segment_inputs(
    inputs: Sequence[Path],
    out: Path,
    *,
    model: LazyModel,
    spacing_mm: Triple | None = None,
    overwrite: bool = False,
    on_event: OnEvent = lambda _: None,
) -> Report:
    """Segment files and folders of files; a bad one is reported and the rest go on.

    A case is finished, and skipped, if its mask and its JSON exist and were made of the same input, by
    the same version, model and settings (the number of threads aside). The JSON is written last. A result
    of another input is never replaced unasked: that case fails. A result that cannot be written ends the
    run, since the next one could not be either. A file that looks like a mask is passed over where it was
    found in a folder.

    Args:
        inputs: files, and folders that are searched to the bottom.
        out: folder for the results.
        model: loaded once, and only if something is left to do.
        spacing_mm: (Z, Y, X) in mm, instead of what the files say.
        overwrite: do finished cases anew, too, and replace results of other inputs.
        on_event: is told what happens when it happens.

    Raises:
        OutputError: ``out`` cannot be written to; nothing was begun.
        BundleError: the model cannot be used.
        MissingExtraError: its engine is not installed.
    """
    check_writable(out)
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        on_event(event)

    plan = plan_cases(inputs, out)
    for text in plan.passed_over:
        tell(Notice(text))
    for source, error in plan.refused:
        tell(Failure(source, error))
    tell(Planned(len(plan.cases)))
    for folder in {case.mask(out).parent for case in plan.cases}:
        remove_leftovers(folder)
    for case in plan.cases:
        outcome = _attempt(case, model, out, spacing_mm, overwrite, tell)
        tell(outcome)
        if isinstance(outcome, Failure) and isinstance(outcome.error, OutputError):
            break
    return Report(
        results=tuple(event for event in events if isinstance(event, StudyResult)),
        failures=tuple(event for event in events if isinstance(event, Failure)),
        notices=tuple(event.text for event in events if isinstance(event, Notice)),
    )


def _attempt(
    case: Case, model: LazyModel, out: Path, spacing_mm: Triple | None, overwrite: bool, tell: OnEvent
) -> StudyResult | PassedOver | Failure:
    """The case's result, or why there is none. What is wrong with the model ends the run."""
    try:
        return _do_case(case, model, out, spacing_mm, overwrite, tell)
    except (BundleError, MissingExtraError):
        raise
    except SeptumError as error:
        if case.searched and isinstance(error, MaskGivenError):
            return PassedOver(f"{case.source}: passed over, since it looks like a mask.")
        return Failure(case.source, error)
    except MemoryError:
        return Failure(case.source, _too_large(case.source))
    except Exception as error:  # noqa: BLE001  # one bad file never ends a run
        unexpected = UnexpectedError.of(error)
        unexpected.__cause__ = error
        return Failure(case.source, unexpected)


def _do_case(
    case: Case, model: LazyModel, out: Path, spacing_mm: Triple | None, overwrite: bool, tell: OnEvent
) -> StudyResult:
    mask, json = case.mask(out), case.record(out)
    settings = Settings(engine=model.engine, threads=model.threads, flips=model.flips, spacing_mm=spacing_mm)
    if not overwrite and json.is_file():
        earlier = read_record(json)
        if earlier is not None:
            _check_same_input(case, json, earlier)
            if mask.is_file() and _is_finished(earlier, model, settings):
                return StudyResult(case.name, case.source, mask, json, earlier, skipped=True)
        tell(Notice(f"{json} is not of this version, model and setting: the case is done anew."))
    record = _segment_case(case, mask, json, model, settings, tell)
    return StudyResult(case.name, case.source, mask, json, record, skipped=False)


def _check_same_input(case: Case, json: Path, earlier: Record) -> None:
    """Refuse to replace the result of another input, as of another patient's file of the same name."""
    if earlier.input.sha256 != content_sha256(case.source):
        raise NameTakenError(
            f"{json} is the result of another file of the same name as {case.source}, or of that one before "
            "it changed: expected a name that is free; give another -o folder, or --overwrite."
        )


def _is_finished(earlier: Record, model: LazyModel, settings: Settings) -> bool:
    """Whether a record of this input was made as it would be made now; the threads make no difference."""
    return (
        earlier.software == SOFTWARE
        and earlier.model.sha256 == model.bundle.sha256
        and earlier.settings.model_copy(update={"threads": settings.threads}) == settings
    )


def _segment_case(
    case: Case, mask: Path, json: Path, model: LazyModel, settings: Settings, tell: OnEvent
) -> Record:
    started = time.perf_counter()
    study = read_study(case.source, spacing_mm=settings.spacing_mm)
    read_s = time.perf_counter() - started
    frames = []
    for frame in model.segment_frames(study.cine):
        frames.append(frame)
        tell(FrameDone(case.name, len(frames), len(study.cine)))
    labels = np.stack([frame.labels for frame in frames])
    segmentation = Segmentation(labels, study.cine.geometry, model.bundle.manifest.labels)
    started = time.perf_counter()
    _remove(json)  # a mask never stands beside the record of another
    write_mask(mask, segmentation, study)
    write_s = time.perf_counter() - started
    frames_s = [frame.seconds for frame in frames]
    timings = Timings(
        read=round(read_s, 3),
        frames=tuple(round(seconds, 3) for seconds in frames_s),
        write=round(write_s, 3),
        total=round(read_s + sum(frames_s) + write_s, 3),
    )
    record = make_record(study, segmentation, frames, model, settings, timings)
    write_record(json, record)
    return record


def _remove(json: Path) -> None:
    try:
        json.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{json} cannot be replaced: {error.strerror}; choose another folder.") from error


def _too_large(source: Path) -> InputError:
    return InputError(
        f"{source} does not fit into memory: expected room for segmenting one frame and for all masks; "
        "free some, or use a machine with more."
    )
