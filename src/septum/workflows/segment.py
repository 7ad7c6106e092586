"""``septum segment``: images in, masks and records out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from septum.core import Segmentation
from septum.inference import Model, load_model
from septum.io import read_study
from septum.workflows.asked import Extras
from septum.workflows.beside import Names
from septum.workflows.case_steps import CaseSteps
from septum.workflows.cases import plan_cases
from septum.workflows.extras import with_key
from septum.workflows.outcomes import Event, Failure, Notice, Planned, Report, StudyResult
from septum.workflows.output_folder import check_writable, remove_leftovers, unwritable
from septum.workflows.overlap import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from septum.core.geometry import Triple
    from septum.inference import ModelKeywords
    from septum.workflows.asked import IndexSettings
    from septum.workflows.lazy_model import LazyModel

    OnEvent = Callable[[Event], None]


def segment(
    path: str | Path,
    *,
    model: str | Path | Model = "cine",
    spacing_mm: Triple | None = None,
    **options: Unpack[ModelKeywords],
) -> Segmentation:
    """Segment one file and write nothing.

    Args:
        path: NIfTI or NRRD file, 3-D or 4-D.
        model: a shipped model's name, a bundle's folder, or a model from ``load_model``, which has options
            of its own.
        spacing_mm: (Z, Y, X) in mm, instead of the file's.
        **options: ``engine``, ``device``, ``precision``, ``threads`` and ``flips``, as of
            :class:`~septum.inference.ModelOptions`.

    Returns:
        Labels (T, Z, Y, X) on the file's own grid; T is 1 for a 3-D file.

    Raises:
        InputError: the file cannot be used as an image of a heart.
        BundleError: the model cannot be used.
        MissingExtraError: the engine is not installed.
    """
    if not isinstance(model, Model):
        model = load_model(model, **options)
    study = read_study(Path(path), spacing_mm=spacing_mm, wanted=model.bundle.manifest.reads)
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
    plan = plan_cases([path], out)
    (case,) = plan.cases
    steps = CaseSteps(model, out, spacing_mm=spacing_mm, overwrite=overwrite, inputs=plan.places)
    return steps.write(steps.segment(steps.open(case), lambda _: None))


def segment_inputs(
    inputs: Sequence[Path],
    out: Path,
    *,
    model: LazyModel,
    spacing_mm: Triple | None = None,
    indices: IndexSettings | None = None,
    extras: Extras | None = None,
    overwrite: bool = False,
    on_event: OnEvent = lambda _: None,
) -> Report:
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
        extras: what is written beside masks.
        overwrite: do finished cases anew, too, and replace results of other inputs.
        on_event: is told what happens when it happens.

    Raises:
        OutputError: ``out`` is no folder and cannot become one, or the key for pseudonyms is none; nothing
            was begun. In a folder that cannot be written to, the first case with something to do fails.
        BundleError: the model cannot be used.
        MissingExtraError: its engine is not installed.
    """
    refused = unwritable(out)
    extras = with_key(extras or Extras())
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
    masks = [case.mask(out) for case in plan.cases]
    for folder in {mask.parent for mask in masks} | {Names(mask).meshes for mask in masks}:
        remove_leftovers(folder)
    steps = CaseSteps(
        model, out, spacing_mm=spacing_mm, indices=indices, extras=extras, overwrite=overwrite,
        inputs=plan.places, unwritable=refused,
    )  # fmt: skip
    in_turn(plan.cases, steps, tell)
    return Report(
        results=tuple(event for event in events if isinstance(event, StudyResult)),
        failures=tuple(event for event in events if isinstance(event, Failure)),
        notices=tuple(event.text for event in events if isinstance(event, Notice)),
    )
