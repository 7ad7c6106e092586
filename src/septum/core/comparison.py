"""A study's numbers beside those of healthy people: what was compared with what, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from septum.core.notes import Known, Note

#: As DICOM codes it; other values of its element have no reference ranges.
Sex = Literal["F", "M"]


@dataclass(frozen=True)
class MeasuredError:
    """By how much an index was off in patients whom the model had not seen.

    Attributes:
        kind: ``ratio``, of the logarithm of measured over true value; ``difference``, of measured minus true
            in the unit of the index.
        mean: of these errors: below 0 where values come out too small.
        sd: their sample standard deviation.
        patients: number of patients.
        difficulty: of the masks that ``sd`` holds for, as of
            :class:`septum.quality.calibration.IntervalWidth`: errors grow with it. ``None`` where
            that was not taken into account.
        usual: true values of patients, quantiles at even steps, by which it is known how common a value is.
            Empty: every value is taken to be equally common.
    """

    kind: Literal["ratio", "difference"]
    mean: float
    sd: float
    patients: int
    difficulty: float | None = None
    usual: tuple[float, ...] = ()

    def at(self, difficulty: float) -> MeasuredError:
        """Give the error to expect of a mask of another difficulty.

        Args:
            difficulty: of that mask. Without effect where the error's own is not known.

        >>> MeasuredError("difference", mean=-2.0, sd=3.0, patients=20, difficulty=0.25).at(0.5).sd
        6.0
        """
        if self.difficulty is None:
            return self
        return replace(self, sd=self.sd * difficulty / self.difficulty, difficulty=difficulty)


class Place(StrEnum):
    """Where a value lies by its probability of being outside of the range."""

    INSIDE = "inside"
    CANNOT_TELL = "cannot_tell"
    OUTSIDE = "outside"


#: Above this probability of being outside a value is flagged; as far from 1 it counts as inside.
SURE = 0.9


def place_of(probability: float | None) -> Place | None:
    """Say where a value lies, by its probability of being outside of the range.

    >>> place_of(0.95).value, place_of(0.5).value, place_of(0.02).value, place_of(None)
    ('outside', 'cannot_tell', 'inside', None)
    """
    if probability is None:
        return None
    if probability > SURE:
        return Place.OUTSIDE
    return Place.INSIDE if probability < 1.0 - SURE else Place.CANNOT_TELL


@dataclass(frozen=True)
class ComparedIndex:
    """One index beside the range of healthy people.

    Attributes:
        key: of the index, such as ``lv_edv_ml``.
        title: of the index.
        value: that is compared, in ``unit``: by body surface area where that is known and the table has it.
        unit: such as ``ml`` or ``ml/m²``.
        by_area: whether the value is by square metre of body surface area.
        low, high: limits of the range, in ``unit``; 95 % of healthy people lie between them.
        z: standard deviations from the mean of healthy people; ``None`` where the table has no mean.
        percentile: share of healthy people with a lower value, in percent, if they are normally distributed.
        below, above: probability that the true value lies below or above the range; ``None`` where the error
            of the measurement is not known.
        transcriptions: in how many independent transcriptions of the paper the limits were found to agree.
    """

    key: str
    title: str
    value: float
    unit: str
    by_area: bool
    low: float
    high: float
    z: float | None = None
    percentile: float | None = None
    below: float | None = None
    above: float | None = None
    transcriptions: int = 1

    @property
    def outside(self) -> float | None:
        """Probability that the true value lies outside of the range."""
        return None if self.below is None or self.above is None else self.below + self.above

    @property
    def place(self) -> Place | None:
        """Where the true value lies, as far as the measurement can tell."""
        return place_of(self.outside)


@dataclass(frozen=True)
class Comparison:
    """The indices of a study beside reference ranges.

    Attributes:
        reference: name of the table, such as ``hhc2024``.
        title: of the table, for people.
        citation: of the paper.
        read: how the values of the table were obtained.
        convention: what counts as cavity in the table.
        sex: with its source; ``None`` if it is not known.
        group: people who are compared with, in words; empty where there is no comparison.
        ethnicity: of these people, as the paper names it; ``None`` where the paper does not part them.
        ethnicity_given: whether the user gave it.
        body_surface_area_m2, body_surface_area_formula: by which values were divided, if any was.
        items: one for each index that the table has.
        notes: what had to be settled, or why there is no comparison.
    """

    reference: str
    title: str
    citation: str
    read: str
    convention: str
    sex: Known[Sex] | None = None
    group: str = ""
    ethnicity: str | None = None
    ethnicity_given: bool = False
    body_surface_area_m2: float | None = None
    body_surface_area_formula: str | None = None
    items: tuple[ComparedIndex, ...] = ()
    notes: tuple[Note, ...] = ()

    def item(self, key: str) -> ComparedIndex | None:
        """Look up an index by its key; ``None`` where it was not compared."""
        return next((one for one in self.items if one.key == key), None)
