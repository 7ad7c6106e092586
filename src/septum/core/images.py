"""Images and masks with their geometry. Arrays are (Z, Y, X), cines (T, Z, Y, X)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from septum.core.geometry import Geometry
    from septum.core.labels import LabelSchema


@dataclass(frozen=True)
class Volume:
    """One 3-D image.

    Attributes:
        array: voxel values, (Z, Y, X).
        geometry: grid of ``array``.
    """

    array: NDArray[Any]
    geometry: Geometry


@dataclass(frozen=True)
class Cine:
    """A 3-D image at one or more times.

    Attributes:
        array: voxel values, (T, Z, Y, X).
        geometry: grid of each frame.
        frame_interval_ms: time between frames in ms, where the file tells it.
    """

    array: NDArray[Any]
    geometry: Geometry
    frame_interval_ms: float | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.array.shape[0])

    def frame(self, t: int) -> Volume:
        """Frame ``t`` (from 0) as a volume."""
        return Volume(self.array[t], self.geometry)


@dataclass(frozen=True)
class Study:
    """What a reader makes of one file: the image, and what is needed to write a mask beside it.

    Attributes:
        cine: the image; a 3-D file is a cine of one frame.
        sha256: hash of the file's bytes, of header and voxels if they are two files, for provenance.
        notes: what the reader had to settle, one sentence each (for the user).
        header: the file's geometric header, opaque outside ``io``.
    """

    cine: Cine
    sha256: str
    notes: tuple[str, ...] = ()
    header: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Segmentation:
    """A mask of a cine.

    Attributes:
        labels: (T, Z, Y, X), uint8; values as in ``schema``, 0 is background.
        geometry: grid of each frame.
        schema: which value means which structure.
    """

    labels: NDArray[np.uint8]
    geometry: Geometry
    schema: LabelSchema
