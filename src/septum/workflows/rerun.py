"""What is left to do for a case that an earlier run has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.workflows.asked import Extras
from septum.workflows.beside import are_there, in_another_format, shown
from septum.workflows.record import SOFTWARE, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from septum.workflows.asked import IndexSettings
    from septum.workflows.record import Record

#: By which files are told from those that have taken their places; ``None`` for one that is not there.
Seen = tuple[tuple[int, ...] | None, ...]

#: Settings that make no other mask.
_WITHOUT_EFFECT = ("threads", "indices")


def reason_to_segment(earlier: Record, mask: Path, settings: Settings, model_sha256: str) -> str:
    """Why the mask of an earlier run, on the same input, has to be made again; empty where it has not.

    Args:
        earlier: the mask's record.
        mask: its path.
        settings: of this run.
        model_sha256: of this run's model.
    """
    if not mask.is_file():
        return "its mask is missing"
    if earlier.software != SOFTWARE:
        return f"it is of {earlier.software.name} {earlier.software.version}"
    if earlier.model.sha256 != model_sha256:
        return f"it is of another model ({earlier.model.name})"
    other = [
        f"--{name.removesuffix('_mm')}"
        for name in Settings.model_fields
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
class Work:
    """What there is to do for a case.

    Attributes:
        keeps_mask: whether the mask of the earlier run is as it would be made now.
        extras: what belongs beside the mask when all is done.
        written: what of that is to be written.
        removed: kinds of what the earlier run wrote beside the mask, and what has to go.
        same_indices: whether the indices are taken as in the earlier run.
        reason: why an earlier run's case is done anew, as of :func:`reason_to_segment`; else empty.
        earlier: record of an earlier run on this name, if there is one.
    """

    keeps_mask: bool
    extras: Extras
    written: Extras
    removed: tuple[str, ...] = ()
    same_indices: bool = False
    earlier: Record | None = None
    reason: str = ""

    @classmethod
    def of(
        cls,
        earlier: Record | None,
        mask: Path,
        asked: Extras,
        indices: IndexSettings,
        *,
        keeps_mask: bool,
        reason: str = "",
    ) -> Work:
        """What a case needs. What shows indices goes where these are taken otherwise; meshes are of a mask.

        Args:
            earlier: record of an earlier run on this name.
            mask: path of the mask.
            asked: what is asked for beside it, and can be had.
            indices: how they are taken now.
            keeps_mask: whether the mask is kept.
            reason: why a case is done anew.
        """
        if earlier is None:
            return cls(keeps_mask=False, extras=asked, written=asked, reason=reason)
        same, before, now = earlier.settings.indices == indices, earlier.extras.kinds(), asked.kinds()
        fits = {kind: how for kind, how in before.items() if keeps_mask and (same or kind == "mesh")}
        if now.get("dicom") is True and fits.get("dicom") and are_there(["dicom"], mask, earlier):
            now["dicom"] = fits["dicom"]  # any pseudonyms will do where no key is kept
        final = fits | now
        stays = [
            kind
            for kind, how in fits.items()
            if final[kind] == how and (kind not in now or are_there([kind], mask, earlier))
        ]
        return cls(
            keeps_mask=keeps_mask,
            extras=Extras.of(final),
            written=Extras.of({kind: how for kind, how in now.items() if kind not in stays}),
            removed=tuple(kind for kind in before if kind not in stays),
            same_indices=same,
            earlier=earlier,
            reason=reason,
        )

    @property
    def is_nothing(self) -> bool:
        """Whether all is done."""
        return self.keeps_mask and self.same_indices and self.written == Extras()

    def said(self, json: Path, mask: Path) -> str:
        """What the user is told of it: why a case is done anew, and what goes for good.

        Args:
            json: path of the record.
            mask: path of the mask.
        """
        told = [f"{json}: {self.reason}, so the case is done anew."] if self.reason else []
        gone = [kind for kind in self.removed if kind not in self.written.kinds()]
        if self.earlier is not None:
            names = [path.name for path in shown(gone, mask, self.earlier)]
            names += [] if self.keeps_mask else [p.name for p in in_another_format(mask, self.earlier)]
            of = "indices" if self.keeps_mask else "mask"
            told += [f"{mask}: removed with the earlier {of}: {', '.join(names)}."] if names else []
        return " ".join(told)
