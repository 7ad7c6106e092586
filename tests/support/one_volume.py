"""One volume through all steps, as every method runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.inference import Segmenter, Stage, find_region, segment_volumes
from septum.preprocessing import prepare

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from septum.core import Localisation, Volume


def segment_one(
    volume: Volume, localiser: Stage, segmenter: Segmenter
) -> tuple[NDArray[np.uint8], Localisation]:
    """Labels on the volume's grid, and the region; found by the settings by which it is widened."""

    def find(working):
        prepared = prepare(volume, localiser.preprocessing)
        found, masks = find_region([prepared], localiser, working, segmenter.widening)
        return found, dict(enumerate(masks))

    (one,) = segment_volumes([volume], volume.geometry, find, segmenter)
    return one.labels, one.frame.found
