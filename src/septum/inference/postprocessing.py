"""What is done to a mask after the networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from septum.core import Region
from septum.core.components import clear_apart, largest_component, largest_in_slices

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


class PostprocessingSettings(BaseModel):
    """Settings of postprocessing, as they stand in recipes and bundles; the paper has none.

    Attributes:
        largest_component: keep the largest 26-connected component of all structures together, and within it
            of each structure its largest one. What lies apart from the heart goes, whatever its size.
        in_each_slice: keep the same in each slice, 8-connected. For ventricles, which experts draw in
            one piece there; an atrium with its veins is in several.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    largest_component: bool = False
    in_each_slice: bool = False


def postprocess(
    labels: NDArray[np.uint8], values: tuple[int, ...], settings: PostprocessingSettings
) -> NDArray[np.uint8]:
    """Clean a mask as the settings say; the input is not changed.

    Args:
        labels: (Z, Y, X).
        values: those of the structures.
        settings: which parts are kept.

    >>> import numpy as np
    >>> labels = np.array([[[3, 0, 3, 3]]], np.uint8)
    >>> postprocess(labels, (3,), PostprocessingSettings(largest_component=True)).tolist()
    [[[0, 0, 3, 3]]]
    """
    box = Region.bounding(labels > 0)
    if box is None or not (settings.largest_component or settings.in_each_slice):
        return labels
    part = box.crop(labels).copy()
    if settings.largest_component:
        _keep(largest_component, part, values)
    if settings.in_each_slice:
        _keep(largest_in_slices, part, values)
    cleaned = labels.copy()
    box.paste(part, cleaned)
    return cleaned


def _keep(
    part_of: Callable[[NDArray[np.bool_]], NDArray[np.bool_] | None],
    labels: NDArray[np.uint8],
    values: tuple[int, ...],
) -> None:
    """Keep, in place, this part of all structures together, and then of each; the rest becomes background."""
    for value in (None, *values):
        clear_apart(labels, labels > 0 if value is None else labels == value, part_of)
