"""Reading NIfTI-1 and NIfTI-2, single files and ``.hdr``/``.img`` pairs.

A header is taken as it stands: a negative or zero spacing is not repaired into a plausible one.
"""

from __future__ import annotations

import gzip
import zlib
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Cine, InputError, Level, Note
from septum.core.geometry import mm
from septum.io.grid import (
    ORIENTATION_MISSING,
    SPACING_TOLERANCE,
    build_geometry,
    frame_interval_ms,
    orthonormal,
    settle_spacing,
)
from septum.io.names import HEADER_SUFFIXES, VOXEL_SUFFIXES, image_suffix, other_half
from septum.io.native import Layout, NativeHeader, Reading
from septum.io.nifti_header import FIELDS, REAL_TYPES, mask_header, parse_header, rotation_of

if TYPE_CHECKING:
    from io import BufferedIOBase
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import Geometry
    from septum.core.geometry import Triple

_COLOUR_OR_VECTOR_INTENTS = (1006, 2003, 2004)
#: Some tools write the frames of a cine as a vector; it has more frames than a vector in space or a colour
#: has components.
_VECTOR_INTENT = 1007
_MOST_COMPONENTS = 4
_MM_OF_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}
_MS_OF_UNIT = {8: 1000.0, 16: 1.0, 24: 0.001}
_RAS_TO_LPS = (-1.0, -1.0, 1.0)
#: Deflate packs at most this many bytes into one.
_MOST_DEFLATED = 1032
_CHUNK_BYTES = 2**24
#: Voxels begin within so many bytes, whatever extensions are before them: no more is unpacked to find them.
_MOST_OFFSET_BYTES = 2**26
#: A packed file may go on for so long behind its voxels; beyond that it is taken to be damaged.
_MOST_SURPLUS_BYTES = 2**20


def read_nifti(path: Path, spacing_mm: Triple | None) -> Reading:
    """Read one NIfTI file on its own grid.

    Args:
        path: the file, or either half of a pair.
        spacing_mm: (Z, Y, X), instead of the header's.

    Raises:
        InputError: the header or the voxels cannot be used.
        OSError, EOFError, zlib.error: the file cannot be read to its end.
    """
    header_path = _header_path(path)
    header = _parse_header(header_path)
    ndim = int(header["dim"][0])
    if not 1 <= ndim <= 7:
        raise InputError(
            f"{path} has a damaged header: expected 2 to 7 axes, and found {ndim}; export the study again."
        )
    layout = Layout.checked(path, header["dim"][1 : ndim + 1], range(3, ndim))
    unit_mm = _MM_OF_UNIT.get(int(header["xyzt_units"]) & 0x07, 1.0)
    stated = [float(size) * unit_mm for size in header["pixdim"][3:0:-1]]
    spacing, notes = settle_spacing(path, stated, spacing_mm, slices=layout.grid[0])
    affine_mm = _disagreeing_affine_mm(header, spacing, unit_mm)
    if affine_mm is not None:
        kept = "the header's pixdim" if spacing_mm is None else "the spacing that was given"
        text = (
            f"The affine is scaled to voxels of {mm(affine_mm)}, which disagrees with the spacing: "
            f"{kept} was kept, and of the affine only the orientation."
        )
        notes.append(Note("affine_scale_disagrees", text, Level.WARNING))
    directions, origin, doubts = _orientation(header, unit_mm)
    array = layout.to_cine(_read_voxels(path, header_path, header, layout))
    time_axis = layout.time_axis
    interval_ms = None
    if time_axis is not None:
        unit_ms = _MS_OF_UNIT.get(int(header["xyzt_units"]) & 0x38)
        interval_ms = frame_interval_ms(float(header["pixdim"][time_axis + 1]), unit_ms)
    geometry = build_geometry(layout.grid, spacing, directions, origin, _RAS_TO_LPS)
    mask = mask_header(header, layout.shape, [size / unit_mm for size in reversed(spacing)])
    return Reading(
        Cine(array, geometry, interval_ms),
        NativeHeader(".nii.gz", layout, mask, affine_mm),
        (*notes, *doubts),
    )


