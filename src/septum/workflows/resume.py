"""What is left to do for a case that an earlier run has done, and what of it has to go."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from septum.core import OutputError
from septum.core.files import sha256_of
from septum.io.names import masks_called
from septum.workflows.outputs import OUTPUTS, Outputs
from septum.workflows.record import SOFTWARE, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from septum.core import Note
    from septum.workflows.options import IndexSettings
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record

#: By which files are known from those that have taken their places; ``None`` for one that is not there.
Seen = tuple[tuple[int, ...] | None, ...]

#: Settings that make no other mask.
_WITHOUT_EFFECT = ("threads", "indices")
#: Of a mask that was corrected by hand, only this setting of the first one still holds.
_OF_ANY_MASK = ("spacing_mm",)


def reason_to_segment(earlier: Record, mask: Path, settings: Settings, model_sha256: str) -> str:
    """Why the mask of an earlier run, on the same input, has to be made again; empty where it has not.

    Args:
        earlier: the mask's record.
        mask: its path.
        settings: of this run.
        model_sha256: of this run's model.
    """
    by_model = earlier.mask_origin == "model"
    if not mask.is_file():
        return f"{mask.name} is missing"
    if by_model and earlier.software != SOFTWARE:
        return f"it is of {earlier.software.name} {earlier.software.version}"
    if earlier.model is None:
        return "no model of Septum made its mask"
    if earlier.model.sha256 != model_sha256:
        return f"it is of another model ({earlier.model.name})"
    other = [
        name.removesuffix("_mm")
        for name in (Settings.model_fields if by_model else _OF_ANY_MASK)
        if name not in _WITHOUT_EFFECT and getattr(earlier.settings, name) != getattr(settings, name)
    ]
    if other:
        return f"it was made with other settings ({', '.join(other)})"
    return "" if earlier.mask_sha256 else "it does not say which mask it is of"


def seen_at(*paths: Path) -> Seen:
    """What stands at some paths now."""

    def stamp(path: Path) -> tuple[int, ...] | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    return tuple(stamp(path) for path in paths)


@dataclass(frozen=True)
class ResumePlan:
    """What there is to do for a case.

    Attributes:
        keeps_mask: whether the mask of the earlier run is as it would be made now.
        outputs: what belongs beside the mask when all is done.
        written: what of that is to be written.
        removed: keys of outputs that the earlier run wrote, and that have to go.
        same_indices: whether the indices are taken as in the earlier run.
        earlier: record of an earlier run on this name, if there is one.
        reason: why an earlier run's case is done anew, as of :func:`reason_to_segment`; else empty.
        notes: on what is asked for and cannot be had.
    """

    keeps_mask: bool = False
    outputs: Outputs = field(default_factory=dict)
    written: Outputs = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    same_indices: bool = False
    earlier: Record | None = None
    reason: str = ""
    notes: tuple[Note, ...] = ()

    @classmethod
    def of(
        cls,
        earlier: Record | None,
        paths: OutputPaths,
        asked: Outputs,
        indices: IndexSettings,
        *,
        keeps_mask: bool,
        reason: str = "",
        notes: tuple[Note, ...] = (),
    ) -> ResumePlan:
        """Find what a case needs. An output goes where what it shows is made or taken otherwise now.

        Args:
            earlier: record of an earlier run on this name.
            paths: of the case.
            asked: outputs that are asked for, and can be had.
            indices: how they are taken now.
            keeps_mask: whether the mask is kept.
            reason: why a case is done anew.
            notes: on what is asked for and cannot be had.
        """
        if earlier is None:
            return cls(outputs=asked, written=asked, reason=reason, notes=notes)
        before = {key: options for key, options in earlier.outputs.items() if key in OUTPUTS}
        fits = {
            key: options
            for key, options in before.items()
            if keeps_mask and OUTPUTS[key].stays(options, earlier, indices)
        }
        stays = {
            key: options
            for key, options in fits.items()
            if key not in asked
            or (OUTPUTS[key].satisfies(options, asked[key]) and _are_there(key, paths, earlier))
        }
        final = {**asked, **stays}
        return cls(
            keeps_mask=keeps_mask,
            outputs={key: final[key] for key in OUTPUTS if key in final},
            written={key: options for key, options in asked.items() if key not in stays},
            removed=tuple(key for key in before if key not in stays),
            same_indices=earlier.settings.indices == indices,
            earlier=earlier,
            reason=reason,
            notes=notes,
        )

    @property
    def is_nothing(self) -> bool:
        """Whether all is done."""
        return self.keeps_mask and self.same_indices and not self.written

    def message(self, paths: OutputPaths) -> str:
        """Say why a case is done anew, and what goes for good; empty where there is nothing to say."""
        parts = [f"{paths.record}: {self.reason}, so the case is done anew."] if self.reason else []
        if self.earlier is not None:
            gone = [key for key in self.removed if key not in self.written]
            names = [path.name for path in output_files(gone, paths, self.earlier)]
            if not self.keeps_mask:
                names += [path.name for path in masks_in_other_formats(paths, self.earlier)]
            of = "indices" if self.keeps_mask else "mask"
            parts += [f"{paths.mask}: removed with the earlier {of}: {', '.join(names)}."] if names else []
        return " ".join(parts)


def output_files(keys: Iterable[str], paths: OutputPaths, record: Record) -> tuple[Path, ...]:
    """List the files of these outputs as people see them named: of many in a folder, that folder.

    Args:
        keys: of the outputs.
        paths: places of the study's files.
        record: JSON that names the outputs written.
    """
    wanted, shown = set(keys), []
    for key in record.outputs:
        if key in wanted and key in OUTPUTS:
            folder = OUTPUTS[key].folder(paths)
            shown += list(OUTPUTS[key].paths(paths, record)) if folder is None else [folder]
    return tuple(shown)


def remove_outputs(keys: Iterable[str], paths: OutputPaths, record: Record) -> None:
    """Remove the files of these outputs, which the record says are Septum's. Raises :class:`OutputError`.

    Args:
        keys: of the outputs.
        paths: places of the study's files.
        record: JSON that names the outputs written.
    """
    for key in keys:
        for path in OUTPUTS[key].paths(paths, record):
            remove_file(path)
            _remove_empty(path.parent, paths.folder)
        folder = OUTPUTS[key].folder(paths)
        if folder is not None:
            _remove_empty(folder, paths.folder)


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder, and those above it below ``top``, as far as nothing is in them."""
    with suppress(OSError):  # others have put something there, or it is gone
        while folder != top and top in folder.parents:
            folder.rmdir()
            folder = folder.parent


def masks_in_other_formats(paths: OutputPaths, record: Record) -> tuple[Path, ...]:
    """The mask of a record, where another format has it beside the new one and nobody has changed it."""
    return tuple(
        path
        for path in masks_called(paths.folder, paths.stem)
        if path.name != paths.mask.name and path.is_file() and sha256_of(path) == record.mask_sha256
    )


def remove_file(path: Path) -> None:
    """Remove a file that may be gone. Raises :class:`OutputError`."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be replaced: {error.strerror}; choose another folder.") from error


def _are_there(key: str, paths: OutputPaths, record: Record) -> bool:
    return all(path.is_file() for path in OUTPUTS[key].paths(paths, record))
