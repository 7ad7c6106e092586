"""Which DICOM frame each slice of a cine came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class FrameReference:
    """One frame of a DICOM image.

    Attributes:
        path: its file.
        sop_class_uid, sop_instance_uid: of the image.
        frame_number: from 1; ``None`` in an image of a single frame.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None


@dataclass(frozen=True)
class DicomHeader:
    """What writing needs to know of a study that was read from DICOM.

    Attributes:
        suffix: ending of the name of a mask.
        frames: [t][z], in the order of ``cine.array`` (T, Z, Y, X).
    """

    suffix: str = ".nii.gz"
    frames: tuple[tuple[FrameReference, ...], ...] = ()
