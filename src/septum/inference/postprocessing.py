"""What is done to a mask after the networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from septum.core import Region
from septum.localisation import largest_component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PostprocessingSettings(BaseModel):
    """Settings of postprocessing, as they stand in recipes and bundles; the paper has none.

    Attributes:
        largest_component: keep of each structure the largest 26-connected component only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    largest_component: bool = False


def postprocess(
    labels: NDArray[np.uint8], values: tuple[int, ...], settings: PostprocessingSettings
) -> NDArray[np.uint8]:
    """Labels (Z, Y, X) as the settings want them; the input is not changed."""
    box = Region.bounding(labels > 0)
    if not settings.largest_component or box is None:
        return labels
    part = box.crop(labels).copy()
    for value in values:
        structure = part == value
        kept = largest_component(structure)
        if kept is not None:
            part[structure & ~kept] = 0
    cleaned = labels.copy()
    box.paste(part, cleaned)
    return cleaned
