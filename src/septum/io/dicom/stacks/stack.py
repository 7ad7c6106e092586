"""A stack: parallel slices on one grid, each at one or more phases; and what it seems to show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.io.dicom.stacks.pacing import one_image_a_beat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from septum.core import Note
    from septum.core.geometry import Triple
    from septum.io.dicom.frames import DicomFrame

#: Direction of the long axis of the left ventricle of most people, from base to apex: to the left, to the
#: front, down (LPS). Short-axis slices lie across it, long-axis slices along it.
LONG_AXIS = np.array([0.65, -0.55, -0.52])
#: Angles of a stack's normal to it, in degrees: slices count as short axis up to one, as long from the other.
SHORT_AXIS_WITHIN = 50.0
LONG_AXIS_BEYOND = 65.0
#: The angle for stacks of fewer than ``WHOLE_SLICES``: views of the outflow tracts, which are a few slices,
#: lie 35 degrees and more from it, and nothing but the angle tells them from short axis.
FEW_SLICES_WITHIN = 30.0
#: A stack of at least so many slices covers a heart, however thick they are.
WHOLE_SLICES = 5
#: Angle of a normal to an axis of the patient within which slices count as axial, coronal or sagittal.
ALIGNED_WITHIN = 12.0
#: Slices nearer to each other than this are one, in mm.
SAME_SLICE_MM = 0.1


@dataclass(frozen=True)
class Stack:
    """Slices on one grid.

    Attributes:
        slices: frames of each slice, slices ascending along the normal, in no order within.
        notes: what was settled while it was put together.
        number: from 1, among the stacks of the study.
        superseded: number of images that gave way to later ones of the same slices.
    """

    slices: tuple[tuple[DicomFrame, ...], ...]
    notes: tuple[Note, ...] = ()
    number: int = 0
    superseded: int = 0

    @classmethod
    def of(cls, frames: Iterable[DicomFrame], notes: tuple[Note, ...] = ()) -> Stack:
        """Frames of one grid and orientation, sorted into slices by their position along the normal."""
        slices: list[list[DicomFrame]] = []
        last = -np.inf
        some = tuple(frames)
        normal = some[0].normal  # nearly parallel frames need one: far from the origin depths are sensitive
        for depth, frame in sorted(
            ((float(normal @ f.position_mm), f) for f in some), key=lambda pair: pair[0]
        ):
            if depth - last > SAME_SLICE_MM:
                slices.append([])
                last = depth
            slices[-1].append(frame)
        return cls(tuple(map(tuple, slices)), notes)

    def noted(self, *notes: Note) -> Stack:
        """The same with more to say."""
        return replace(self, notes=(*self.notes, *notes))

    @property
    def first(self) -> DicomFrame:
        """Any one frame: grid and orientation are those of all."""
        return self.slices[0][0]

    @property
    def frames(self) -> tuple[DicomFrame, ...]:
        """All of them."""
        return tuple(frame for frames in self.slices for frame in frames)

    @property
    def depths_mm(self) -> list[float]:
        """Position of each slice along the normal of the first."""
        normal = self.first.normal
        return [float(normal @ frames[0].position_mm) for frames in self.slices]

    @property
    def step_mm(self) -> float | None:
        """Distance of slices, by their positions: the median. ``None`` of a single slice."""
        return float(np.median(np.diff(self.depths_mm))) if len(self.slices) > 1 else None

    @property
    def phases(self) -> int:
        """Frames of most slices; the larger number where it is a draw."""
        counts = Counter(len(frames) for frames in self.slices)
        return max(counts, key=lambda n: (counts[n], n))

    @property
    def spacing_mm(self) -> Triple:
        """(Z, Y, X); of a single slice its thickness, or 0 where the header tells none."""
        across = self.step_mm or self.first.thickness_mm or 0.0
        return (across, *self.first.pixel_mm)

    @property
    def series(self) -> tuple[int, ...]:
        """Numbers of the series that it is made of."""
        return tuple(sorted({f.series_number for f in self.frames if f.series_number is not None}))

    @property
    def hints(self) -> frozenset[str]:
        """What descriptions of its series suggest."""
        return self.first.hints

    @property
    def original(self) -> bool:
        """Whether it was measured, not computed from another."""
        return all(frame.original for frame in self.frames)

    @property
    def orientation(self) -> str:
        """Axial, coronal, sagittal, short axis, long axis or oblique, in these words: by geometry alone."""
        normal = np.abs(self.first.normal)
        nearest = int(np.argmax(normal))
        if _degrees(normal[nearest]) <= ALIGNED_WITHIN:
            return ("sagittal", "coronal", "axial")[nearest]
        few = len(self.slices) < WHOLE_SLICES
        if self.tilt_degrees <= (FEW_SLICES_WITHIN if few else SHORT_AXIS_WITHIN):
            return "short axis"
        return "long axis" if self.tilt_degrees >= LONG_AXIS_BEYOND else "oblique"

    @property
    def tilt_degrees(self) -> float:
        """Angle of the normal to the direction of most people's long axis."""
        return _degrees(abs(float(self.first.normal @ LONG_AXIS)) / float(np.linalg.norm(LONG_AXIS)))

    @property
    def kind(self) -> str:
        """Cine, late gadolinium, dynamic, map, real part or still, in these words: by codes and numbers."""
        first = self.first
        if first.component == "map":
            return "map"
        if self.phases == 1:
            if any(frame.inversion_ms is not None for frame in self.frames):
                return "late gadolinium"
            return "real part" if first.component == "real" else "still"
        if first.component == "real":
            return "real part"
        return "dynamic" if one_image_a_beat(self.slices) else "cine"

    def summary(self) -> str:
        """Such as ``10 slices x 25 phases, short axis, cine``. Nothing in it is text of a header."""
        slices, phases = len(self.slices), self.phases
        counted = f"{slices} slice{'s' * (slices > 1)} x {phases} phase{'s' * (phases > 1)}"
        return f"{counted}, {self.orientation}, {self.kind}"


def _degrees(cosine: float) -> float:
    return float(np.degrees(np.arccos(min(1.0, float(cosine)))))
