"""A comparison with reference ranges as the JSON holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Note, Place, Sex, Source
from septum.workflows.record_part import DIGITS, Part, rounded

if TYPE_CHECKING:
    from septum.core import ComparedIndex, Comparison


class ComparedRecord(Part):
    """One index beside the range of healthy people; see :class:`septum.core.ComparedIndex`."""

    value: float
    unit: str
    low: float
    high: float
    z: float | None
    percentile: float | None
    p_below: float | None
    p_above: float | None
    p_outside: float | None
    place: Place | None
    transcriptions: int

    @classmethod
    def of(cls, item: ComparedIndex) -> ComparedRecord:
        """Take over a compared index, rounded."""
        return cls(
            value=round(item.value, DIGITS), unit=item.unit, low=item.low, high=item.high, z=rounded(item.z),
            percentile=rounded(item.percentile), p_below=rounded(item.below), p_above=rounded(item.above),
            p_outside=rounded(item.outside), place=item.place, transcriptions=item.transcriptions,
        )  # fmt: skip


class ReferenceRecord(Part):
    """All indices beside reference ranges; see :class:`septum.core.Comparison`."""

    key: str
    title: str
    citation: str
    read: str
    convention: str
    group: str
    sex: Sex | None
    sex_source: Source | None
    ethnicity: str | None
    ethnicity_given: bool
    body_surface_area_m2: float | None
    body_surface_area_formula: str | None
    items: dict[str, ComparedRecord]
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, comparison: Comparison) -> ReferenceRecord:
        """Take over a comparison, rounded."""
        sex = comparison.sex
        return cls(
            key=comparison.reference,
            title=comparison.title,
            citation=comparison.citation,
            read=comparison.read,
            convention=comparison.convention,
            group=comparison.group,
            sex=None if sex is None else sex.value,
            sex_source=None if sex is None else sex.source,
            ethnicity=comparison.ethnicity,
            ethnicity_given=comparison.ethnicity_given,
            body_surface_area_m2=rounded(comparison.body_surface_area_m2),
            body_surface_area_formula=comparison.body_surface_area_formula,
            items={item.key: ComparedRecord.of(item) for item in comparison.items},
            notes=comparison.notes,
        )
