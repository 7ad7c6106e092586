"""Bringing the slice axis to the front, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core.geometry import Geometry

#: A stack counts as slices when one spacing exceeds the next larger one by this factor.
ANISOTROPY = 1.3
#: Or, with no such spacing, when one axis has at most this share of the voxels of the next shorter one.
FEWNESS = 0.5


@dataclass(frozen=True)
class Orientation:
    """A permutation of the axes of a native grid that puts the slices first.

    In-plane order and flips are left as they are: networks learn every in-plane orientation.

    Attributes:
        axes: as for ``numpy.transpose``.

    >>> from septum.core.geometry import Geometry
    >>> slices_last = Orientation.of(Geometry((128, 128, 10), (1.5, 1.5, 8.0)))
    >>> slices_last.axes
    (2, 0, 1)
    >>> slices_last.apply(np.zeros((128, 128, 10))).shape
    (10, 128, 128)
    """

    axes: tuple[int, int, int]

    @classmethod
    def of(cls, native: Geometry) -> Orientation:
        """Find the slice axis, and put it first.

        It is the axis of a single voxel, or else the one with distinctly the largest spacing, or with
        distinctly the fewest voxels, or, of a volume alike in all directions, the one nearest head-foot.
        """
        spacing, shape = np.asarray(native.spacing_mm), np.asarray(native.shape)
        coarsest, fewest = int(spacing.argmax()), int(shape.argmin())
        if shape[fewest] == 1:
            first = fewest
        elif spacing[coarsest] >= ANISOTROPY * np.delete(spacing, coarsest).max():
            first = coarsest
        elif shape[fewest] <= FEWNESS * np.delete(shape, fewest).min():
            first = fewest
        else:
            first = int(np.abs(np.asarray(native.direction)[2]).argmax())
        rest = [a for a in range(3) if a != first]
        return cls((first, rest[0], rest[1]))

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Native (..., a, b, c) to slices first (..., Z, Y, X); a view."""
        return self._transposed(array, self.axes)

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """Slices first to native, the exact inverse of :meth:`apply`; a view.

        >>> Orientation((2, 0, 1)).undo(np.zeros((10, 128, 96))).shape
        (128, 96, 10)
        """
        back = tuple(int(a) for a in np.argsort(self.axes))
        return self._transposed(array, (back[0], back[1], back[2]))

    @staticmethod
    def _transposed(array: NDArray[Any], axes: tuple[int, int, int]) -> NDArray[Any]:
        lead = array.ndim - 3
        return array.transpose(*range(lead), *(lead + a for a in axes))
