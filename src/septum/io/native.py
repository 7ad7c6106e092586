"""A file's own grid: how its axes map to (T, Z, Y, X), and what a mask written beside it needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import Cine, Note
    from septum.core.geometry import Triple

#: Largest image that is read, in bytes of its float32 voxels: 2**29 voxels, five times as many as a cine of
#: 30 frames of 12 slices of 512 x 512. Beyond it a header is taken to be damaged.
LARGEST_IMAGE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Layout:
    """Which axes of a file are space and which are frames.

    Attributes:
        shape: the file's own axes, fastest first, as its header gives them.
        frame_axes: those that are not space; at most one is longer than 1.
    """

    shape: tuple[int, ...]
    frame_axes: tuple[int, ...]

    @classmethod
    def checked(cls, path: Path, shape: Iterable[int], frame_axes: Iterable[int]) -> Layout:
        """Make the layout of a file, if Septum can hold it.

        Args:
            path: of the file, for messages.
            shape: number of voxels along the file's axes.
            frame_axes: those of the axes that are time, from 0.

        Raises:
            InputError: not two or three axes of space and at most one of time, or too large.
        """
        layout = cls(tuple(int(n) for n in shape), tuple(frame_axes))
        space = [layout.shape[a] for a in layout.space_axes]
        times = [layout.shape[a] for a in layout.frame_axes]
        size = " x ".join(map(str, layout.shape)) or "nothing"
        if min(layout.shape, default=0) < 1:
            raise InputError(
                f"{path} has a damaged header: expected every axis to hold voxels, and found {size}; "
                "export the study again."
            )
        if not 2 <= len(space) <= 3 or sum(n > 1 for n in space) < 2 or sum(n > 1 for n in times) > 1:
            raise InputError(
                f"{path} has an unsupported shape: expected a slice, a volume or a cine (2 or 3 axes of "
                f"space, and time), and found {size}; give one image a file."
            )
        if 4 * prod(layout.shape) > LARGEST_IMAGE_BYTES:
            raise InputError(
                f"{path} is too large: expected at most {LARGEST_IMAGE_BYTES // 4:,} voxels, and its header "
                f"promises {size}; cut the study into parts, or export it again if the header is damaged."
            )
        return layout

    @property
    def space_axes(self) -> tuple[int, ...]:
        """The file's axes of space, fastest first: X, Y and, unless it is a 2-D slice, Z."""
        return tuple(a for a in range(len(self.shape)) if a not in self.frame_axes)

    @property
    def time_axis(self) -> int | None:
        """The file's axis along which frames follow each other, if it has one."""
        return max(self.frame_axes, key=lambda a: self.shape[a], default=None)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Number of voxels of one frame along (Z, Y, X); a 2-D slice has Z = 1."""
        x, y, z = (*(self.shape[a] for a in self.space_axes), 1)[:3]
        return (z, y, x)

    def to_cine(self, array: NDArray[Any]) -> NDArray[Any]:
        """(T, Z, Y, X) view of an array with the file's own axes."""
        return array.transpose(self._order).reshape(-1, *self.grid)

    def from_cine(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array (T, Z, Y, X) with the file's own axes: undoes :meth:`to_cine`."""
        ordered = array.reshape([self.shape[a] for a in self._order])
        return ordered.transpose(np.argsort(self._order))

    @property
    def _order(self) -> tuple[int, ...]:
        return (*self.frame_axes, *reversed(self.space_axes))


@dataclass(frozen=True)
class NativeHeader:
    """What ``Study.header`` holds: enough to write a mask in the file's own grid and format.

    Attributes:
        suffix: ending of the mask's name, ``.nii.gz``, ``.nrrd`` or ``.mha``.
        layout: the file's own axes.
        mask_header: the bytes before the voxels of such a mask. They are made of the grid's numbers only;
            no text of the file is in them.
        affine_mm: spacing (Z, Y, X) to which the file's affine is scaled where that is not the one taken.
    """

    suffix: str
    layout: Layout
    mask_header: bytes
    affine_mm: Triple | None = None


@dataclass(frozen=True)
class Reading:
    """What a reader of one format returns.

    Attributes:
        cine: float32 image.
        header: of a mask in the same grid.
        notes: what the reader had to settle.
    """

    cine: Cine
    header: NativeHeader
    notes: tuple[Note, ...]
