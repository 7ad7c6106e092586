"""The studies of a chunk, segmented by workflows: a row for each, noted when it is there."""

from __future__ import annotations

import errno
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.cohort.ends import Stopped, StudyEnded, worker_name
from septum.cohort.plan import CHUNK, every_study
from septum.cohort.rows import State, done_row, other_row, reason_of, without_names
from septum.cohort.settings import CohortSettings
from septum.core import InputError, OutputError
from septum.io.dicom.headers import quiet
from septum.workflows.case_steps import CaseSteps
from septum.workflows.events import CaseDone, Failure, PassedOver
from septum.workflows.lazy_model import LazyModel
from septum.workflows.measured_steps import MeasuredSteps
from septum.workflows.pipeline import run_pipelined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from septum.cohort.folder import CohortFolder
    from septum.cohort.journal import Journal
    from septum.cohort.plan import PlannedStudy
    from septum.workflows.case_steps import Opened, Segmented
    from septum.workflows.cases import InputCase
    from septum.workflows.events import FrameDone, Notice

#: What reading a file ends with where the file server is gone, and not the file.
_AWAY = (
    errno.EIO,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ETIMEDOUT,
    errno.ENODEV,
)


class _Watched:
    """Steps of a case that note in the journal when each is begun."""

    def __init__(self, steps: CaseSteps, journal: Journal, numbers: dict[str, int], *, alone: bool) -> None:
        self._steps, self._journal, self._numbers, self._alone = steps, journal, numbers, alone

    def open(self, case: InputCase) -> Opened | CaseDone:
        self._journal.begin(self._numbers[case.name], alone=self._alone)
        return self._steps.open(case)

    def segment(
        self, opened: Opened | CaseDone, tell: Callable[[FrameDone | Notice], None]
    ) -> Segmented | CaseDone:
        return self._steps.segment(opened, tell)

    def write(self, segmented: Segmented | CaseDone) -> CaseDone:
        return self._steps.write(segmented)


@lru_cache(maxsize=1)
def _model(settings: str) -> LazyModel:
    """The model of a cohort, loaded once in a process."""
    made = CohortSettings.model_validate_json(settings)
    return LazyModel(made.model, made.options)


def segment_studies(
    folder: CohortFolder,
    chunk: str,
    studies: Sequence[PlannedStudy],
    settings: CohortSettings,
    journal: Journal,
    *,
    tell: Callable[[StudyEnded], None] = lambda _: None,
    model: LazyModel | None = None,
    alone: bool = False,
) -> None:
    """Segment the studies that have no row, and note their rows.

    Args:
        folder: of the cohort.
        chunk: name of the chunk.
        studies: of the chunk.
        settings: of the cohort.
        journal: of the chunk.
        tell: is called when a study has its row.
        model: instead of the one that the settings name.
        alone: do one after the other, and nothing at the same time.

    Raises:
        Stopped: something concerns every study.
        SeptumError: the model cannot be used.
    """
    left = [one for one in studies if one.number not in journal.rows]
    if not left:
        return
    model = model or _model(settings.model_dump_json())
    kind = CaseSteps if settings.writes else MeasuredSteps
    steps = kind(
        model, folder.studies, spacing_mm=settings.spacing_mm, indices=settings.indices,
        outputs=settings.outputs,
    )  # fmt: skip
    cases = [one.case(chunk, settings.indices) for one in left]
    numbers = {case.name: one.number for case, one in zip(cases, left, strict=True)}
    watched, waiting = _Watched(steps, journal, numbers, alone=alone), iter(left)

    def note(event: Any) -> None:
        if isinstance(event, CaseDone | Failure | PassedOver):  # of each study, in order
            study = next(waiting)
            row = _row(event, study, studies if len(studies) > 1 else every_study(folder))
            _add(journal, row)
            tell(StudyEnded(study.number, study.study, row["state"], worker_name()))

    try:
        with quiet():  # what libraries say may name the patient
            for some in [[case] for case in cases] if alone else [cases]:
                run_pipelined(some, watched, note)
    except BaseException:
        journal.forgive()
        raise


def _add(journal: Journal, row: dict[str, Any]) -> None:
    """Note a row, or end the run: the next one could not be noted either."""
    try:
        journal.add(row)
    except OutputError as error:
        raise Stopped(error) from error


def _row(
    event: CaseDone | Failure | PassedOver, study: PlannedStudy, others: Iterable[PlannedStudy]
) -> dict[str, Any]:
    """The row of a study; what concerns every study is raised instead, as :class:`Stopped`."""
    if isinstance(event, CaseDone):
        return done_row(study, event.record)
    if isinstance(event, PassedOver):
        return other_row(study, State.IGNORED, "MaskGivenError", without_names(event.text, study))
    error = event.error
    if isinstance(error, OutputError):
        raise Stopped(error)
    if isinstance(error, InputError) and _is_away(error, study, others):
        raise Stopped(
            InputError(
                "the studies cannot be reached: expected the folder or the file server that holds them, and "
                "nothing is there; bring it back, and run again."
            )
        )
    return other_row(study, State.FAILED, type(error).__name__, reason_of(error, study))


def _is_away(error: InputError, study: PlannedStudy, others: Iterable[PlannedStudy]) -> bool:
    """Whether not one study is missing, but some dozens of them, or what they lie on."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in _AWAY:
        return True
    if Path(study.source.path).exists():
        return False
    places = [Path(one.source.path) for one in islice(others, CHUNK)]
    return len(places) > 1 and not any(place.exists() for place in places)