def single_slice_grid(path: Path) -> tuple[int, Geometry] | None:
    """Read number of frames and grid of a file with one slice, from its header alone; ``None`` for others."""
    if image_suffix(path) not in (".nii", ".nii.gz"):
        return None
    try:
        with _open(path) as stream:
            header = parse_header(stream.read(max(FIELDS)))
    except (OSError, EOFError, zlib.error):
        return None
    if header is None or not 3 <= int(header["dim"][0]) <= 4 or int(header["dim"][3]) != 1:
        return None
    x, y, frames = (int(header["dim"][axis]) for axis in (1, 2, 4))
    unit_mm = _MM_OF_UNIT.get(int(header["xyzt_units"]) & 0x07, 1.0)
    directions, origin, _ = _orientation(header, unit_mm)
    spacing = [float(size) * unit_mm for size in header["pixdim"][3:0:-1]]
    if directions is None or min(x, y) < 2 or not all(np.isfinite(v) and v > 0 for v in spacing):
        return None
    z_mm, y_mm, x_mm = spacing
    frames = frames if int(header["dim"][0]) == 4 else 1
    return frames, build_geometry((1, y, x), (z_mm, y_mm, x_mm), directions, origin, _RAS_TO_LPS)


def nifti_files(path: Path) -> tuple[Path, ...]:
    """The file itself, or both halves of a pair, header first.

    Raises:
        InputError: it does not begin with a NIfTI header.
        OSError, EOFError, zlib.error: the header cannot be read.
    """
    header_path = _header_path(path)
    voxel_path = _voxel_path(header_path, _parse_header(header_path))
    return (header_path,) if voxel_path == header_path else (header_path, voxel_path)


def _header_path(path: Path) -> Path:
    return other_half(path) if image_suffix(path) in VOXEL_SUFFIXES else path


def _is_pair(header_path: Path, header: Any) -> bool:
    return header["magic"].item()[:2] == b"ni" and image_suffix(header_path) in HEADER_SUFFIXES


def _voxel_path(header_path: Path, header: Any) -> Path:
    return other_half(header_path) if _is_pair(header_path, header) else header_path


def _parse_header(path: Path) -> Any:
    with _open(path) as stream:
        block = stream.read(max(FIELDS))
    header = parse_header(block)
    if header is not None:
        return header
    kind = "an empty file" if not block else "other content"
    raise InputError(
        f"{path} is not a NIfTI file: expected a NIfTI header, and found {kind}; "
        "export the study again, or give the file its true ending."
    )


def _read_voxels(path: Path, header_path: Path, header: Any, layout: Layout) -> NDArray[np.float32]:
    """Voxel values as float32, with the file's own axes."""
    dtype = _real_dtype(path, header, layout)
    voxel_path = _voxel_path(header_path, header)
    least = 0 if _is_pair(header_path, header) else int(header["sizeof_hdr"]) + 4
    offset = max(int(header["vox_offset"]), least)
    count = prod(layout.shape) * dtype.itemsize
    held = voxel_path.stat().st_size * (_MOST_DEFLATED if _is_gzip(voxel_path) else 1)
    if held < count + offset:
        raise InputError(_cut_short(voxel_path, count, f"at most {max(0, held - offset):,}"))
    if offset > _MOST_OFFSET_BYTES and _is_gzip(voxel_path):
        raise InputError(
            f"{path} has a damaged header: expected voxels that begin within {_MOST_OFFSET_BYTES:,} bytes, "
            f"and it says {offset:,}; copy or export the file again."
        )
    with _open(voxel_path) as stream:
        stream.seek(offset)
        buffer = bytearray(count)
        filled = _fill(stream, buffer)
        if isinstance(stream, gzip.GzipFile):
            _read_to_end(voxel_path, stream)
    if filled < count:
        raise InputError(_cut_short(voxel_path, count, f"{filled:,}"))
    raw = np.frombuffer(buffer, dtype).reshape(layout.shape, order="F")
    return _scaled(path, raw, header)


