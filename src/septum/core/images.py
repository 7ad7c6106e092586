"""Images and masks with their geometry. Arrays are (Z, Y, X), cines (T, Z, Y, X).

Two of them are equal only if they are the same object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from septum.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from septum.core.geometry import Geometry
    from septum.core.labels import LabelSchema
    from septum.core.notes import Note

#: What a stack of images shows: a heart that beats, or late gadolinium enhancement.
StackKind = Literal["cine", "late-gadolinium"]
STACK_KINDS: tuple[StackKind, ...] = ("cine", "late-gadolinium")


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """One 3-D image.

    Attributes:
        array: voxel values, (Z, Y, X).
        geometry: grid of ``array``.
    """

    array: NDArray[Any]
    geometry: Geometry

    def __repr__(self) -> str:
        """Tell size, type and spacing in one line."""
        return f"Volume({_in_words(self.array, self.geometry)})"


@dataclass(frozen=True, eq=False, repr=False)
class Cine:
    """A 3-D image at one or more times.

    Attributes:
        array: voxel values, (T, Z, Y, X).
        geometry: grid of each frame.
        frame_interval_ms: time between frames in ms, where the file tells it.
        frame_times_ms: time of each frame after the R wave in ms, where the file tells it.
    """

    array: NDArray[Any]
    geometry: Geometry
    frame_interval_ms: float | None = None
    frame_times_ms: tuple[float, ...] | None = None

    def __repr__(self) -> str:
        """Tell size, type and spacing in one line."""
        return f"Cine({_in_words(self.array, self.geometry)})"

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.array.shape[0])

    @property
    def times_ms(self) -> tuple[float, ...] | None:
        """Time of each frame in ms: as the file tells it, or by the frame interval from 0; else ``None``.

        >>> import numpy as np
        >>> from septum.core.geometry import Geometry
        >>> grid = Geometry((8, 96, 96), (8.0, 1.5, 1.5))
        >>> Cine(np.zeros((3, 8, 96, 96)), grid, frame_interval_ms=40.0).times_ms
        (0.0, 40.0, 80.0)
        """
        if self.frame_times_ms is not None or self.frame_interval_ms is None:
            return self.frame_times_ms
        return tuple(t * self.frame_interval_ms for t in range(len(self)))

    def frame(self, t: int) -> Volume:
        """Frame ``t`` (from 0) as a volume."""
        return Volume(self.array[t], self.geometry)


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """What a reader makes of one file: the image, and what is needed to write a mask beside it.

    Attributes:
        cine: the image; a 3-D file is a cine of one frame.
        sha256: hash of the file's bytes, of header and voxels if they are two files, for provenance.
        notes: what the reader had to settle, for the user.
        header: the file's geometric header, opaque outside ``io``.
        subject: body size and heart rate, as far as the file tells them.

    >>> import numpy as np
    >>> from septum.core.geometry import Geometry
    >>> Study(Cine(np.zeros((2, 8, 96, 96)), Geometry((8, 96, 96), (8.0, 1.5, 1.5))), sha256="")
    Study(2 x 8 x 96 x 96 float64, 8 x 1.5 x 1.5 mm; notes: 0)
    """

    cine: Cine
    sha256: str
    notes: tuple[Note, ...] = ()
    header: Any = field(default=None, repr=False)
    subject: Subject = field(default_factory=Subject)

    def __repr__(self) -> str:
        """Tell the image's size, and how many notes there are, in one line."""
        cine = self.cine
        return f"Study({_in_words(cine.array, cine.geometry)}; notes: {len(self.notes)})"


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation:
    """A mask of a cine.

    Attributes:
        labels: (T, Z, Y, X), uint8; values as in ``schema``, 0 is background.
        geometry: grid of each frame.
        schema: which value means which structure.

    >>> import numpy as np
    >>> from septum.core import VENTRICLES, Geometry
    >>> Segmentation(np.zeros((1, 8, 96, 96), np.uint8), Geometry((8, 96, 96), (8.0, 1.5, 1.5)), VENTRICLES)
    Segmentation(RV, MYO, LV; 1 x 8 x 96 x 96 uint8, 8 x 1.5 x 1.5 mm)
    """

    labels: NDArray[np.uint8]
    geometry: Geometry
    schema: LabelSchema

    def __repr__(self) -> str:
        """Tell the size and the structures in one line."""
        return f"Segmentation({', '.join(self.schema.names)}; {_in_words(self.labels, self.geometry)})"


def _in_words(array: NDArray[Any], geometry: Geometry) -> str:
    size = " x ".join(map(str, array.shape))
    spacing = " x ".join(f"{mm:.4g}" for mm in geometry.spacing_mm)
    return f"{size} {array.dtype}, {spacing} mm"
