"""Bringing the slice axis to the front, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core import Geometry

#: A stack counts as slices when one spacing exceeds the next larger one by this factor.
ANISOTROPY = 1.3


@dataclass(frozen=True)
class Orientation:
    """A permutation of the axes of a native grid that puts the slices first.

    In-plane order and flips are left as they are: networks learn every in-plane orientation.

    Attributes:
        axes: as for ``numpy.transpose``.
    """

    axes: tuple[int, int, int]

    @classmethod
    def of(cls, native: Geometry) -> Orientation:
        """The axis with distinctly the largest spacing comes first; else the one nearest head-foot."""
        order = np.argsort(native.spacing_mm)
        largest, second = int(order[2]), int(order[1])
        if native.spacing_mm[largest] >= ANISOTROPY * native.spacing_mm[second]:
            first = largest
        else:
            first = int(np.argmax(np.abs(np.asarray(native.direction)[2])))
        rest = [a for a in range(3) if a != first]
        return cls((first, rest[0], rest[1]))

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Native (..., a, b, c) to slices first (..., Z, Y, X); a view."""
        return self._transposed(array, self.axes)

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """Slices first to native, the exact inverse of :meth:`apply`; a view."""
        back = tuple(int(a) for a in np.argsort(self.axes))
        return self._transposed(array, (back[0], back[1], back[2]))

    @staticmethod
    def _transposed(array: NDArray[Any], axes: tuple[int, int, int]) -> NDArray[Any]:
        lead = array.ndim - 3
        return array.transpose(*range(lead), *(lead + a for a in axes))
