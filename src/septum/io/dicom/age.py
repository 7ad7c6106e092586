"""The patient's age at the time of the study, from a header; dates are compared and not kept."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from septum.io.dicom.headers import text

if TYPE_CHECKING:
    from pydicom import Dataset

_AGE = re.compile(r"(\d{1,3})([DWMY])")
#: Value representation AS: days, weeks, months and years, in years.
_YEARS = {"D": 1.0 / 365.25, "W": 7.0 / 365.25, "M": 1.0 / 12.0, "Y": 1.0}
_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")


def ages_years(header: Dataset) -> tuple[float, ...]:
    """Give the age by each element that tells it: Patient's Age, and birth date against study date.

    What is empty, or no age or date, tells none. So does a birth date that de-identification left as zeros.

    Args:
        header: of an image.
    """
    stated, lived = age_of(text(header, "PatientAge")), None
    born, studied = (date_of(text(header, keyword)) for keyword in ("PatientBirthDate", "StudyDate"))
    if born is not None and studied is not None and born <= studied:
        lived = (studied - born).days / 365.25
    return tuple(round(age, 2) for age in (stated, lived) if age is not None)


def age_of(written: str) -> float | None:
    """Read an age string of DICOM in years (PS3.5, value representation AS).

    >>> age_of("045Y"), age_of("018M"), age_of("old")
    (45.0, 1.5, None)
    """
    found = _AGE.fullmatch(written.strip().upper())
    return None if found is None else int(found[1]) * _YEARS[found[2]]


def date_of(written: str) -> date | None:
    """Read a date of DICOM (PS3.5, value representation DA, old and new form); ``None`` for none.

    >>> date_of("19600229"), date_of("00000000")
    (datetime.date(1960, 2, 29), None)
    """
    found = _DATE.fullmatch(written.strip())
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None
