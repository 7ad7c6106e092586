"""Files in and out: the only room that knows a file format.

Reading and writing libraries are imported on first use, so that importing this room stays cheap.
"""

from septum.io.folders import Found, find_images
from septum.io.grid import check_heart_fits
from septum.io.names import IMAGE_SUFFIXES, case_name, image_suffix, is_mask_name
from septum.io.reading import content_sha256, looks_like_mask, read_mask, read_study
from septum.io.writing import mask_suffix, write_image, write_mask

__all__ = [
    "IMAGE_SUFFIXES",
    "Found",
    "case_name",
    "check_heart_fits",
    "content_sha256",
    "find_images",
    "image_suffix",
    "is_mask_name",
    "looks_like_mask",
    "mask_suffix",
    "read_mask",
    "read_study",
    "write_image",
    "write_mask",
]
