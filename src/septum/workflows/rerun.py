"""What is left to do for a case that an earlier run has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.workflows.asked import Extras
from septum.workflows.beside import are_there, shown
from septum.workflows.record import SOFTWARE, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from septum.workflows.asked import IndexSettings
    from septum.workflows.record import Record

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


@dataclass(frozen=True)
class Work:
    """What there is to do for a case.

    Attributes:
        keeps_mask: whether the mask of the earlier run is as it would be made now.
        extras: what belongs beside the mask when all is done.
        written: what of that is to be written.
        removed: kinds of what the earlier run wrote beside the mask, and what has to go.
        same_indices: whether the indices are taken as in the earlier run.
        earlier: record of an earlier run on this name, if there is one.
    """

    keeps_mask: bool
    extras: Extras
    written: Extras
    removed: tuple[str, ...] = ()
    same_indices: bool = False
    earlier: Record | None = None

    @classmethod
    def of(
        cls,
        earlier: Record | None,
        mask: Path,
        asked: Extras,
        indices: IndexSettings,
        *,
        keeps_mask: bool,
    ) -> Work:
        """What a case needs. What shows indices goes where these are taken otherwise; meshes are of a mask.

        Args:
            earlier: record of an earlier run on this name.
            mask: path of the mask.
            asked: what is asked for beside it, and can be had.
            indices: how they are taken now.
            keeps_mask: whether the mask is kept.
        """
        if earlier is None:
            return cls(keeps_mask=False, extras=asked, written=asked)
        same, before, now = earlier.settings.indices == indices, earlier.extras.kinds(), asked.kinds()
        fits = {kind: how for kind, how in before.items() if keeps_mask and (same or kind == "mesh")}
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
        )

    @property
    def is_nothing(self) -> bool:
        """Whether all is done."""
        return self.keeps_mask and self.same_indices and self.written == Extras()

    def said(self, json: Path, mask: Path, reason: str) -> str:
        """What the user is told of it: why a case is done anew, and what goes for good.

        Args:
            json: path of the record.
            mask: path of the mask.
            reason: of :func:`reason_to_segment`.
        """
        told = [f"{json}: {reason}, so the case is done anew."] if reason else []
        gone = [kind for kind in self.removed if kind not in self.written.kinds()]
        if self.earlier is not None and gone:
            names = ", ".join(path.name for path in shown(gone, mask, self.earlier))
            of = "indices" if self.keeps_mask else "mask"
            told.append(f"{mask}: removed with the earlier {of}: {names}.")
        return " ".join(told)
