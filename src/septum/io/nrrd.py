"""NRRD with pynrrd: images in every encoding, attached or spread over files, and the headers of masks.

The header of a mask holds the grid, and no free text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import nrrd
import numpy as np
from nrrd.errors import NRRDError

from septum.core import Cine, InputError, Level, Note
from septum.io.grid import ORIENTATION_MISSING, build_geometry, frame_interval_ms, orthonormal, settle_spacing
from septum.io.native import Layout, NativeHeader, Reading
from septum.io.nrrd_voxels import parse_fields, read_voxels, voxel_paths_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core.geometry import Triple

_TO_LPS = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}
_MM_OF_UNIT = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}
_MS_OF_UNIT = {"s": 1000.0, "sec": 1000.0, "ms": 1.0, "msec": 1.0, "us": 0.001}
#: Words of the format's own vocabulary that may be copied; anything else in their place could be a name.
_SPACES = (
    *("right-anterior-superior", "left-anterior-superior", "left-posterior-superior"),
    *("scanner-xyz", "3d-right-handed", "3d-left-handed", "ras", "las", "lps"),
)
_KINDS = ("domain", "space", "time", "list", "vector", "scalar", "stub", "none")
_CENTERINGS = ("cell", "node", "none")
_UNITS = ("mm", "millimeter", "cm", "m", "um", "s", "sec", "ms", "msec", "us")
_FRAME_KINDS = ("time", "list", "vector", "scalar", "stub", "none")
_SPACE_KINDS = ("domain", "space", "???")
#: ``vector`` is also how colours are written; a cine has more frames than a colour has channels.
_MOST_CHANNELS = 4
#: What pynrrd raises on a header or on voxels that are not as the format wants them.
_DAMAGED = (NRRDError, KeyError, IndexError, StopIteration)


def read_nrrd(path: Path, spacing_mm: Triple | None) -> Reading:
    """Read one NRRD file on its own grid.

    Args:
        path: the file, or the header of a detached one.
        spacing_mm: (Z, Y, X), instead of the header's.

    Raises:
        InputError: the header or the voxels cannot be used.
        OSError, EOFError, zlib.error, ValueError: the file cannot be read to its end.
    """
    try:
        with path.open("rb") as stream:
            header, files = _parse_header(path, stream)
            ndim = int(header["dimension"])
            rows = _directions(header, ndim)
            layout = Layout.checked(path, header["sizes"], _frame_axes(path, header, rows))
            raw = read_voxels(files, header, stream, layout)
    except _DAMAGED as error:
        raise _damaged(path) from error
    with np.errstate(over="ignore"):  # what overflows is infinite, and reported as such
        array = np.ascontiguousarray(layout.to_cine(raw), np.float32)
    return _assembled(path, header, layout, rows, array, spacing_mm)


def nrrd_files(path: Path) -> tuple[Path, ...]:
    """The file itself, or a detached header and then the files with its voxels.

    Raises:
        InputError: it has no NRRD header.
        OSError, ValueError: the header cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return _parse_header(path, stream)[1]
    except _DAMAGED as error:
        raise _damaged(path) from error


def _parse_header(path: Path, stream: BinaryIO) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """The fields, and the files as of :func:`voxel_paths_of`."""
    if stream.read(4) != b"NRRD":
        raise InputError(
            f"{path} is not a NRRD file: expected it to begin with NRRD, and it does not; "
            "export the study again, or give the file its true ending."
        )
    stream.seek(0)
    header, listed = parse_fields(stream)
    return header, voxel_paths_of(path, header, listed)


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path} is a damaged NRRD file: expected a whole header and as many voxels as it promises, and "
        "found otherwise; copy or export the file again."
    )


