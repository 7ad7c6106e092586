"""Values computed of arrays, kept for a while: of a mask that is being corrected, most frames stay."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last few values, found again by the content of their array and by what else they depend on.

    Args:
        most: how many are kept.

    >>> squares = Remembered[int](most=2)
    >>> squares.of(np.array([3]), "square", lambda: 9)
    9
    >>> squares.of(np.array([3]), "square", lambda: 1 // 0)  # not computed again
    9
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def of(self, array: NDArray[Any], rest: Hashable, compute: Callable[[], T]) -> T:
        """Give the value of an array, computed only if it is not known.

        Args:
            array: by whose shape, type and voxels it is known.
            rest: all else that the value depends on.
            compute: makes it.
        """
        voxels = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
        key = (voxels, array.shape, array.dtype.str, rest)
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = compute()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
