"""What a study read from DICOM has for a header: which object each slice came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class FrameReference:
    """One slice of one phase, as other DICOM objects refer to it.

    Attributes:
        path: its file.
        sop_class_uid, sop_instance_uid: of the object.
        frame_number: from 1 in a multi-frame object, ``None`` in a single-frame one.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None


@dataclass(frozen=True)
class DicomHeader:
    """What ``Study.header`` holds of a DICOM study.

    Attributes:
        suffix: ending of the mask's name.
        frames: [t][z], in the order of ``cine.array`` (T, Z, Y, X).
    """

    suffix: str = ".nii.gz"
    frames: tuple[tuple[FrameReference, ...], ...] = field(default=(), repr=False)
