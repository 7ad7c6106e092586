"""A folder of DICOM files as a ``Study``, and the list of what is in it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core import Cine, InputError, Level, Note, Study
from septum.io.dicom.pixels import hash_of, read_voxels
from septum.io.dicom.references import DicomHeader
from septum.io.dicom.scanning import ScannedFolder, scan
from septum.io.dicom.stacks.choosing import Choice, choose, named, no_image
from septum.io.dicom.stacks.grouping import stacks_of
from septum.io.dicom.stacks.placing import Placed, place, without_repeats
from septum.io.dicom.stacks.stack import Stack
from septum.io.dicom.stacks.timing import Beat, in_time
from septum.io.dicom.subject import body_doubts, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from septum.core import StackKind
    from septum.core.geometry import Triple


@dataclass(frozen=True)
class Contents:
    """What a folder holds.

    Attributes:
        folder: the folder, or one file.
        scan: frames, and what was passed over.
        stacks: in the order of their series, numbered from 1.
        notes: what was settled for all of them.
    """

    folder: Path
    scan: ScannedFolder
    stacks: tuple[Stack, ...]
    notes: tuple[Note, ...]

    def choose(self, wanted: StackKind = "cine", stack: int | None = None) -> Choice:
        """The stack of that number, or the one that the rules take. Raises :class:`InputError`."""
        if stack is not None:
            return named(self.folder, self.stacks, stack)
        return choose(self.folder, self.scan, self.stacks, wanted)

    def prospect(self, choice: Choice) -> tuple[str | None, tuple[Note, ...]]:
        """Why a stack could not be read, by its headers, if it could not; and what reading it would note."""
        try:
            placed, beat = _settled(self.folder, choice, None)
        except InputError as error:
            return str(error), choice.notes
        return None, _noted(choice, placed, beat)

    @property
    def lack(self) -> str | None:
        """The sentence to say if there is no image that can be used at all."""
        return None if self.stacks else no_image(self.folder, self.scan)


def dicom_contents(folder: Path) -> Contents:
    """The stacks of a folder, by headers alone.

    Args:
        folder: is searched to the bottom, whatever files are called; or one file.

    Raises:
        InputError: there is no DICOM file, or a file cannot be read.
    """
    folder = Path(folder)
    with _refusals(folder):
        scanned = scan(folder)
        stacks, notes = stacks_of(scanned.frames)
    if scanned.damaged:
        text = f"Files that are damaged or cut short: {scanned.damaged} passed over."
        notes.append(Note("damaged_files", text, Level.WARNING))
    return Contents(folder, scanned, tuple(stacks), tuple(notes))


def read_dicom_study(
    folder: Path,
    *,
    wanted: StackKind = "cine",
    stack: int | None = None,
    spacing_mm: Triple | None = None,
    contents: Contents | None = None,
) -> Study:
    """Read the short-axis cine, or the late-gadolinium stack, of a study.

    Slices are in the order of their positions along the normal, phases in that of their trigger times; the
    distance of slices is that of their positions. Nothing is turned or resampled.

    Args:
        folder: is searched to the bottom, whatever files are called; or one file.
        wanted: ``cine`` or ``late-gadolinium``; :func:`septum.io.dicom.stacks.choosing.choose` has the rules.
        stack: take the stack of this number in place of the one that the rules take.
        spacing_mm: (Z, Y, X) in mm, instead of what headers state.
        contents: of the folder, where its headers were read before.

    Returns:
        The study, its image in float32 (T, Z, Y, X) with slope and intercept applied; its header is a
        :class:`DicomHeader`; its hash that of the files that were used, whatever their names.

    Raises:
        InputError: nothing in the folder can be used.
        MissingExtraError: images are compressed, and what decodes them is not installed.
    """
    folder = Path(folder)
    contents = contents or dicom_contents(folder)
    choice = contents.choose(wanted, stack)
    placed, beat = _settled(folder, choice, spacing_mm)
    with _refusals(folder):
        array, sha256 = read_voxels(folder, beat.frames)
    return Study(
        cine=Cine(array, placed.geometry, beat.interval_ms, beat.times_ms),
        sha256=sha256,
        notes=(*contents.notes, *_noted(choice, placed, beat)),
        header=DicomHeader(frames=tuple(tuple(f.reference for f in row) for row in beat.frames)),
        subject=subject_of(choice.stack.frames),
    )


def dicom_sha256(folder: Path, *, wanted: StackKind = "cine") -> str:
    """The hash of the files that :func:`read_dicom_study` would use. Raises as it does."""
    folder = Path(folder)
    _, beat = _settled(folder, dicom_contents(folder).choose(wanted), None)
    with _refusals(folder):
        return hash_of(frame for row in beat.frames for frame in row)


def _settled(folder: Path, choice: Choice, spacing_mm: Triple | None) -> tuple[Placed, Beat]:
    """Slices first, then phases, and the grid of what is left of both."""
    stack, repeats = without_repeats(choice.stack)
    beat = in_time(folder, stack)
    kept = Stack(tuple(zip(*beat.frames, strict=True)))
    placed = place(folder, kept, spacing_mm, choice.elsewhere)
    return replace(placed, notes=(*repeats, *placed.notes)), beat


def _noted(choice: Choice, placed: Placed, beat: Beat) -> tuple[Note, ...]:
    return (*choice.notes, *placed.notes, *beat.notes, *body_doubts(choice.stack.frames))


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise InputError(
            f"{folder} does not fit into memory: expected room for its voxels; free some, or use a machine "
            "with more."
        ) from error
    except OSError as error:
        raise InputError(
            f"{error.filename or folder} cannot be read: expected a DICOM file that may be read, and found a "
            f"problem ({error.strerror}); check the right to read it, or copy the study again."
        ) from error
