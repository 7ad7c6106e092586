"""Strain of the LV wall over a beat, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names of the strains that are measured: of three lines around the cavity, and across the wall.
ENDOCARDIAL = "circumferential_endocardial"
MIDWALL = "circumferential_midwall"
EPICARDIAL = "circumferential_epicardial"
RADIAL = "radial"
STRAINS = (ENDOCARDIAL, MIDWALL, EPICARDIAL, RADIAL)


@dataclass(frozen=True)
class StrainCurve:
    """A strain over the beat: 0 at end-diastole.

    Attributes:
        percent: one value a frame: below 0 where a line is shorter, above 0 where the wall is thicker than at
            end-diastole.
        peak_percent: the smallest value of a circumferential strain, the largest of the radial one.
        peak_frame: its frame, from 0.
        time_to_peak_ms: from end-diastole; ``None`` without the frames' times.
    """

    percent: tuple[float, ...]
    peak_percent: float
    peak_frame: int
    time_to_peak_ms: float | None


@dataclass(frozen=True)
class SegmentStrain:
    """The peak of a strain by AHA segment, 17 values; ``None`` where a segment is not measured.

    Attributes:
        peak_percent: of each segment's curve.
        time_to_peak_ms: from end-diastole.
    """

    peak_percent: tuple[float | None, ...]
    time_to_peak_ms: tuple[float | None, ...]


@dataclass(frozen=True)
class Strain:
    """Strain from the borders of the wall.

    Attributes:
        slices: numbers of the slices that it rests on, from 0 in the order of the mask.
        whole: each of :data:`STRAINS` over all of these slices.
        basal, mid, apical: the same over a third of them; empty for fewer than three.
        circumferential: by segment, in the middle of the wall.
        radial: by segment.
    """

    slices: tuple[int, ...]
    whole: Mapping[str, StrainCurve]
    basal: Mapping[str, StrainCurve]
    mid: Mapping[str, StrainCurve]
    apical: Mapping[str, StrainCurve]
    circumferential: SegmentStrain
    radial: SegmentStrain