def _real_dtype(path: Path, header: Any, layout: Layout) -> np.dtype[Any]:
    code, intent = int(header["datatype"]), int(header["intent_code"])
    is_vector = intent in _COLOUR_OR_VECTOR_INTENTS or (
        intent == _VECTOR_INTENT and 1 < prod(layout.shape[3:]) <= _MOST_COMPONENTS
    )
    if code not in REAL_TYPES or is_vector:
        raise InputError(
            f"{path} does not hold grey values: expected one real number a voxel, and found colours, "
            f"vectors, complex or unknown values (data type {code}); export the magnitude image."
        )
    return np.dtype(REAL_TYPES[code]).newbyteorder(header.dtype["dim"].base.byteorder)


def _scaled(path: Path, raw: NDArray[Any], header: Any) -> NDArray[np.float32]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    scales = np.isfinite(slope) and slope != 0  # else the standard has the values as they stand
    if scales and not np.isfinite(intercept):
        raise InputError(
            f"{path} has a damaged header: expected a finite scl_inter, and found {intercept}; "
            "export the study again."
        )
    with np.errstate(over="ignore"):  # what overflows is infinite, and reported as such
        values = raw.astype(np.float32, copy=False)
        if scales and (slope, intercept) != (1.0, 0.0):
            values *= slope
            values += intercept
    return values


def _sform(header: Any, unit_mm: float) -> NDArray[np.float64]:
    """The upper three rows of the affine, in mm."""
    return np.array([header[f"srow_{axis}"] for axis in "xyz"], float) * unit_mm


def _disagreeing_affine_mm(header: Any, spacing_mm: Triple, unit_mm: float) -> Triple | None:
    """Give the spacing (Z, Y, X) of a usable affine in mm, if that is not the spacing taken.

    Args:
        header: of the file.
        spacing_mm: (Z, Y, X) that was taken, in mm.
        unit_mm: length of the header's unit, in mm.
    """
    columns = _sform(header, unit_mm)[:, :3]
    if header["sform_code"] <= 0 or orthonormal(columns)[0] is None:
        return None
    x, y, z = (float(length) for length in np.linalg.norm(columns, axis=0))
    return None if np.allclose((z, y, x), spacing_mm, rtol=SPACING_TOLERANCE) else (z, y, x)


def _orientation(
    header: Any, unit_mm: float
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64], list[Note]]:
    """Orthonormal directions of the file's axes in RAS (or ``None``), origin in mm, and notes."""
    if header["sform_code"] > 0:
        rows = _sform(header, unit_mm)
        directions, notes = orthonormal(rows[:, :3])
        if directions is not None:
            return directions, rows[:, 3], notes
    offset = np.array([header[f"qoffset_{axis}"] for axis in "xyz"], float) * unit_mm
    if header["qform_code"] > 0:
        rotation = rotation_of(header)
        if rotation is None:
            rotation = np.zeros((3, 3))
        rotation[:, 2] *= -1.0 if header["pixdim"][0] < 0 else 1.0
        directions, notes = orthonormal(rotation)
        if directions is not None:
            return directions, offset, notes
    return None, np.zeros(3), [ORIENTATION_MISSING]


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _open(path: Path) -> BufferedIOBase:
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")


def _fill(stream: BufferedIOBase, buffer: bytearray) -> int:
    """Read into ``buffer`` until it is full or the stream ends; the number of bytes read."""
    filled = 0
    while part := stream.read(min(_CHUNK_BYTES, len(buffer) - filled)):
        buffer[filled : filled + len(part)] = part
        filled += len(part)
    return filled


def _read_to_end(path: Path, stream: gzip.GzipFile) -> None:
    """Read what follows the voxels: only at the end of a gzip stream is its checksum compared."""
    surplus = 0
    while part := stream.read(_MOST_SURPLUS_BYTES):
        surplus += len(part)
        if surplus > _MOST_SURPLUS_BYTES:
            raise InputError(
                f"{path} is damaged: expected it to end with the voxels that its header promises, and found "
                f"over {_MOST_SURPLUS_BYTES:,} bytes more; copy or export the file again."
            )


def _cut_short(path: Path, promised: int, held: str) -> str:
    return (
        f"{path} is cut short: expected {promised:,} bytes of voxels as its header says, and found {held}; "
        "copy or export the file again."
    )
