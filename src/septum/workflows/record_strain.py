"""Strain as the JSON holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core.strain import SegmentStrain, StrainCurve
from septum.workflows.record_part import DIGITS, Part, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Strain


class StrainRecord(Part):
    """Strain of the LV wall; see :class:`septum.core.Strain`."""

    slices: tuple[int, ...]
    whole: dict[str, StrainCurve]
    basal: dict[str, StrainCurve]
    mid: dict[str, StrainCurve]
    apical: dict[str, StrainCurve]
    circumferential: SegmentStrain
    radial: SegmentStrain

    @classmethod
    def of(cls, strain: Strain) -> StrainRecord:
        """Take over a strain, rounded."""
        return cls(
            slices=strain.slices, whole=_curves(strain.whole), basal=_curves(strain.basal),
            mid=_curves(strain.mid), apical=_curves(strain.apical),
            circumferential=_segments(strain.circumferential), radial=_segments(strain.radial),
        )  # fmt: skip


def _curves(curves: Mapping[str, StrainCurve]) -> dict[str, StrainCurve]:
    return {
        name: StrainCurve(
            tuple(round(value, DIGITS) for value in one.percent), round(one.peak_percent, DIGITS),
            one.peak_frame, rounded(one.time_to_peak_ms),
        )
        for name, one in curves.items()
    }  # fmt: skip


def _segments(found: SegmentStrain) -> SegmentStrain:
    return SegmentStrain(tuple(map(rounded, found.peak_percent)), tuple(map(rounded, found.time_to_peak_ms)))
