"""Files in and out: the only room that knows a file format.

Reading and writing libraries are imported on first use, so that importing this room stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from septum.io.dicom.finding import holds_dicom, is_dicom
from septum.io.dicom.header import DicomHeader, FrameReference
from septum.io.folders import Found, find_images
from septum.io.names import IMAGE_SUFFIXES, case_name, image_suffix, is_mask_name
from septum.io.reading import content_sha256, looks_like_mask, read_mask, read_study
from septum.io.writing import mask_suffix, staged_mask, write_image, write_mask

if TYPE_CHECKING:
    from septum.io.dicom.reading import dicom_contents, read_dicom_study

__all__ = [
    "IMAGE_SUFFIXES",
    "DicomHeader",
    "Found",
    "FrameReference",
    "case_name",
    "content_sha256",
    "dicom_contents",
    "find_images",
    "holds_dicom",
    "image_suffix",
    "is_dicom",
    "is_mask_name",
    "looks_like_mask",
    "mask_suffix",
    "read_dicom_study",
    "read_mask",
    "read_study",
    "staged_mask",
    "write_image",
    "write_mask",
]


def __getattr__(name: str) -> Any:
    """What needs pydicom is loaded when it is first used (PEP 562)."""
    if name in ("dicom_contents", "read_dicom_study"):
        from septum.io.dicom import reading  # noqa: PLC0415

        return getattr(reading, name)
    raise AttributeError(f"module 'septum.io' has no attribute {name!r}")
