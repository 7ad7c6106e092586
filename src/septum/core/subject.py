"""What indices need to know of a patient, and no more."""

from __future__ import annotations

from dataclasses import dataclass

from septum.core.notes import Known, Source


@dataclass(frozen=True)
class Subject:
    """Body size and heart rate, each with its source. Nothing here identifies a patient.

    Attributes:
        height_m: in metres, or ``None``.
        weight_kg: in kilograms, or ``None``.
        heart_rate_bpm: beats a minute during the cine, or ``None``.
    """

    height_m: Known[float] | None = None
    weight_kg: Known[float] | None = None
    heart_rate_bpm: Known[float] | None = None

    @classmethod
    def of(
        cls,
        *,
        height_m: float | None = None,
        weight_kg: float | None = None,
        heart_rate_bpm: float | None = None,
        source: Source = Source.GIVEN,
    ) -> Subject:
        """Make a subject of plain numbers that all have one source.

        Args:
            height_m: in metres, if known.
            weight_kg: in kilograms, if known.
            heart_rate_bpm: beats a minute, if known.
            source: where the numbers came from.

        >>> Subject.of(height_m=1.8).height_m
        Known(value=1.8, source=<Source.GIVEN: 'given'>)
        """
        height, weight, rate = (
            None if value is None else Known(value, source) for value in (height_m, weight_kg, heart_rate_bpm)
        )
        return cls(height, weight, rate)

    def or_else(self, other: Subject) -> Subject:
        """Take what is not known here from another source.

        >>> file = Subject.of(height_m=1.7, weight_kg=70.0, source=Source.FILE)
        >>> both = Subject.of(height_m=1.8).or_else(file)
        >>> both.height_m.source.value, both.weight_kg.source.value
        ('given', 'file')
        """
        return Subject(
            self.height_m or other.height_m,
            self.weight_kg or other.weight_kg,
            self.heart_rate_bpm or other.heart_rate_bpm,
        )
