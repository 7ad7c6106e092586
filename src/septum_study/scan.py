"""A labelled image as a scanner might have given it, and what every perturbation needs to know of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from septum.core import Geometry

#: The share of the darkest voxels that stand for an image's background, in percent.
DARKEST_PERCENT = 10.0
#: The percentile that stands for an image's signal.
SIGNAL_PERCENTILE = 99.0


class Scan(NamedTuple):
    """Image and masks on one grid.

    Attributes:
        array: image, (Z, Y, X), slices first.
        labels: truth, (Z, Y, X) uint8; 0 is background.
        geometry: grid of all.
        before: what a model has made of the image as it is, like ``labels``: it goes through every change
            with them and decides none. ``None`` for none.
    """

    array: NDArray[Any]
    labels: NDArray[np.uint8]
    geometry: Geometry
    before: NDArray[np.uint8] | None = None

    def moved(
        self,
        array: NDArray[Any],
        of_mask: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        geometry: Geometry,
    ) -> Scan:
        """The scan on another grid: its image there, and what brings a mask there."""
        before = None if self.before is None else of_mask(self.before)
        return Scan(array, of_mask(self.labels), geometry, before)


def signal(array: NDArray[Any]) -> float:
    """Brightness of an image: the 99th percentile above its darkest voxel."""
    return float(np.percentile(array, SIGNAL_PERCENTILE)) - float(array.min())


def background(array: NDArray[Any], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """``count`` values drawn from the darkest tenth of an image, for where nothing was measured."""
    dark = array[array <= np.percentile(array, DARKEST_PERCENT)]
    return rng.choice(dark, count).astype(np.float32)


def heart_slices(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Numbers of the slices that hold foreground, ascending."""
    return np.flatnonzero((labels > 0).any(axis=(1, 2)))


def flipped(geometry: Geometry, axis: int) -> Geometry:
    """The grid of ``numpy.flip(array, axis)``: the voxels stay where they are in the patient."""
    last = [0.0, 0.0, 0.0]
    last[axis] = geometry.shape[axis] - 1
    x, y, z = (float(v) for v in geometry.to_patient_mm(last))
    columns = np.array(geometry.direction)
    columns[:, axis] *= -1
    first, second, third = ((float(a), float(b), float(c)) for a, b, c in columns)
    return replace(geometry, origin_mm=(x, y, z), direction=(first, second, third))
