"""From what a header says about its grid to a ``Geometry``: spacing settled, directions made orthonormal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import Geometry, InputError, Level, Note
from septum.core.errors import Remedy
from septum.core.geometry import IDENTITY_DIRECTION, mm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core.geometry import Triple

#: Relative difference between two statements of a spacing that counts as disagreement.
SPACING_TOLERANCE = 0.01
#: Least determinant of three unit vectors that still span space.
LEAST_DETERMINANT = 1e-3
#: Angle by which two axes may miss a right angle without a word, in degrees.
SHEAR_TOLERANCE_DEGREES = 1.0

#: Times between frames that can belong to a cine, in ms: only they are believed without a unit.
LIKELY_FRAME_INTERVAL_MS = (5.0, 200.0)

ORIENTATION_MISSING = Note(
    "orientation_missing",
    "The header gives no usable orientation: axes were taken as they stand.",
    Level.WARNING,
)


def settle_spacing(
    path: Path, stated_mm: Sequence[float], asked_mm: Sequence[float] | None, slices: int
) -> tuple[Triple, list[Note]]:
    """Settle the spacing (Z, Y, X) in mm: the user's, otherwise the header's; and what to note of it.

    A single slice without a thickness is taken to be 1 mm thick.

    Args:
        path: of the image, for messages.
        stated_mm: spacing (Z, Y, X) of the header, in mm.
        asked_mm: the user's spacing (Z, Y, X) in mm, or ``None``.
        slices: number of slices.

    Raises:
        InputError: it is not three positive numbers.
    """
    notes: list[Note] = []
    if slices == 1 and not (np.isfinite(stated_mm[0]) and stated_mm[0] > 0):
        stated_mm = (1.0, *stated_mm[1:])
        notes.append(
            Note(
                "thickness_missing",
                "The slice has no thickness in its header: 1 mm was taken, so volumes are per mm.",
                Level.WARNING,
            )
        )
    if asked_mm is None:
        return _positive(f"{path} states a spacing", stated_mm), notes
    asked = _positive(f"the spacing given for {path} is", asked_mm)
    if np.allclose(asked, stated_mm, rtol=SPACING_TOLERANCE):
        return asked, []
    text = f"The spacing is {mm(asked)} as asked for; the header states {mm(stated_mm)}."
    return asked, [Note("spacing_given", text)]


def orthonormal(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, list[Note]]:
    """The orthogonal unit vectors nearest to the columns of a 3 x 3 matrix, and notes.

    Right- or left-handedness is kept. ``None`` if the columns do not span space.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and refused as such
        lengths = np.linalg.norm(matrix, axis=0)
    if not np.isfinite(lengths).all() or not lengths.all():
        return None, []
    units: NDArray[np.float64] = matrix / lengths
    if abs(np.linalg.det(units)) < LEAST_DETERMINANT:
        return None, []
    left, _, right = np.linalg.svd(units)
    sine = np.abs(units.T @ units - np.eye(3)).max()
    notes = []
    if sine > np.sin(np.deg2rad(SHEAR_TOLERANCE_DEGREES)):
        degrees = np.rad2deg(np.arcsin(min(sine, 1.0)))
        text = (
            f"The header's axes are {degrees:.2g} degrees from a right angle: the nearest right-angled axes "
            "were taken."
        )
        notes.append(Note("axes_not_right_angled", text, Level.WARNING))
    return left @ right, notes


def build_geometry(
    shape: tuple[int, int, int],
    spacing_mm: Triple,
    directions: NDArray[np.float64] | None,
    origin_mm: Iterable[float],
    to_lps: Sequence[float],
) -> Geometry:
    """Geometry of a grid whose file axes run along ``directions``.

    Args:
        shape: (Z, Y, X).
        spacing_mm: (Z, Y, X).
        directions: 3 x 3; column *a* is the unit vector, in the file's patient axes, of the file's axis *a*
            of (X, Y, Z). ``None`` stands for no orientation: array axes along the patient's.
        origin_mm: position of the first voxel in the file's patient axes.
        to_lps: sign of each of the file's patient axes when turned into LPS.
    """
    origin = np.nan_to_num(np.asarray(list(origin_mm), float), posinf=0.0, neginf=0.0)
    x, y, z = (float(v) for v in origin * to_lps)
    if directions is None:
        return Geometry(shape, spacing_mm, (x, y, z), IDENTITY_DIRECTION)
    rows = np.asarray(to_lps)[:, None] * directions[:, ::-1]
    first, second, third = ((float(a), float(b), float(c)) for a, b, c in rows)
    return Geometry(shape, spacing_mm, (x, y, z), (first, second, third))


def frame_interval_ms(value: float, unit_ms: float | None) -> float | None:
    """Time between frames in ms; without a unit, seconds or ms if one of them is likely, else ``None``."""
    if not np.isfinite(value) or value <= 0:
        return None
    if unit_ms is not None:
        return value * unit_ms if np.isfinite(value * unit_ms) else None
    low, high = LIKELY_FRAME_INTERVAL_MS
    return next((value * unit for unit in (1.0, 1000.0) if low <= value * unit <= high), None)


def _positive(what: str, values_mm: Sequence[float]) -> Triple:
    values = [float(value) for value in values_mm]
    if len(values) != 3 or not all(np.isfinite(value) and value > 0 for value in values):
        raise InputError(
            f"{what} of {mm(values)}: expected three positive numbers; give the true spacing.",
            remedy=Remedy.SPACING,
        )
    z, y, x = values
    return (z, y, x)
