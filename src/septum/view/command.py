"""``septum view``: what is shown, what is segmented first, and the server until its end."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from septum.core import OutputError, SeptumError
from septum.core.files import is_folder
from septum.core.locks import passing_lock
from septum.io.names import RECORD_ENDING
from septum.view.server import Running, free_socket
from septum.view.worklist import Progress, Worklist
from septum.workflows.cases import plan_cases
from septum.workflows.events import CaseDone, Failure, FrameDone, Planned
from septum.workflows.output_folder import check_writable
from septum.workflows.record import input_hash_in
from septum.workflows.segment import segment_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from septum.workflows.cases import InputCase
    from septum.workflows.events import Event
    from septum.workflows.lazy_model import LazyModel

#: Where results of studies go that the user named no folder for.
DEFAULT_OUT = Path("septum-view")
_LOCK = ".viewer.lock"
_PATIENCE_S = 0.5


@dataclass(frozen=True)
class Sorted:
    """What the user named.

    Attributes:
        results: folders of results.
        studies: files and folders that are segmented first.
    """

    results: tuple[Path, ...]
    studies: tuple[Path, ...]


@dataclass(frozen=True)
class Wishes:
    """How studies are looked at.

    Attributes:
        images: files and folders in which the images of results are looked for.
        reader: who looks at them.
        identify: whether the page may show who the patient is.
        port: on this machine; ``None``: the usual one, or the next that is free.
    """

    images: tuple[Path, ...] = ()
    reader: str = ""
    identify: bool = False
    port: int | None = None


def sort_paths(paths: Sequence[Path]) -> Sorted:
    """Tell folders of results from studies: a folder that holds the JSON of a result is one of the first.

    >>> sort_paths([Path("study.nii.gz")]).studies
    (PosixPath('study.nii.gz'),)
    """
    results = tuple(path for path in paths if _holds_results(path))
    return Sorted(results, tuple(path for path in paths if path not in results))


def view(
    named: Sorted,
    out: Path,
    model: Callable[[], LazyModel],
    wishes: Wishes,
    *,
    ready: Callable[[str], None],
    on_event: Callable[[Event], None],
) -> int:
    """Show studies until the process is interrupted.

    Args:
        named: what is shown.
        out: folder for the results of studies that are segmented first.
        model: gives the model; it is asked only if there is something to segment.
        wishes: how they are looked at.
        ready: is given the address, with its token, once the server answers.
        on_event: is given what happens while studies are segmented.

    Returns:
        0; or the exit code of the segmentation, if no study came of it and there is no other to show.

    Raises:
        OutputError: no port is free, another viewer has the folder open, or results cannot be written.
        BundleError: the model cannot be used.
    """
    roots = list(dict.fromkeys([*named.results, *([out] if named.studies else [])]))
    with ExitStack() as stack:
        for root in roots:
            _hold(stack, root)
        worklist = Worklist(
            roots, named=_images(wishes.images, named.studies, out), reader=wishes.reader,
            identify=wishes.identify,
        )  # fmt: skip
        running = Running(worklist, free_socket(wishes.port))
        work = None
        if named.studies:
            check_writable(out)
            work = Segmenting(worklist, running, named.studies, out, model(), on_event)
            work.start()
        worklist.prepare()
        ready(running.address)
        with suppress(KeyboardInterrupt):
            running.run()
        return 0 if work is None else work.outcome()


class Segmenting(Thread):
    """Segments studies while the server shows how far that is, and ends it if nothing came of them.

    Args:
        worklist: takes up what is done.
        running: the server.
        studies: files and folders.
        out: folder for the results.
        model: loaded when it is needed.
        on_event: is given what happens.
    """

    def __init__(  # what a run of `segment` takes, and where it is shown
        self,
        worklist: Worklist,
        running: Running,
        studies: tuple[Path, ...],
        out: Path,
        model: LazyModel,
        on_event: Callable[[Event], None],
    ) -> None:
        super().__init__(daemon=True)
        self.worklist, self.running, self.on_event = worklist, running, on_event
        self._studies, self._out, self._model = studies, out, model
        self._code = 0
        self._error: SeptumError | None = None
        worklist.progress = Progress()

    def run(self) -> None:
        """Segment them all; an error that ends the run ends the server, too."""
        try:
            summary = segment_inputs(self._studies, self._out, model=self._model, on_event=self._tell)
            self._code = summary.exit_code
        except SeptumError as error:
            self._error = error
        self.worklist.progress = None
        if self._error is not None or not self.worklist.listed()["studies"]:
            self.running.stop()

    def outcome(self) -> int:
        """Give the exit code, where nothing was there to show. Raises the error that ended the run."""
        if self._error is not None:
            raise self._error
        return 0 if self.worklist.listed()["studies"] else self._code

    def _tell(self, event: Event) -> None:
        progress = self.worklist.progress or Progress()
        match event:
            case Planned(cases):
                progress.total = cases
            case FrameDone(name, frame, frames):
                progress.current, progress.frame, progress.frames = name, frame, frames
            case CaseDone(name):
                self.worklist.add(self._out, event.json)
                progress.done += 1
                if name == progress.current:
                    progress.current, progress.frame = "", 0
                if progress.done == 1:
                    self.worklist.prepare()
            case Failure(source, error):
                self.worklist.problems.append(str(error).replace(str(source), source.name))
                progress.done += 1
        self.on_event(event)


def _holds_results(path: Path) -> bool:
    if not is_folder(path):
        return False
    return any(input_hash_in(record) is not None for record in _records(path))


def _records(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from folder.rglob(f"*{RECORD_ENDING}")


def _images(images: tuple[Path, ...], studies: tuple[Path, ...], out: Path) -> dict[str, InputCase]:
    """Images by the names that their results have. Raises :class:`InputError` for names that are the same."""
    named: dict[str, InputCase] = {}
    for some in (studies, images):
        if some:
            named |= {case.name: case for case in plan_cases(some, out).cases}
    return named


def _hold(stack: ExitStack, root: Path) -> None:
    """Keep other viewers from a folder. One that cannot be written to may be looked at by many."""
    try:
        held = stack.enter_context(passing_lock(root / _LOCK, _PATIENCE_S))
    except OutputError:
        return
    if not held:
        raise OutputError(
            f"{root} is open in another viewer: expected to be the only one, for each would overwrite what "
            "the other saves; go on there, or end it."
        )
