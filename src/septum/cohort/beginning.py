"""Beginning a cohort, or going on with one: its settings are checked, and its plan is made or extended."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.cohort.folder import CohortFolder
from septum.cohort.plan import chunks_of, extend_plan, studies_planned
from septum.cohort.settings import CohortFile, CohortSettings
from septum.cohort.sources import find_sources
from septum.core import InputError, OutputError, SeptumError
from septum.core.files import write_text
from septum.core.locks import passing_lock
from septum.inference import open_bundle
from septum.workflows.output_folder import check_writable, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: A plan of a hundred thousand studies takes minutes, and others may wait for it.
_PATIENCE_S = 3600.0
#: Sentences that name what was passed over.
PASSED_OVER = "passed-over.txt"


@dataclass(frozen=True)
class Begun:
    """A cohort that can be worked on.

    Attributes:
        folder: of it.
        studies: of its plan.
        new: of these, how many the plan has only now.
        notices: sentences for the user.
    """

    folder: CohortFolder
    studies: int
    new: int = 0
    notices: tuple[str, ...] = ()


def begin(
    inputs: Sequence[Path],
    out: Path,
    settings: CohortSettings | None = None,
    *,
    chunk: int | None = None,
    look_again: bool = True,
) -> Begun:
    """Begin a cohort in a folder, or go on with it.

    Args:
        inputs: folders, images, archives and lists; without any the plan is taken as it is.
        out: folder of the cohort; it is made.
        settings: how studies are segmented and measured; those with which the cohort was begun otherwise.
        chunk: studies of a chunk, in a plan that is made now; by default as :func:`extend_plan` has it.
        look_again: search the inputs for what is new even if there is a plan.

    Raises:
        InputError: the cohort was begun with other settings, or nothing is found.
        OutputError: the folder cannot be written to.
        BundleError: the model cannot be used.
    """
    check_writable(out)
    folder = CohortFolder(out.absolute())
    settings = settings or CohortFile.read(folder.settings).settings
    now = CohortFile.of(settings)
    lock = folder.private / ".septum-plan.lock"
    with _nothing_left_of(folder), passing_lock(lock, _PATIENCE_S) as held:
        if not held:
            raise OutputError(
                f"{out}: another process has been making the plan for an hour: expected an end; look at "
                "it, and run again."
            )
        _check(folder, now)
        planned = studies_planned(folder)
        if planned and (not inputs or not look_again):
            _settle(folder, now)
            return Begun(folder, planned)
        if not inputs:
            raise InputError(f"{out} holds no plan yet: expected sources to make it of; name them.")
        found = find_sources(inputs, out, open_bundle(settings.model).manifest.reads)
        _settle(folder, now)
        new, changed = extend_plan(folder, found.sources, names=settings.names, chunk=chunk)
        if found.named:
            write_text(folder.private / PASSED_OVER, "\n".join(found.named) + "\n")
    notices = list(found.notices)
    if found.named:
        notices.append(f"what was passed over is named in {out / folder.private.name / PASSED_OVER}.")
    if changed:
        notices.append(
            f"of {changed} studies the list tells something else than when they were planned: what was known "
            "then is used; begin in another folder to use what is known now."
        )
    return Begun(folder, planned + new, new, tuple(notices))


def _check(folder: CohortFolder, now: CohortFile) -> None:
    """Check the settings against those that the folder was begun with."""
    if folder.settings.exists():
        now.check_same(CohortFile.read(folder.settings), folder.settings)


@contextmanager
def _nothing_left_of(folder: CohortFolder) -> Iterator[None]:
    """Make the private folder; where the block fails, remove what is empty of what was made."""
    made = [path for path in (folder.private, *folder.private.parents) if not path.exists()]
    try:
        folder.make_private()
        yield
    except OSError as error:
        raise OutputError(f"{folder.path} cannot be written to: {error.strerror or error}.") from error
    except SeptumError:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


def _settle(folder: CohortFolder, now: CohortFile) -> None:
    """Make the folders and write the settings, unless they are there."""
    for place in (folder.parts, folder.journals, folder.times):
        place.mkdir(parents=True, exist_ok=True)
        remove_leftovers(place)
    if not folder.settings.exists() or CohortFile.read(folder.settings) != now:
        now.write(folder.settings)


def unfinished(folder: CohortFolder, shard: tuple[int, int] | None = None) -> list[str]:
    """Name the chunks that are not done, in order.

    Args:
        folder: of the cohort.
        shard: which of how many equal shares, from 1; all chunks otherwise.
    """
    number, count = shard or (1, 1)
    done = set(folder.finished())
    return [chunk for chunk in chunks_of(folder)[number - 1 :: count] if chunk not in done]
