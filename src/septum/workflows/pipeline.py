"""Cases one after the other, the next one read and the last one written while one is segmented."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from septum.core import BundleError, MissingExtraError, OutputError, SeptumError
from septum.core.errors import MaskGivenError, UnexpectedError
from septum.workflows.case_steps import too_large
from septum.workflows.events import CaseDone, Failure, FrameDone, Notice, PassedOver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from septum.workflows.case_steps import Opened, Segmented
    from septum.workflows.cases import InputCase
    from septum.workflows.events import Event

T = TypeVar("T")

#: What becomes of a case.
Outcome = CaseDone | PassedOver | Failure


class Steps(Protocol):
    """The three steps of a case, as :class:`~septum.workflows.case_steps.CaseSteps` has them."""

    def open(self, case: InputCase) -> Opened | CaseDone:
        """Read a case, or say that it is done already."""

    def segment(
        self, opened: Opened | CaseDone, tell: Callable[[FrameDone | Notice], None]
    ) -> Segmented | CaseDone:
        """Segment every frame."""

    def write(self, segmented: Segmented | CaseDone) -> CaseDone:
        """Measure the masks, and write what belongs to them."""


def run_pipelined(cases: Sequence[InputCase], steps: Steps, tell: Callable[[Event | Outcome], None]) -> None:
    """Do the cases. What is wrong with the model ends the run, and so does a result that cannot be written.

    Args:
        cases: in order.
        steps: what is done with each.
        tell: is given, in this thread, frames that are done, results that are replaced, and what becomes of
            each case, in order: when it is written, or with the next frame of the case that follows.
    """
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
        writing = _Writing(writer, tell)

        def tell_step(event: FrameDone | Notice) -> None:
            writing.look()
            tell(event)

        try:
            for case, opened in _ahead(cases, steps, reader):
                segmented = _then(case, opened, steps.segment, tell_step)
                if writing.finish():
                    return
                writing.begin(case, segmented, steps)
            writing.finish()
        except (KeyboardInterrupt, BundleError, MissingExtraError):  # what is written is reported before
            writing.finish()
            raise


class _Writing:
    """The case that is being written in a thread of its own."""

    def __init__(self, writer: ThreadPoolExecutor, tell: Callable[[Outcome | Notice], None]) -> None:
        self._writer, self._tell = writer, tell
        self._future: Future[Outcome] | None = None
        self._is_full = False

    def begin(self, case: InputCase, segmented: Any, steps: Steps) -> None:
        """Write what was segmented, or pass on what has come to an end before; it is reported at once."""
        self._future = self._writer.submit(_then, case, segmented, steps.write)
        if isinstance(segmented, Outcome):
            self.finish()

    def look(self) -> None:
        """Tell what became of the case, if that is known by now."""
        if self._future is not None and self._future.done():
            self.finish()

    def finish(self) -> bool:
        """Wait for the case and tell what became of it. Whether nothing more can be written."""
        if self._future is not None:
            wait([self._future])  # interrupted here, the case is waited for again
            future, self._future = self._future, None
            outcome = future.result()
            self._is_full |= isinstance(outcome, Failure) and isinstance(outcome.error, OutputError)
            if isinstance(outcome, CaseDone) and outcome.message:
                self._tell(Notice(outcome.message))
            self._tell(outcome)
        return self._is_full


def _ahead(
    cases: Sequence[InputCase], steps: Steps, reader: ThreadPoolExecutor
) -> Iterator[tuple[InputCase, Opened | Outcome]]:
    """Cases as they are opened, the next one begun before this one is handed out."""
    opening = [reader.submit(_opened, case, steps) for case in cases[:1]]
    for i, case in enumerate(cases):
        opened = opening.pop().result()
        opening += [reader.submit(_opened, one, steps) for one in cases[i + 1 : i + 2]]
        yield case, opened


def _opened(case: InputCase, steps: Steps) -> Opened | Outcome:
    """The case opened. A decoder that it lacks is missing for it alone, unlike an engine."""
    try:
        return _attempt(case, steps.open, case)
    except MissingExtraError as error:
        return Failure(case.source, error)


def _then(
    case: InputCase, so_far: Any, step: Callable[..., T], *arguments: object
) -> T | PassedOver | Failure:
    """The next step of a case, unless it has come to nothing before."""
    if isinstance(so_far, Failure | PassedOver):
        return so_far
    return _attempt(case, step, so_far, *arguments)


def _attempt(case: InputCase, step: Callable[..., T], *arguments: object) -> T | PassedOver | Failure:
    """What a step gives, or why it gives nothing. What is wrong with the model is raised."""
    try:
        return step(*arguments)
    except (BundleError, MissingExtraError):
        raise
    except SeptumError as error:
        if case.searched and isinstance(error, MaskGivenError):
            return PassedOver(f"{case.source}: passed over, since it looks like a mask.")
        return Failure(case.source, error)
    except MemoryError:
        return Failure(case.source, too_large(case.source))
    except Exception as error:  # noqa: BLE001  # one bad file never ends a run
        unexpected = UnexpectedError.of(error)
        unexpected.__cause__ = error
        return Failure(case.source, unexpected)