def _assembled(
    path: Path,
    header: dict[str, Any],
    layout: Layout,
    rows: NDArray[np.float64] | None,
    array: NDArray[np.float32],
    asked_mm: Triple | None,
) -> Reading:
    space_axes = list(layout.space_axes)
    unit_mm = _MM_OF_UNIT.get(next(iter(header.get("space units", [])), "mm"), 1.0)
    if rows is not None:
        sizes = np.linalg.norm(rows[space_axes, :3], axis=1) * unit_mm
    else:
        sizes = np.asarray(header.get("spacings", np.full(len(layout.shape), np.nan)), float)[space_axes]
    stated = [float(size) for size in reversed(sizes)]
    if len(stated) == 2:
        stated.insert(0, np.nan)
    spacing, notes = settle_spacing(path, stated, asked_mm, slices=layout.grid[0])
    if asked_mm is not None:
        header, rows = _with_spacing(header, layout, rows, spacing, unit_mm)
    directions, sheared = (None, []) if rows is None else orthonormal(_with_normal(rows[space_axes, :3]).T)
    space = space_name(header)
    if directions is None:
        notes.append(ORIENTATION_MISSING)
    elif space not in _TO_LPS:
        text = "The header names no patient axes: left, posterior, superior was taken."
        notes.append(Note("patient_axes_missing", text, Level.WARNING))
    to_lps = _TO_LPS.get(space, _TO_LPS["lps"])
    origin = np.zeros(3) if directions is None else _origin_mm(header, unit_mm)
    geometry = build_geometry(layout.grid, spacing, directions, origin, to_lps)
    times_ms = _frame_times_ms(header, layout)
    interval_ms = _interval_ms(header, layout, rows) if times_ms is None else _mean_step(times_ms)
    return Reading(
        Cine(array, geometry, interval_ms, times_ms),
        NativeHeader(".nrrd", layout, mask_header(header, layout.shape, rows)),
        (*notes, *sheared),
    )


def _with_spacing(
    header: dict[str, Any],
    layout: Layout,
    rows: NDArray[np.float64] | None,
    spacing_mm: Triple,
    unit_mm: float,
) -> tuple[dict[str, Any], NDArray[np.float64] | None]:
    """The same header and directions with another spacing of the axes in space."""
    spacings = np.array(header.get("spacings", np.full(len(layout.shape), np.nan)), float)
    axes = list(layout.space_axes)
    spacings[axes] = spacing_mm[::-1][: len(axes)]
    if rows is not None:
        rows = rows.copy()
        lengths = np.linalg.norm(rows[axes], axis=1)
        rows[axes] *= np.divide(spacings[axes] / unit_mm, lengths, where=lengths > 0, out=lengths)[:, None]
    return {**header, "spacings": spacings}, rows


def _origin_mm(header: dict[str, Any], unit_mm: float) -> NDArray[np.float64]:
    origin = np.asarray(header.get("space origin", np.zeros(3)), float)[:3] * unit_mm
    return np.pad(origin, (0, 3 - len(origin)))


def _directions(header: dict[str, Any], ndim: int) -> NDArray[np.float64] | None:
    """``space directions``, one row a file axis (NaN where the axis is not in space), if they are given."""
    if "space directions" not in header:
        return None
    rows = np.asarray(header["space directions"], float)
    return rows if rows.ndim == 2 and len(rows) == ndim else None


def _frame_axes(path: Path, header: dict[str, Any], rows: NDArray[np.float64] | None) -> list[int]:
    """The file's axes that are not space: by directions, by kinds, or else those after the third."""
    ndim = int(header["dimension"])
    kinds = [kind.lower() for kind in header.get("kinds", ["???"] * ndim)]
    for kind, size in zip(kinds, header["sizes"], strict=False):  # a kind that is not known may be a name
        known = kind in _FRAME_KINDS or kind in _SPACE_KINDS
        if not known or (kind == "vector" and size <= _MOST_CHANNELS):
            raise InputError(
                f"{path} does not hold grey values: expected one real number a voxel, and found an axis of "
                f"{size} values that is neither space nor time; export the magnitude image."
            )
    if rows is not None:
        outside = np.isnan(rows).all(axis=1)
        if rows.shape[1] > 3:
            outside |= ~rows[:, :3].any(axis=1) & rows[:, 3:].any(axis=1)
        if outside.any() or ndim <= 3:
            return [int(a) for a in np.flatnonzero(outside)]
    named = [a for a, kind in enumerate(kinds) if kind in _FRAME_KINDS]
    return named or list(range(3, ndim))


