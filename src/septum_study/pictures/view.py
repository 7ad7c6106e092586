"""Which slices a comparison shows, and from where it looks at surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import Role
from septum.core.region import Region
from septum.indices.slices import base_is_last

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core.geometry import Geometry
    from septum.core.labels import LabelSchema

    Labels = NDArray[np.uint8]
    Floats = NDArray[np.float64]

#: Places of the slices in the extent of the truth, 0 to 1.
SHARES = (1 / 8, 1 / 2, 7 / 8)
#: How far the viewer of surfaces stands above the heart.
ELEVATION_DEGREES = 30.0


def has_base(schema: LabelSchema) -> bool:
    """Whether these are ventricles in short axis, which have a base and an apex."""
    return Role.LV in schema.roles


def choose_slices(truth: Labels, schema: LabelSchema) -> tuple[int, ...]:
    """Numbers of up to three slices across the extent of the truth; of ventricles, from base to apex."""
    found = Region.bounding(truth > 0)
    if found is None:
        return ()
    first, last = found.start[0], found.stop[0] - 1
    chosen = [round(first + share * (last - first)) for share in SHARES]
    if has_base(schema) and base_is_last(truth > 0):
        chosen.reverse()
    return tuple(dict.fromkeys(chosen))


def view_axes(truth: Labels, schema: LabelSchema, geometry: Geometry) -> Floats:
    """The camera's axes by rows: right, up, towards the viewer; unit vectors along (Z, Y, X).

    The viewer stands where a slice has its upper edge on the screen, so that left stays left, and a little
    above. Up is the base of the ventricles, or else the patient's head. Where the truth has both ventricles,
    the viewer walks about the long axis until the right one lies straight to the left of the left one.
    """
    right, up = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    downwards = not base_is_last(truth > 0) if has_base(schema) else geometry.direction[2][0] < 0.0
    if downwards:
        up = -up
    rv, lv = (_centre_mm(truth, schema, geometry, role) for role in (Role.RV, Role.LV))
    if rv is not None and lv is not None:
        across = (lv - rv) * (0.0, 1.0, 1.0)
        length = float(np.linalg.norm(across))
        right = across / length if length > 0.0 else right
    near = np.array([0.0, -right[2], right[1]])
    angle = np.radians(ELEVATION_DEGREES)
    return np.stack(
        [right, np.cos(angle) * up - np.sin(angle) * near, np.cos(angle) * near + np.sin(angle) * up]
    )


def _centre_mm(truth: Labels, schema: LabelSchema, geometry: Geometry, role: Role) -> Floats | None:
    """Centre of a structure along (Z, Y, X) in mm; ``None`` where there is none."""
    values = [s.value for s in schema.structures if s.role is role]
    voxels = np.argwhere(np.isin(truth, values))
    return voxels.mean(axis=0) * geometry.spacing_mm if len(voxels) else None
