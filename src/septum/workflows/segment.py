"""``septum segment``: images in, masks and records out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from septum.workflows.case_steps import CaseSteps
from septum.workflows.cases import plan_cases
from septum.workflows.events import CaseDone, Event, Failure, Notice, Planned, RunSummary
from septum.workflows.output_folder import check_writable, remove_leftovers, unwritable
from septum.workflows.outputs import OUTPUTS, resolved
from septum.workflows.pipeline import run_pipelined
from septum.workflows.subjects import Subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from septum.core.geometry import Triple
    from septum.workflows.cases import Plan
    from septum.workflows.lazy_model import LazyModel
    from septum.workflows.options import IndexSettings
    from septum.workflows.outputs import Outputs
    from septum.workflows.two_phases import TwoPhases

    OnEvent = Callable[[Event], None]


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
        path: the image.
        model: loaded only if something is left to do.
        out: folder for the results.
        spacing_mm: (Z, Y, X) in mm, instead of what the file says.
        outputs: what is written with the mask, as of :func:`septum.workflows.outputs.requested`.
        overwrite: replace results of another input, too.

    Raises:
        SeptumError: the file or the model cannot be used; :class:`OutputError` if the results cannot be
            written, and :class:`NameTakenError` if they would replace those of another input without
            ``overwrite``.
    """
    check_writable(out)
    plan = plan_cases([path], out)
    (case,) = plan.cases
    steps = CaseSteps(
        model, out, spacing_mm=spacing_mm, outputs=outputs, overwrite=overwrite, inputs=plan.places
    )
    return steps.write(steps.segment(steps.open(case), lambda _: None))


def segment_inputs(
    inputs: Sequence[Path] | TwoPhases,
    out: Path,
    *,
    model: LazyModel,
    spacing_mm: Triple | None = None,
    indices: IndexSettings | Subjects | None = None,
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
        inputs: files, and folders that are searched to the bottom; or end-diastole and end-systole in two
            files, which are one study.
        out: folder for the results.
        model: loaded once, and only if something is left to do.
        spacing_mm: (Z, Y, X) in mm, instead of what the files say.
        indices: how clinical indices are taken.
        outputs: what is written beside masks, as of :func:`septum.workflows.outputs.requested`.
        overwrite: do finished cases anew, too, and replace results of other inputs.
        on_event: is given what happens when it happens.

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
    for event in _first_events(plan, indices):
        tell(event)
    _remove_leftovers(plan, out)
    steps = CaseSteps(
        model, out, spacing_mm=spacing_mm, indices=_for_all(indices), outputs=outputs, overwrite=overwrite,
        inputs=plan.places, unwritable=refused,
    )  # fmt: skip
    cases = plan.cases
    if isinstance(indices, Subjects):
        cases = tuple(replace(case, indices=indices.of(case.name)) for case in cases)
    run_pipelined(cases, steps, tell)
    return RunSummary.of(events)


def _first_events(plan: Plan, indices: IndexSettings | Subjects | None) -> Iterator[Event]:
    """Say what is passed over and refused, what is taken for every study alike, and how many there are."""
    for text in plan.passed_over:
        yield Notice(text)
    for source, error in plan.refused:
        yield Failure(source, error)
    settings = _for_all(indices)
    given = [] if settings is None else settings.of_one_study()
    if given and len(plan.cases) > 1:
        taken = f"{', '.join(given)}: taken for each of the {len(plan.cases)} studies"
        yield Notice(f"{taken}; give a study a run of its own where that is of it alone.")
    if isinstance(indices, Subjects):
        yield from map(Notice, indices.unmatched([case.name for case in plan.cases]))
    yield Planned(len(plan.cases))


def _for_all(indices: IndexSettings | Subjects | None) -> IndexSettings | None:
    """What holds for every study of which a table says nothing."""
    return indices.settings if isinstance(indices, Subjects) else indices


def _remove_leftovers(plan: Plan, out: Path) -> None:
    """Remove what a killed run left where this one will write."""
    paths = [case.paths(out) for case in plan.cases]
    folders = {output.folder(one) for one in paths for output in OUTPUTS.values()}
    for folder in {one.folder for one in paths} | folders:
        if folder is not None:
            remove_leftovers(folder)
