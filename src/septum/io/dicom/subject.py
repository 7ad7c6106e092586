"""Body size, heart rate, sex and age, from the headers of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import Level, Note, Source, Subject
from septum.core.subject import AGE_YEARS, HEART_RATE_BPM, HEIGHT_M, WEIGHT_KG

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from septum.core import Sex
    from septum.io.dicom.frames import DicomFrame

#: Ages of two elements that are farther apart contradict each other. A stated age is rounded down, and of a
#: birth date often only the year is true.
_APART_YEARS = 2.0


def subject_of(frames: Sequence[DicomFrame]) -> Subject:
    """Medians over the frames; without a heart rate, that of the time from R wave to R wave.

    A sex or an age that the headers contradict each other on is not taken.
    """
    stated = _median((f.heart_rate_bpm for f in frames), HEART_RATE_BPM)
    counted = _median((60_000.0 / f.interval_ms for f in frames if f.interval_ms), HEART_RATE_BPM)
    return Subject.of(
        height_m=_median((f.height_m for f in frames), HEIGHT_M),
        weight_kg=_median((f.weight_kg for f in frames), WEIGHT_KG),
        heart_rate_bpm=counted if stated is None else stated,
        sex=_sex(frames),
        age_years=_age_years(frames),
        source=Source.FILE,
    )


def body_doubts(frames: Sequence[DicomFrame]) -> tuple[Note, ...]:
    """Say which height or weight is stated and is not believed; zero is none stated."""
    sizes = (
        ("height in m", [frame.height_m for frame in frames], HEIGHT_M),
        ("weight in kg", [frame.weight_kg for frame in frames], WEIGHT_KG),
    )
    wrong = [what for what, values, within in sizes if any(values) and _median(values, within) is None]
    if not wrong:
        return ()
    told = " and no ".join(wrong)
    text = f"The headers' body size is no {told}: it was not taken, and no body surface area is had from it."
    return (Note("body_size_not_believed", text, Level.WARNING),)


def _sex(frames: Sequence[DicomFrame]) -> Sex | None:
    """The sex that all headers agree on, of those that reference ranges know."""
    found = {frame.sex for frame in frames if frame.sex}
    if found == {"F"}:
        return "F"
    return "M" if found == {"M"} else None


def _age_years(frames: Sequence[DicomFrame]) -> float | None:
    """The age that all headers agree on: as stated, or of birth and study date; else ``None``."""
    ages = {age for frame in frames for age in frame.ages_years}
    if not ages or max(ages) - min(ages) > _APART_YEARS:
        return None
    age = min(ages)
    return age if AGE_YEARS[0] <= age <= AGE_YEARS[1] else None


def _median(values: Iterable[float | None], within: tuple[float, float]) -> float | None:
    believed = [value for value in values if value is not None and within[0] <= value <= within[1]]
    return round(float(np.median(believed)), 3) if believed else None
