"""What a model of any kind makes of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from septum.core import Geometry, Localisation
    from septum.inference.out_of_distribution import Evidence


@dataclass(frozen=True)
class FrameResult:
    """What the model makes of one frame.

    Attributes:
        labels: mask on the frame's own grid, (Z, Y, X) uint8.
        localisation: region of interest and how it was found, on ``working_geometry``.
        working_geometry: grid of the segmenter, slices first.
        evidence: of an image unlike those that the model learnt from.
        seconds: time that the frame took.
    """

    labels: NDArray[np.uint8]
    localisation: Localisation
    working_geometry: Geometry
    evidence: Evidence
    seconds: float
