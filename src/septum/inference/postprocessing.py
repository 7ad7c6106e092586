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
        largest_component: keep the largest 26-connected component of all structures together, and within it
            of each structure its largest one. What lies apart from the heart goes, whatever its size.
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
    _clear_all_but_largest(part, part > 0)
    for value in values:
        _clear_all_but_largest(part, part == value)
    cleaned = labels.copy()
    box.paste(part, cleaned)
    return cleaned


def _clear_all_but_largest(labels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Make background, in place, of all of ``mask`` but its largest component."""
    kept = largest_component(mask)
    if kept is not None:
        labels[mask & ~kept] = 0
