"""The sides of the patient at the edges of a picture, where the file tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from septum.indices.segments import orientation_is_lost
from septum.io import DicomHeader

if TYPE_CHECKING:
    from septum.core import Geometry, LabelSchema, Study

#: Letters of the patient's axes (LPS), each way: left and right, posterior and anterior, head and foot.
_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
#: Cosine from which a patient's axis has a letter: it is no more than 70 degrees off.
_LEAST_COSINE = float(np.cos(np.radians(70.0)))


class Edges(NamedTuple):
    """What of the patient lies beyond each edge of a picture, as letters, the nearest axis first."""

    top: str
    bottom: str
    left: str
    right: str


def edges_of(geometry: Geometry) -> Edges:
    """Name the sides of the patient at the edges of a slice with its rows downwards, as DICOM has them.

    Source: DICOM PS3.3, C.7.6.1.1.1, Patient Orientation.

    Args:
        geometry: slices first.

    >>> from septum.core import Geometry
    >>> edges_of(Geometry((10, 128, 128), (8.0, 1.5, 1.5)))
    Edges(top='A', bottom='P', left='R', right='L')
    """
    _, down, right = np.asarray(geometry.direction).T
    return Edges(top=_letters(-down), bottom=_letters(down), left=_letters(-right), right=_letters(right))


def certain_edges(study: Study, geometry: Geometry, schema: LabelSchema) -> Edges | None:
    """Name the sides of the patient where the geometry can be believed; ``None`` elsewhere.

    Axes that run exactly along the patient's are those of a file whose orientation was lost. Only a DICOM
    image that is not of short-axis slices is believed to lie like that.

    Args:
        study: the image.
        geometry: of its slices as they are shown, slices first.
        schema: of its mask: without an LV the slices are no short axis.
    """
    upright = isinstance(study.header, DicomHeader) and "LV" not in schema.names
    if orientation_is_lost(geometry) and not upright:
        return None
    return edges_of(geometry)


def _letters(direction: np.ndarray) -> str:
    """Name a direction, a unit vector (LPS), by one to three letters."""
    order = np.argsort(-np.abs(direction), kind="stable")
    near = [int(axis) for axis in order if abs(direction[axis]) >= _LEAST_COSINE]
    return "".join(_LETTERS[axis][int(direction[axis] < 0)] for axis in near)
