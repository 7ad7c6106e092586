"""End-diastole and end-systole in two files, as one study of two frames."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.core import InputError, Level, Note, Study
from septum.io import case_name, content_sha256, read_study
from septum.workflows.options import OF_ONE_STUDY, IndexSettings
from septum.workflows.phase_names import acdc_phases, named_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

    from septum.core import StackKind
    from septum.core.geometry import Triple

#: Where the frames of such a study lie.
END_DIASTOLE, END_SYSTOLE = 0, 1
#: Files round spacings and places; what differs by more is another grid.
TOLERANCE_MM = 1e-2


@dataclass(frozen=True)
class TwoPhases:
    """The two files.

    Attributes:
        end_diastole, end_systole: images of one frame, or DICOM studies of one phase.
    """

    end_diastole: Path
    end_systole: Path

    @property
    def paths(self) -> tuple[Path, Path]:
        """Both, end-diastole first."""
        return self.end_diastole, self.end_systole

    @property
    def name(self) -> str:
        """Name of the results: what both names begin with, to the last separator, or else the first one's.

        >>> from pathlib import Path
        >>> TwoPhases(Path("patient001_frame01.nii.gz"), Path("patient001_frame12.nii.gz")).name
        'patient001'
        >>> TwoPhases(Path("ed.nii.gz"), Path("es.nii.gz")).name
        'ed'
        """
        first, second = map(case_name, self.paths)
        equal = [one == other for one, other in zip(first, second, strict=False)]
        shared = first[: equal.index(False) if False in equal else len(equal)]
        found = re.match(r"(.*[^_\-. ])[_\-. ]", shared)
        return found[1] if found else first

    def sha256(self, wanted: StackKind) -> str:
        """Hash of the two inputs, each as of :func:`septum.io.content_sha256`, in this order."""
        return _joined([content_sha256(path, wanted=wanted) for path in self.paths])

    def read(self, *, spacing_mm: Triple | None = None, wanted: StackKind = "cine") -> Study:
        """Read the two as the frames of one study; its mask is NIfTI.

        Args:
            spacing_mm: (Z, Y, X) in mm, instead of what they say.
            wanted: which images of a DICOM study.

        Raises:
            InputError: one cannot be used, has several frames, or lies on another grid than the other.
        """
        first, second = (read_study(path, spacing_mm=spacing_mm, wanted=wanted) for path in self.paths)
        for path, study in zip(self.paths, (first, second), strict=True):
            if len(study.cine) != 1:
                raise InputError(
                    f"{path} has {len(study.cine)} frames: expected the one frame of its phase; a cine is "
                    "segmented alone, and its phases are found in it."
                )
        one, other = first.cine.geometry, second.cine.geometry
        if one.shape != other.shape or not _close(one.spacing_mm, other.spacing_mm):
            raise InputError(
                f"{self.end_systole} has {other.shape} voxels of {other.spacing_mm} mm (Z, Y, X), and "
                f"{self.end_diastole} {one.shape} of {one.spacing_mm} mm: expected the same grid; give two "
                "phases of one series."
            )
        notes = list(dict.fromkeys((*first.notes, *second.notes)))
        if not _close(one.origin_mm, other.origin_mm) or not _close(one.direction, other.direction):
            text = "The two phases lie at different places in the patient: the first one's place was taken."
            notes.append(Note("phases_apart", text, Level.WARNING))
        array = np.concatenate([first.cine.array, second.cine.array])
        cine = replace(first.cine, array=array, frame_interval_ms=None, frame_times_ms=None)
        return Study(cine, _joined((first.sha256, second.sha256)), tuple(notes), subject=first.subject)


_OF_ALL_FRAMES = ("", "_4d", "_cine")


def phases_of_patient(folder: Path, images: Sequence[Path]) -> TwoPhases | None:
    """Find end-diastole and end-systole among the images of one patient's folder.

    They are ``NAME_ED`` and ``NAME_ES``, or ``NAME_frame04`` and ``NAME_frame11`` if the ``Info.cfg`` of ACDC
    says which frame is which. Where the folder holds another such pair, it is no patient's; where it holds
    the cine, that has all phases. Two files of one phase, or of several frames, are cases of their own.

    Args:
        folder: of the patient.
        images: found in it and below.

    Returns:
        The two files; ``None`` where the folder is not one patient's, or does not tell.
    """
    own = [path for path in images if path.parent == folder]
    numbers = acdc_phases(folder)
    found: dict[str, dict[str, Path]] = {}
    for path in own:
        named = named_frame(case_name(path))
        if named is None or not named.base or not named.ends:
            continue
        phase = named.phase if named.number is None else numbers.get(named.number)
        if phase is None:
            continue
        if phase in found.setdefault(named.base, {}):
            return None
        found[named.base][phase] = path
    names = {case_name(path).casefold() for path in own}
    if len(found) != 1:
        return None
    ((base, phases),) = found.items()
    if len(phases) < 2 or any(f"{base}{ending}".casefold() in names for ending in _OF_ALL_FRAMES):
        return None
    return None if any(map(_is_cine, phases.values())) else TwoPhases(phases["ED"], phases["ES"])


def _is_cine(path: Path) -> bool:
    """Whether a file has several frames; one that cannot be read is refused later, with its reason."""
    with suppress(InputError):
        return len(read_study(path).cine) > 1
    return False


def with_two_phases(indices: IndexSettings | None, phases: TwoPhases) -> IndexSettings:
    """Set which frame is which phase.

    Args:
        indices: how indices are taken otherwise; ``None`` for the defaults.
        phases: the two files.

    Raises:
        InputError: ``indices`` name other frames.
    """
    settings, frames = indices or IndexSettings(), {"end_diastole": END_DIASTOLE, "end_systole": END_SYSTOLE}
    for name, frame in frames.items():
        given = getattr(settings, name)
        if given not in (None, frame):
            raise InputError(
                f"{phases.end_diastole.name} and {phases.end_systole.name} are end-diastole and end-systole "
                f"of one study: expected {OF_ONE_STUDY[name]} to be frame {frame} of it, and got {given}; "
                "leave the frames out, or give the two files the other way about."
            )
    return settings.model_copy(update=frames)


def _close(one: ArrayLike, other: ArrayLike) -> bool:
    return bool(np.allclose(one, other, rtol=0.0, atol=TOLERANCE_MM))


def _joined(hashes: Sequence[str]) -> str:
    return hashlib.sha256("".join(f"{one}\n" for one in hashes).encode()).hexdigest()
