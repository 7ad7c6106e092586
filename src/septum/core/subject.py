"""What indices need to know of a patient, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from septum.core.notes import Known, Source

if TYPE_CHECKING:
    from septum.core.comparison import Sex

    T = TypeVar("T")

#: What is believed of a human being: others are taken for a wrong unit, or for a field that was left empty.
HEIGHT_M = (0.3, 2.6)
WEIGHT_KG = (1.0, 400.0)
HEART_RATE_BPM = (20.0, 250.0)
AGE_YEARS = (0.0, 120.0)


@dataclass(frozen=True)
class Subject:
    """Body size, heart rate, sex and age, each with its source.

    Sex and age are kept from all outputs unless the user asks for reference ranges.

    Attributes:
        height_m: in metres, or ``None``.
        weight_kg: in kilograms, or ``None``.
        heart_rate_bpm: beats a minute during the cine, or ``None``.
        sex: ``F`` or ``M``, or ``None``.
        age_years: at the time of the study, or ``None``.
    """

    height_m: Known[float] | None = None
    weight_kg: Known[float] | None = None
    heart_rate_bpm: Known[float] | None = None
    sex: Known[Sex] | None = None
    age_years: Known[float] | None = None

    @classmethod
    def of(
        cls,
        *,
        height_m: float | None = None,
        weight_kg: float | None = None,
        heart_rate_bpm: float | None = None,
        sex: Sex | None = None,
        age_years: float | None = None,
        source: Source = Source.GIVEN,
    ) -> Subject:
        """Make a subject of plain numbers that all have one source.

        Args:
            height_m: in metres, if known.
            weight_kg: in kilograms, if known.
            heart_rate_bpm: beats a minute, if known.
            sex: ``F`` or ``M``, if known.
            age_years: if known.
            source: where the numbers came from.

        >>> Subject.of(height_m=1.8).height_m
        Known(value=1.8, source=<Source.GIVEN: 'given'>)
        """
        return cls(
            _known(height_m, source), _known(weight_kg, source), _known(heart_rate_bpm, source),
            _known(sex, source), _known(age_years, source),
        )  # fmt: skip

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
            self.sex or other.sex,
            self.age_years or other.age_years,
        )


def _known(value: T | None, source: Source) -> Known[T] | None:
    return None if value is None else Known(value, source)
