"""Where the right ventricle inserts, and the AHA segment of a direction.

Source: Cerqueira MD et al. Standardized myocardial segmentation and nomenclature for tomographic imaging of
the heart. Circulation 2002; 105:539-542, doi 10.1161/hc0402.102975.

Directions are angles in radians about the LV's centre, in mm in plane, from array axis X towards axis Y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core import Geometry
    from septum.indices.slices import Ring

    Floats = NDArray[np.float64]

SEGMENTS = 17
#: Segments by level (basal, mid, apical) from the middle of the septum on, towards the anterior wall. Basal
#: and mid segments have borders there, the apical septal one has its middle there.
_AROUND = ((2, 1, 6, 5, 4, 3), (8, 7, 12, 11, 10, 9), (14, 13, 16, 15))
#: The septum takes at least and at most so much of the circumference; other contact is none of a septum.
_SEPTUM_RADIANS = (np.radians(30.0), np.radians(240.0))
#: Patient direction (LPS) from the apex to the base of a heart in its usual place: to the right, back, up.
_APEX_TO_BASE = (-1.0, 1.0, 1.0)
#: An axis this near to one of the patient's runs along it.
_ALONG = np.cos(np.radians(1.0))


@dataclass(frozen=True)
class Insertions:
    """The two places of a slice where the RV cavity's contact with the LV wall ends.

    Attributes:
        anterior_voxel, inferior_voxel: index (Y, X) of the outermost voxel of the LV wall there.
        anterior, inferior: their directions.
        septum: direction of the middle between them, on the RV's side.
    """

    anterior_voxel: tuple[int, int]
    inferior_voxel: tuple[int, int]
    anterior: float
    inferior: float
    septum: float


def anterior_turn(geometry: Geometry) -> int:
    """1 if the anterior wall is a turn from X towards Y away from the septum, as displayed, -1 if it is not.

    Seen from the apex, the anterior wall lies clockwise of the septum. Which side of the slices the apex is
    on, the patient's axes tell: it points to the left, to the front and down.

    Args:
        geometry: slices first.
    """
    _, along_y, along_x = np.asarray(geometry.direction).T
    return 1 if np.cross(along_x, along_y) @ np.asarray(_APEX_TO_BASE) >= 0 else -1


def orientation_is_lost(geometry: Geometry) -> bool:
    """Whether all axes run along the patient's, which a short-axis stack's never do."""
    return bool((np.abs(np.asarray(geometry.direction)).max(axis=0) > _ALONG).all())


def insertions_of(ring: Ring, turn: int) -> Insertions | None:
    """Where the RV inserts in a slice; ``None`` where it does not touch the LV wall as along a septum.

    Args:
        ring: the slice.
        turn: from :func:`anterior_turn`.
    """
    from scipy.ndimage import binary_dilation, binary_erosion  # noqa: PLC0415  # slow to load

    border = ring.outer & ~binary_erosion(ring.outer)
    contact = np.argwhere(border & binary_dilation(ring.rv, np.ones((3, 3), bool)))
    if len(contact) < 2:
        return None
    towards_y, towards_x = ((contact - np.asarray(ring.centre)) * np.asarray(ring.spacing_mm)).T
    angles = turn * np.arctan2(towards_y, towards_x)  # rising towards the anterior wall on the septum
    order = np.argsort(angles)
    contact, angles = contact[order], angles[order]
    gaps = np.diff(angles, append=angles[0] + 2.0 * np.pi)
    last = int(gaps.argmax())
    first = (last + 1) % len(angles)
    span = 2.0 * np.pi - float(gaps[last])
    if not _SEPTUM_RADIANS[0] <= span <= _SEPTUM_RADIANS[1]:
        return None
    return Insertions(
        anterior_voxel=(int(contact[last][0]), int(contact[last][1])),
        inferior_voxel=(int(contact[first][0]), int(contact[first][1])),
        anterior=turn * float(angles[last]),
        inferior=turn * float(angles[first]),
        septum=turn * float(angles[first] + span / 2.0),
    )


def segment_of(angles: Floats, level: int, septum: float, turn: int) -> NDArray[np.int_]:
    """AHA segment, 1 to 16, of directions about the LV's centre.

    The middle of the septum, halfway between the insertions, parts the anteroseptal from the inferoseptal
    segment; from there on all segments of a level are equal, 60 degrees wide or, at the apex, 90.

    Args:
        angles: directions.
        level: 0 basal, 1 mid, 2 apical.
        septum: direction of the middle of the septum.
        turn: from :func:`anterior_turn`.
    """
    around = np.asarray(_AROUND[level])
    width = 2.0 * np.pi / len(around)
    start = width / 2.0 if len(around) == 4 else 0.0  # the apical septal segment has its middle there
    turned = (turn * (np.asarray(angles) - septum) + start) % (2.0 * np.pi)
    return around[np.minimum((turned / width).astype(int), len(around) - 1)]
