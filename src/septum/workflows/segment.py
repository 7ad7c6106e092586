"""``septum segment``: images in, masks and records out."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Unpack

import numpy as np

from septum.core import Segmentation, Verdict
from septum.core.errors import QualityWarning
from septum.inference import Model, load_model
from septum.workflows.case_steps import CaseSteps, settings_of
from septum.workflows.cases import plan_cases
from septum.workflows.events import CaseDone, Event, Failure, Notice, Planned, RunSummary
from septum.workflows.loading import study_of
from septum.workflows.measuring import measured
from septum.workflows.output_folder import check_writable, remove_leftovers, unwritable
from septum.workflows.outputs import OUTPUTS, resolved
from septum.workflows.pipeline import run_pipelined
from septum.workflows.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from septum.core.geometry import Triple
    from septum.inference import ModelKeywords
    from septum.workflows.cases import Plan
    from septum.workflows.lazy_model import LazyModel
    from septum.workflows.loading import Source
    from septum.workflows.options import IndexSettings
    from septum.workflows.outputs import Outputs
    from septum.workflows.result import Result

    OnEvent = Callable[[Event], None]


def segment(
    source: Source,
    *,
    model: str | Path | Model = "cine",
    spacing_mm: Sequence[float] | None = None,
    indices: IndexSettings | None = None,
    **options: Unpack[ModelKeywords],
) -> Result:
    """Segment one study and measure it; nothing is written.

    Where the verdict is not *fine*, a :class:`septum.QualityWarning` names its reasons.

    Args:
        source: NIfTI or NRRD file, folder with a DICOM study, study or image that was read, or array
            (Z, Y, X) or (T, Z, Y, X).
        model: a shipped model's name, a bundle's folder, or a model from ``load_model``, which has options
            of its own.
        spacing_mm: (Z, Y, X) in mm, instead of the file's; an array needs it.
        indices: how clinical indices are taken, where not as detected and as the study says.
        **options: ``engine``, ``device``, ``precision``, ``threads`` and ``flips``, as of
            :class:`~septum.inference.ModelOptions`.

    Returns:
        The study with its mask (T, Z, Y, X) on its own grid, indices and verdict; T is 1 for a 3-D image.

    Raises:
        InputError: it cannot be used as an image of a heart.
        BundleError: the model cannot be used.
        MissingExtraError: the engine is not installed.
    """
    if not isinstance(model, Model):
        model = load_model(model, **options)
    bundle, started = model.bundle, time.perf_counter()
    study, name = study_of(source, spacing_mm, bundle.manifest.reads)
    settings = settings_of(model, None if spacing_mm is None else study.cine.geometry.spacing_mm, indices)
    settings.indices.check_frames(len(study.cine), name)
    read_s = time.perf_counter() - started
    frames = list(model.segment_frames(study.cine))
    labels = np.stack([frame.labels for frame in frames])
    provenance = Provenance.from_run(frames, study.cine.geometry, bundle, settings, read_s)
    segmentation = Segmentation(labels, study.cine.geometry, bundle.manifest.labels)
    result = measured(study, segmentation, provenance, bundle, name=name)
    warn_of(result)
    return result


def warn_of(result: Result) -> None:
    """Issue a Python warning with the reasons of a verdict that is not fine."""
    if result.verdict is not Verdict.FINE:
        reasons = " ".join(flag.reason for flag in result.flags)
        message = f"{result.name}: the verdict on the mask is {result.verdict.value}. {reasons}"
        warnings.warn(message, QualityWarning, stacklevel=3)


def segment_file(
    path: Path,
    model: LazyModel,
    out: Path,
    *,
    spacing_mm: Triple | None = None,
    outputs: Outputs | None = None,
    overwrite: bool = False,
) -> CaseDone:
    """Segment one file into ``OUT/NAME_seg.nii.gz`` (or ``.nrrd``) and ``OUT/NAME_seg.json``.

    Args:
        path: NIfTI or NRRD file, 3-D or 4-D.
        model: loaded only if something is left to do.
        out: folder for the results.
        spacing_mm: (Z, Y, X) in mm, instead of the file's.
        outputs: what is written with the mask.
        overwrite: replace results of another input, too.

    Raises:
        SeptumError: as :func:`segment`; :class:`OutputError` if the results cannot be written, and
            :class:`NameTakenError` if they would replace those of another input without ``overwrite``.
    """
    check_writable(out)
    plan = plan_cases([path], out)
    (case,) = plan.cases
    steps = CaseSteps(
        model, out, spacing_mm=spacing_mm, outputs=outputs, overwrite=overwrite, inputs=plan.places
    )
    return steps.write(steps.segment(steps.open(case), lambda _: None))


def segment_inputs(
    inputs: Sequence[Path],
    out: Path,
    *,
    model: LazyModel,
    spacing_mm: Triple | None = None,
    indices: IndexSettings | None = None,
    outputs: Outputs | None = None,
    overwrite: bool = False,
    on_event: OnEvent = lambda _: None,
) -> RunSummary:
    """Segment files and folders of files; a bad one is reported and the rest go on.

    While one case is segmented, the next is read and the last one's results are written.

    A mask is kept if it was made of the same input, by the same version, model and settings (the number of
    threads aside); what is asked for beside it is written, indices are taken anew where that is asked for,
    and a case with nothing left to do is skipped. What an earlier run wrote beside a mask goes with it. A
    result of another input is never replaced unasked: that case fails. A result that cannot be written ends
    the run, since the next one could not be either. A file that looks like a mask is passed over where it
    was found in a folder.

    Args:
        inputs: files, and folders that are searched to the bottom.
        out: folder for the results.
        model: loaded once, and only if something is left to do.
        spacing_mm: (Z, Y, X) in mm, instead of what the files say.
        indices: how clinical indices are taken.
        outputs: what is written beside masks, as of :func:`septum.workflows.outputs.requested`.
        overwrite: do finished cases anew, too, and replace results of other inputs.
        on_event: is told what happens when it happens.

    Raises:
        OutputError: ``out`` is no folder and cannot become one, or the key for pseudonyms is none; nothing
            was begun. In a folder that cannot be written to, the first case with something to do fails.
        BundleError: the model cannot be used.
        MissingExtraError: its engine is not installed.
    """
    refused = unwritable(out)
    outputs = resolved(outputs or {})
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        on_event(event)

    plan = plan_cases(inputs, out)
    for text in plan.passed_over:
        tell(Notice(text))
    for source, error in plan.refused:
        tell(Failure(source, error))
    given = [] if indices is None else indices.of_one_study()
    if given and len(plan.cases) > 1:
        taken = f"{', '.join(given)}: taken for each of the {len(plan.cases)} studies"
        tell(Notice(f"{taken}; give a study a run of its own where that is of it alone."))
    tell(Planned(len(plan.cases)))
    _remove_leftovers(plan, out)
    steps = CaseSteps(
        model, out, spacing_mm=spacing_mm, indices=indices, outputs=outputs, overwrite=overwrite,
        inputs=plan.places, unwritable=refused,
    )  # fmt: skip
    run_pipelined(plan.cases, steps, tell)
    return RunSummary(
        results=tuple(event for event in events if isinstance(event, CaseDone)),
        failures=tuple(event for event in events if isinstance(event, Failure)),
        notices=tuple(event.text for event in events if isinstance(event, Notice)),
    )


def _remove_leftovers(plan: Plan, out: Path) -> None:
    """Remove what a killed run left where this one will write."""
    paths = [case.paths(out) for case in plan.cases]
    folders = {output.folder(one) for one in paths for output in OUTPUTS.values()}
    for folder in {one.folder for one in paths} | folders:
        if folder is not None:
            remove_leftovers(folder)
