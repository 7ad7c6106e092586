"""NRRD headers that Septum writes: the grid, and no free text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nrrd
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Words of the format's own vocabulary that may be copied; anything else in their place could be a name.
_SPACES = (
    *("right-anterior-superior", "left-anterior-superior", "left-posterior-superior"),
    *("scanner-xyz", "3d-right-handed", "3d-left-handed", "ras", "las", "lps"),
)
_KINDS = ("domain", "space", "time", "list", "vector", "scalar", "stub", "none")
_CENTERINGS = ("cell", "node", "none")
_UNITS = ("mm", "millimeter", "cm", "m", "um", "s", "sec", "ms", "msec", "us")


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
