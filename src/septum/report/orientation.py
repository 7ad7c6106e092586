"""Where the patient is in a picture: letters at its edges, and which slices are base and apex."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from septum.indices.segments import orientation_is_lost
from septum.indices.slices import base_is_last
from septum.io import DicomHeader

if TYPE_CHECKING:
    from septum.core import Geometry, Study
    from septum.report.pictures import Shown

#: Letters of the patient's axes (LPS), each way: left and right, posterior and anterior, head and foot.
_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
#: Cosine from which a patient's axis has a letter: it is no more than 70 degrees off.
_LEAST_COSINE = float(np.cos(np.radians(70.0)))
_HEART = ("LV", "MYO", "RV")
SIDES = (
    "Letters name what of the patient lies beyond an edge: A anterior, P posterior, L left, R right, H head, "
    "F foot; of an oblique edge the nearest first."
)
UNKNOWN_SIDES = "The sides of the patient are not marked: the file does not tell them for certain."


class Edges(NamedTuple):
    """What of the patient lies beyond each edge of a picture, as letters, the nearest axis first."""

    top: str
    bottom: str
    left: str
    right: str


class Ends(NamedTuple):
    """The slices of a mask at its ends, counted from 0."""

    base: int
    apex: int


def edges_of(geometry: Geometry) -> Edges:
    """Letters at the edges of a slice that is shown with its rows downwards, as DICOM has them.

    Source: DICOM PS3.3, C.7.6.1.1.1, Patient Orientation.

    Args:
        geometry: slices first.
    """
    _, down, right = np.asarray(geometry.direction).T
    return Edges(top=_letters(-down), bottom=_letters(down), left=_letters(-right), right=_letters(right))


def certain_edges(study: Study, shown: Shown) -> Edges | None:
    """The letters, where the geometry can be believed.

    Axes that run exactly along the patient's are those of a file whose orientation was lost. Only a DICOM
    image that is not of short-axis slices is believed to lie like that.
    """
    upright = isinstance(study.header, DicomHeader) and "LV" not in shown.schema.names
    if orientation_is_lost(shown.geometry) and not upright:
        return None
    return edges_of(shown.geometry)


def ends_of(shown: Shown, frame: int) -> Ends | None:
    """Slices at the base and at the apex of the mask of a frame; ``None`` without both ventricles.

    The base is where the heart is broad, as for the segments of the wall.
    """
    if not set(_HEART) <= set(shown.schema.names):
        return None
    values = [s.value for s in shown.schema.structures if s.name in _HEART]
    heart = np.isin(shown.labels[frame], values)
    slices = np.flatnonzero(heart.any(axis=(1, 2)))
    if len(slices) < 2:
        return None
    first, last = int(slices[0]), int(slices[-1])
    return Ends(base=last, apex=first) if base_is_last(heart) else Ends(base=first, apex=last)


def _letters(direction: np.ndarray) -> str:
    """One to three letters of a unit vector (LPS)."""
    order = np.argsort(-np.abs(direction), kind="stable")
    near = [int(axis) for axis in order if abs(direction[axis]) >= _LEAST_COSINE]
    return "".join(_LETTERS[axis][int(direction[axis] < 0)] for axis in near)
