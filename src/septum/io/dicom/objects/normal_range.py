"""Reference ranges in a measurement report: measurement properties (TID 310 to 312 of PS3.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom import sr
from pydicom.sr.coding import Code

from septum.core import Place
from septum.io.dicom.objects.instances import short_text

if TYPE_CHECKING:
    from septum.core import ComparedIndex, Comparison

_LOWER_LIMIT = Code("385524004", "SCT", "Normal Range Lower Limit")
_UPPER_LIMIT = Code("371933006", "SCT", "Normal Range Upper Limit")
_Z_SCORE = Code("121416", "DCM", "Z-Score of measurement")
_PERCENTILE = Code("121415", "DCM", "Percentile Ranking of measurement")
#: There is no code for it; the coding scheme is private.
_OUTSIDE = Code("P_OUTSIDE", "99SEPTUM", "Probability that true value is outside normal range")
_PERCENT = Code("%", "UCUM", "Percent")
_NO_UNITS = Code("1", "UCUM", "no units")
#: Context group 222.
_UNDETERMINED = Code("371934000", "SCT", "Normality Undetermined")
_NORMAL = Code("17621005", "SCT", "Normal")
_HIGH = Code("371879000", "SCT", "Abnormally High")
_LOW = Code("371880002", "SCT", "Abnormally Low")
#: Digits after the point, as in the JSON.
_DIGITS = 4


def properties_of(item: ComparedIndex, comparison: Comparison, unit: Code) -> sr.MeasurementProperties:
    """Describe where a measurement lies beside a reference range.

    Limits are in the unit of the measurement: those by body surface area are multiplied with it. Normality is
    given where the error of the measurement is known: undetermined where it cannot tell.

    Args:
        item: the compared index.
        comparison: which it belongs to.
        unit: of the measurement.
    """
    area_m2 = comparison.body_surface_area_m2 if item.by_area else None
    limits = [
        _number(name, round(limit * (area_m2 or 1.0), _DIGITS), unit)
        for name, limit in ((_LOWER_LIMIT, item.low), (_UPPER_LIMIT, item.high))
    ]
    told = (
        (_Z_SCORE, item.z, _NO_UNITS),
        (_PERCENTILE, item.percentile, _PERCENT),
        (_OUTSIDE, item.outside, _NO_UNITS),
    )
    values = [_number(name, round(value, _DIGITS), of) for name, value, of in told if value is not None]
    group = comparison.group
    if area_m2 is not None:
        group += f"; by body surface area, {area_m2:.2f} m2 ({comparison.body_surface_area_formula})"
    return sr.MeasurementProperties(
        normality=_normality(item),
        measurement_statistical_properties=sr.MeasurementStatisticalProperties(
            values, description=comparison.group, authority=short_text(comparison.title)
        )
        if values
        else None,
        normal_range_properties=sr.NormalRangeProperties(
            limits, description=group, authority=comparison.citation
        ),
    )


def _normality(item: ComparedIndex) -> Code | None:
    if item.place is None or item.below is None or item.above is None:
        return None
    if item.place is Place.OUTSIDE:
        return _LOW if item.below > item.above else _HIGH
    return _NORMAL if item.place is Place.INSIDE else _UNDETERMINED


def _number(name: Code, value: float, unit: Code) -> sr.NumContentItem:
    return sr.NumContentItem(
        name=name, value=value, unit=unit, relationship_type=sr.RelationshipTypeValues.HAS_PROPERTIES
    )