def _with_normal(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three rows in three dimensions: a slice without a third, or with one of zeros, gets its normal."""
    steps = np.pad(steps, ((0, 0), (0, 3 - steps.shape[1])))
    return steps if steps[2:].any() else np.vstack([steps[:2], np.cross(*steps[:2])])


def _interval_ms(header: dict[str, Any], layout: Layout, rows: NDArray[np.float64] | None) -> float | None:
    axis = layout.time_axis
    if axis is None:
        return None
    unit = str(dict(enumerate(header.get("units", []))).get(axis, ""))
    if rows is not None and rows.shape[1] > 3:
        step = float(rows[axis, 3])
    else:
        step = float(dict(enumerate(header.get("spacings", []))).get(axis, np.nan))
    return frame_interval_ms(step, _MS_OF_UNIT.get(unit))


def _frame_times_ms(header: dict[str, Any], layout: Layout) -> tuple[float, ...] | None:
    """Time of each frame in ms, where 3D Slicer has written it: as a sequence, or as a MultiVolume.

    Times that do not rise, or that cannot belong to a cine, are not taken.
    Source: Slicer's developer guide, "Volume sequence file format (.seq.nrrd)".
    """
    axis = layout.time_axis
    if axis is None or layout.shape[axis] < 2:
        return None
    if (
        header.get(f"axis {axis} index type", "numeric") == "numeric"
        and f"axis {axis} index values" in header
    ):
        unit = dict(enumerate(header.get("units", []))).get(axis) or header.get(f"axis {axis} index unit", "")
        words = str(header[f"axis {axis} index values"]).split()
    elif "time" in str(header.get("MultiVolume.FrameIdentifyingDICOMTagName", "")).lower():
        unit = header.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "")
        words = str(header.get("MultiVolume.FrameLabels", "")).split(",")
    else:
        return None
    try:
        times = [float(word) for word in words]
    except ValueError:
        return None
    if len(times) != layout.shape[axis] or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        return None
    step = _mean_step(times)
    step_ms = frame_interval_ms(step, _MS_OF_UNIT.get(str(unit)))
    if step_ms is None:
        return None
    times_ms = tuple(float(round(time * (step_ms / step), 6)) for time in times)
    return times_ms if np.isfinite(times_ms).all() else None


def _mean_step(times: Sequence[float]) -> float:
    return (times[-1] - times[0]) / (len(times) - 1)


def mask_header(image: dict[str, Any], shape: Sequence[int], rows: NDArray[np.float64] | None) -> bytes:
    """All bytes before the voxels of a gzip-encoded uint8 mask in the grid of ``image``.

    Args:
        image: the image's fields as pynrrd parses them.
        shape: its own axes.
        rows: its space directions, one row a file axis, if it has any.
    """
    lines = ["NRRD0005", "type: uint8", f"dimension: {len(shape)}"]
    if rows is not None:
        known = space_name(image) in _SPACES
        lines.append(f"space: {image['space']}" if known else f"space dimension: {rows.shape[1]}")
    lines.append("sizes: " + " ".join(map(str, shape)))
    if rows is not None:
        lines.append("space directions: " + nrrd.format_optional_matrix(rows))
        if "space origin" in image:
            lines.append("space origin: " + nrrd.format_vector(np.asarray(image["space origin"], float)))
        if "space units" in image:
            lines.append("space units: " + _quoted(image["space units"]))
    elif "spacings" in image:
        lines.append("spacings: " + nrrd.format_number_list(np.asarray(image["spacings"], float)))
    for field, words in (("kinds", _KINDS), ("centerings", _CENTERINGS)):
        if field in image:
            lines.append(f"{field}: " + " ".join(w if w.lower() in words else "???" for w in image[field]))
    if "units" in image:
        lines.append("units: " + _quoted(image["units"]))
    return "\n".join([*lines, "encoding: gzip", "", ""]).encode("ascii")


def space_name(image: dict[str, Any]) -> str:
    """Name of the patient axes in lower case, without time (``LPST`` is ``lps``)."""
    return str(image.get("space", "")).lower().removesuffix("-time").removesuffix("t")


def _quoted(units: list[str]) -> str:
    return " ".join(f'"{unit if unit in _UNITS else ""}"' for unit in units)
