"""NIfTI headers that Septum writes: numbers of the grid, and no text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.nifti1 import Nifti1Header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import Cine

_GRID_FIELDS = (
    "xyzt_units",
    "qform_code",
    "sform_code",
    *(f"quatern_{letter}" for letter in "bcd"),
    *(f"qoffset_{letter}" for letter in "xyz"),
    *(f"srow_{letter}" for letter in "xyz"),
)
_NO_EXTENSIONS = bytes(4)
_NIFTI_1: Any = Nifti1Header


def mask_header(image: Any, shape: Sequence[int], spacing: Sequence[float]) -> bytes:
    """All bytes before the voxels of a uint8 mask in the grid of ``image``.

    Args:
        image: header of the image, a nibabel NIfTI-1 or NIfTI-2 header.
        shape: the image's own axes.
        spacing: true spacing along (X, Y, Z) in the unit of ``image``; ``pixdim`` is set to it whatever the
            affine is scaled to.
    """
    header = type(image)(endianness="<")
    header.set_data_shape(shape)
    header.set_data_dtype(np.uint8)
    for name in _GRID_FIELDS:
        header[name] = image[name]
    header["pixdim"] = np.nan_to_num(image["pixdim"], posinf=0.0, neginf=0.0)
    header["pixdim"][0] = -1.0 if image["pixdim"][0] < 0 else 1.0
    header["pixdim"][1:4] = spacing
    return _finished(header)


def image_header(cine: Cine) -> bytes:
    """All bytes before the voxels of a NIfTI-1 image with the grid, times and data type of ``cine``.

    One frame makes a 3-D file, more make a 4-D one. ``sform`` and ``qform`` both hold the geometry.
    """
    geometry = cine.geometry
    frames = (len(cine),) if len(cine) > 1 else ()
    affine = np.eye(4)
    columns = np.asarray(geometry.direction) * np.asarray(geometry.spacing_mm)
    affine[:3, :3] = columns[:, ::-1]
    affine[:3, 3] = geometry.origin_mm
    affine[:2] *= -1.0  # LPS to RAS
    header = _NIFTI_1(endianness="<")
    header.set_data_shape((*reversed(geometry.shape), *frames))
    header.set_data_dtype(cine.array.dtype)
    header.set_qform(affine, code=1)
    header.set_sform(affine, code=1)
    header["pixdim"][1:4] = geometry.spacing_mm[::-1]
    if frames:
        header["pixdim"][4] = (cine.frame_interval_ms or 0.0) / 1000.0
    header.set_xyzt_units("mm", "sec")
    return _finished(header)


def _finished(header: Any) -> bytes:
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    header["vox_offset"] = len(header.binaryblock) + len(_NO_EXTENSIONS)
    return bytes(header.binaryblock) + _NO_EXTENSIONS
