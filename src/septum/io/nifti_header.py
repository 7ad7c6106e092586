"""The headers of NIfTI-1 and NIfTI-2: their fields, and those that Septum writes, which hold no text.

Source: Cox et al., "A (sort of) new image data format standard: NIfTI-1", 2004, and the NIfTI-2 update of
2011, https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import Cine

_NIFTI_1 = (
    "sizeof_hdr:i4 data_type:S10 db_name:S18 extents:i4 session_error:i2 regular:S1 dim_info:u1 dim:8i2 "
    "intent_p1:f4 intent_p2:f4 intent_p3:f4 intent_code:i2 datatype:i2 bitpix:i2 slice_start:i2 pixdim:8f4 "
    "vox_offset:f4 scl_slope:f4 scl_inter:f4 slice_end:i2 slice_code:u1 xyzt_units:u1 cal_max:f4 cal_min:f4 "
    "slice_duration:f4 toffset:f4 glmax:i4 glmin:i4 descrip:S80 aux_file:S24 qform_code:i2 sform_code:i2 "
    "quatern_b:f4 quatern_c:f4 quatern_d:f4 qoffset_x:f4 qoffset_y:f4 qoffset_z:f4 srow_x:4f4 srow_y:4f4 "
    "srow_z:4f4 intent_name:S16 magic:S4"
)
_NIFTI_2 = (
    "sizeof_hdr:i4 magic:S4 eol_check:S4 datatype:i2 bitpix:i2 dim:8i8 intent_p1:f8 intent_p2:f8 "
    "intent_p3:f8 pixdim:8f8 vox_offset:i8 scl_slope:f8 scl_inter:f8 cal_max:f8 cal_min:f8 "
    "slice_duration:f8 toffset:f8 slice_start:i8 slice_end:i8 descrip:S80 aux_file:S24 qform_code:i4 "
    "sform_code:i4 quatern_b:f8 quatern_c:f8 quatern_d:f8 qoffset_x:f8 qoffset_y:f8 qoffset_z:f8 "
    "srow_x:4f8 srow_y:4f8 srow_z:4f8 slice_code:i4 xyzt_units:i4 intent_code:i4 intent_name:S16 "
    "dim_info:u1 unused_str:S15"
)
#: What the last four bytes of ``magic`` and, of NIfTI-2, ``eol_check`` hold.
_MAGIC = {348: b"n+1\0", 540: b"n+2\0"}
_EOL_CHECK = b"\r\n\x1a\n"

#: Code of ``datatype`` to a type of real numbers. Others are colours or complex, or not to be had here.
REAL_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip

_GRID_FIELDS = (
    "xyzt_units",
    "qform_code",
    "sform_code",
    *(f"quatern_{letter}" for letter in "bcd"),
    *(f"qoffset_{letter}" for letter in "xyz"),
    *(f"srow_{letter}" for letter in "xyz"),
)
_MM_AND_SECONDS = 2 | 8
_NO_EXTENSIONS = bytes(4)
#: By how much the squares of b, c and d may exceed 1 through rounding.
_QUATERNION_TOLERANCE = 3 * float(np.finfo(np.float32).eps)


def _dtype(fields: str) -> np.dtype[Any]:
    def field(text: str) -> tuple[Any, ...]:
        name, kind = text.split(":")
        many = kind[0].isdigit()
        return (name, kind[1:], (int(kind[0]),)) if many else (name, kind)

    return np.dtype([field(text) for text in fields.split()])


#: Size of a header in bytes to its fields, little-endian.
FIELDS = {dtype.itemsize: dtype for dtype in (_dtype(_NIFTI_1), _dtype(_NIFTI_2))}


def parse_header(block: bytes) -> NDArray[np.void] | None:
    """The fields of the header at the start of a file, or ``None`` if it is none.

    Args:
        block: at least 540 bytes, or all there are.
    """
    for order in ("<", ">"):
        size = int(np.frombuffer(block[:4], f"{order}i4")[0]) if len(block) >= 4 else 0
        if size in FIELDS and len(block) >= size:
            header = np.frombuffer(block[:size], FIELDS[size].newbyteorder(order)).reshape(())
            if header["magic"].item()[:2] in (b"n+", b"ni"):
                return header
    return None


def rotation_of(header: NDArray[np.void]) -> NDArray[np.float64] | None:
    """Rotation matrix of the quaternion in ``qform``; ``None`` if it is longer than a unit quaternion."""
    b, c, d = (float(header[f"quatern_{letter}"]) for letter in "bcd")
    rest = 1.0 - (b * b + c * c + d * d)
    if not rest >= -_QUATERNION_TOLERANCE:  # not a number, too
        return None
    a = max(rest, 0.0) ** 0.5
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def mask_header(image: NDArray[np.void], shape: Sequence[int], spacing: Sequence[float]) -> bytes:
    """All bytes before the voxels of a uint8 mask in the grid of ``image``.

    Args:
        image: header of the image, as of :func:`parse_header`.
        shape: the image's own axes.
        spacing: true spacing along (X, Y, Z) in the unit of ``image``; ``pixdim`` is set to it whatever the
            affine is scaled to.
    """
    header = _new_header(int(image["sizeof_hdr"]), shape, np.dtype(np.uint8))
    unusable = _unusable_fields(image)
    for name in _GRID_FIELDS:
        if name not in unusable:
            header[name] = image[name]
    header["pixdim"] = np.nan_to_num(image["pixdim"], posinf=0.0, neginf=0.0)
    header["pixdim"][0] = -1.0 if image["pixdim"][0] < 0 else 1.0
    header["pixdim"][1:4] = spacing
    return header.tobytes() + _NO_EXTENSIONS


def _unusable_fields(image: NDArray[np.void]) -> tuple[str, ...]:
    """Fields of a quaternion longer than 1, or of what is no number: other programs refuse them."""
    turn, offsets, rows = _GRID_FIELDS[3:6], _GRID_FIELDS[6:9], _GRID_FIELDS[9:]
    unusable: tuple[str, ...] = ()
    if rotation_of(image) is None or not all(np.isfinite(image[name]) for name in offsets):
        unusable += ("qform_code", *turn, *offsets)
    if not all(np.isfinite(image[name]).all() for name in rows):
        unusable += ("sform_code", *rows)
    return unusable


def image_header(cine: Cine) -> bytes:
    """All bytes before the voxels of a NIfTI-1 image with the grid, times and data type of ``cine``.

    One frame makes a 3-D file, more make a 4-D one. ``sform`` and ``qform`` both hold the geometry.
    """
    geometry = cine.geometry
    frames = (len(cine),) if len(cine) > 1 else ()
    directions = np.asarray(geometry.direction)[:, ::-1] * [[-1.0], [-1.0], [1.0]]  # LPS to RAS
    origin = np.asarray(geometry.origin_mm) * [-1.0, -1.0, 1.0]
    spacing = geometry.spacing_mm[::-1]
    header = _new_header(348, (*reversed(geometry.shape), *frames), cine.array.dtype)
    header["qform_code"] = header["sform_code"] = 1
    handed = 1.0 if np.linalg.det(directions) > 0 else -1.0
    quaternion = _quaternion(directions * [1.0, 1.0, handed])
    for letter, value in zip("bcd", quaternion[1:], strict=True):
        header[f"quatern_{letter}"] = value
    for letter, row, value in zip("xyz", directions * spacing, origin, strict=True):
        header[f"qoffset_{letter}"] = value
        header[f"srow_{letter}"] = (*row, value)
    header["pixdim"][:4] = (handed, *spacing)
    if frames:
        header["pixdim"][4] = (cine.frame_interval_ms or 0.0) / 1000.0
    header["xyzt_units"] = _MM_AND_SECONDS
    return header.tobytes() + _NO_EXTENSIONS


def _new_header(size: int, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[np.void]:
    header = np.zeros((), FIELDS[size].newbyteorder("<"))
    header["sizeof_hdr"], header["magic"] = size, _MAGIC[size]
    if size == 540:
        header["eol_check"] = _EOL_CHECK
    header["dim"] = 1
    header["dim"][: len(shape) + 1] = (len(shape), *shape)
    header["datatype"] = next(
        code for code, name in REAL_TYPES.items() if np.dtype(name) == dtype.newbyteorder("=")
    )
    header["bitpix"] = 8 * dtype.itemsize
    header["pixdim"] = 1.0
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    header["vox_offset"] = size + len(_NO_EXTENSIONS)
    return header


def _quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit quaternion (a, b, c, d), a not negative, of the rotation nearest to a matrix.

    Source: Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix", Journal of
    Guidance, Control and Dynamics 23(6), 2000.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    largest = np.linalg.eigh(matrix)[1][:, -1]
    return np.asarray(largest * (-1.0 if largest[0] < 0 else 1.0))
