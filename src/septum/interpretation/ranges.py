"""A study's indices beside reference ranges: z-score, percentile, and the probability of being outside.

The probability is that of :mod:`septum.interpretation.probability`. It rests on what the measurement was off
by in patients whom the model had not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from septum.core import ComparedIndex, Comparison, Indices, Level, MeasuredError, Note, Subject, value_of
from septum.indices.body import FORMULAS, surface_area
from septum.interpretation.names import REFERENCES
from septum.interpretation.probability import p_outside
from septum.interpretation.references import LEAST_AGE_YEARS, load_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from septum.core import Index, Sex
    from septum.interpretation.names import Ethnicity, ReferenceName
    from septum.interpretation.references import Range, Reference

#: Standard deviations between the limits that hold 95 % of a normal distribution.
WIDTH_SD = 3.92
#: Whose ranges are shown where the user gave no ethnicity: the group that every table has. A note says so.
ASSUMED: Ethnicity = "white"
#: Ages that are farther apart are not of one study.
_APART_YEARS = 2.0
_SEXES = {"F": "women", "M": "men"}
ETHNICITY_NAMES: Mapping[Ethnicity, str] = {
    "white": "White", "black": "Black", "south-asian": "South Asian", "chinese": "Chinese",
    "mixed-other": "Mixed or other",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What the user asks indices to be compared with.

    Attributes:
        reference: name of the table.
        ethnicity: of the patient, if given.
        body_surface_area: formula where the table's own is not known.
    """

    reference: ReferenceName = REFERENCES[0]
    ethnicity: Ethnicity | None = None
    body_surface_area: str = "du-bois"


def compare(
    indices: Indices,
    subject: Subject,
    request: Request,
    errors: Mapping[str, MeasuredError] | None = None,
    *,
    own_convention: bool = True,
) -> Comparison:
    """Set indices beside reference ranges.

    An index is compared by body surface area where that is known and the table has such a range, and else as
    it is. Body surface area is by the formula of the table.

    Args:
        indices: of a mask.
        subject: sex, age and body size, as far as known.
        request: which table.
        errors: of the measurement, by index; none where they are not known.
        own_convention: whether the mask is known to count papillary muscles as cavity.

    Returns:
        A comparison without items where there is no range for such a patient; its notes say why.

    Raises:
        InputError: there is no such table, or it was damaged.

    >>> from septum.core import Index
    >>> found = Indices(None, {}, None, (Index("lv_ef_percent", "LV ejection fraction", 42.0, "%"),))
    >>> compared = compare(found, Subject.of(sex="F", age_years=54.0), Request())
    >>> compared.group, round(compared.items[0].z, 1)
    ('women, 50 to 59 years, White', -3.5)
    """
    table = load_reference(request.reference)
    empty = Comparison(
        table.key, table.title, table.citation, table.read, table.convention, subject.sex,
        ethnicity_given=request.ethnicity is not None and table.parts_by_ethnicity,
    )  # fmt: skip
    sex, age = value_of(subject.sex), value_of(subject.age_years)
    if sex is None or age is None:
        return replace(empty, notes=(_unknown_person(table, subject),))
    refusal = _refusal(table, sex, age, request.ethnicity or ASSUMED)
    if refusal is not None:
        return replace(empty, notes=(refusal,))
    ranges = table.of(sex, age, request.ethnicity or ASSUMED)
    formula = table.body_surface_area or request.body_surface_area
    area = value_of(surface_area(subject, formula)[0])
    items = tuple(_items(indices.items, ranges, table, area, errors or {}))
    divided = area if any(one.by_area for one in items) else None
    return replace(
        empty,
        group=_group(ranges[0]),
        ethnicity=ranges[0].ethnicity,
        items=items,
        body_surface_area_m2=divided,
        body_surface_area_formula=None if divided is None else FORMULAS[formula][0],
        notes=tuple(_notes(table, request, items, area, own_convention=own_convention)),
    )


def contradictions(given: Subject, stated: Subject) -> tuple[Note, ...]:
    """Say where the user's sex or age is not that of the file; neither is named.

    Args:
        given: by the user.
        stated: by the file.

    >>> contradictions(Subject.of(sex="F"), Subject.of(sex="M"))[0].key
    'reference_person_contradictory'
    """
    wrong = []
    sexes, ages = (given.sex, stated.sex), (given.age_years, stated.age_years)
    if all(sexes) and value_of(sexes[0]) != value_of(sexes[1]):
        wrong.append("sex")
    if ages[0] is not None and ages[1] is not None and abs(ages[0].value - ages[1].value) > _APART_YEARS:
        wrong.append("age")
    if not wrong:
        return ()
    text = (
        f"The {' and '.join(wrong)} that was given is not that of the file's header. What was given is "
        "taken; check that both are of one patient."
    )
    return (Note("reference_person_contradictory", text, Level.WARNING),)


def _items(
    items: Sequence[Index],
    ranges: Sequence[Range],
    table: Reference,
    area_m2: float | None,
    errors: Mapping[str, MeasuredError],
) -> Iterator[ComparedIndex]:
    """Compare each index that has a value and a range, in the order of the indices."""
    known = {(one.index, one.by_area): one for one in ranges}
    for index in items:
        if index.value is None or not math.isfinite(index.value):
            continue
        divided = None if area_m2 is None else known.get((index.key, True))
        found = divided or known.get((index.key, False))
        if found is not None:
            yield _compared(index, found, table, area_m2 or 1.0, errors.get(index.key))


def _compared(
    index: Index, found: Range, table: Reference, area_m2: float, error: MeasuredError | None
) -> ComparedIndex:
    divisor = area_m2 if found.by_area else 1.0
    value = float(index.value or 0.0)
    mean, sd = found.mean, found.sd
    if mean is None and table.normal_width:
        mean, sd = (found.low + found.high) / 2.0, (found.high - found.low) / WIDTH_SD
    z = None if mean is None or sd is None else (value / divisor - mean) / sd
    below = above = None
    if error is not None and (error.kind == "difference" or value > 0):
        below, above = p_outside(value, found.low * divisor, found.high * divisor, error)
    return ComparedIndex(
        key=index.key,
        title=index.title,
        value=value / divisor,
        unit=f"{index.unit}/m²" if found.by_area else index.unit,
        by_area=found.by_area,
        low=found.low,
        high=found.high,
        z=z,
        percentile=None if z is None else 50.0 * (1.0 + math.erf(z / math.sqrt(2.0))),
        below=below,
        above=above,
        transcriptions=found.transcriptions,
    )


def _unknown_person(table: Reference, subject: Subject) -> Note:
    """Say what is missing of sex and age."""
    known = {"sex": subject.sex, "age": subject.age_years}
    missing = [name for name, one in known.items() if one is None]
    are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    text = (
        f"There is no comparison with {table.title}: the patient's {' and '.join(missing)} {are} not given, "
        f"and the file does not have {them}, contradicts itself, or has a value that no table knows."
    )
    return Note("reference_person_unknown", text, Level.WARNING)


def _refusal(table: Reference, sex: Sex, age: float, ethnicity: Ethnicity) -> Note | None:
    """Say why such a patient cannot be compared with a table; ``None`` where nothing is in the way."""
    if age < LEAST_AGE_YEARS:
        text = (
            f"There is no comparison with {table.title}: it is of adults, and the patient is younger than "
            f"{LEAST_AGE_YEARS}."
        )
        return Note("reference_of_adults", text, Level.WARNING)
    if table.of(sex, age, ethnicity):
        return None
    named = f" ({ETHNICITY_NAMES[ethnicity]})" if table.parts_by_ethnicity else ""
    text = (
        f"There is no comparison with {table.title}: it has no ranges of {_SEXES[sex]} of this age{named}; "
        "choose another reference."
    )
    return Note("reference_has_no_group", text, Level.WARNING)


def _notes(
    table: Reference, request: Request, items: Sequence[ComparedIndex], area_m2: float | None, *,
    own_convention: bool,
) -> Iterator[Note]:  # fmt: skip
    """Say what was assumed, and what could not be compared."""
    if table.parts_by_ethnicity and request.ethnicity is None:
        yield Note(
            "reference_ethnicity_assumed",
            f"No ethnicity was given: the ranges are those of {ETHNICITY_NAMES[ASSUMED]} people. Those of "
            "other groups differ, so give it where it is known.",
            Level.WARNING,
        )
    if not items:
        yield Note("reference_has_no_index", f"{table.title} has no range for any index of this mask.")
        return
    if not own_convention:
        yield Note(
            "reference_convention",
            f"{table.title} counts papillary muscles as cavity: the ranges hold only if the mask does so.",
            Level.WARNING,
        )
    if area_m2 is None:
        text = "Body size is not known: values are compared as they are, where the table has such ranges."
        yield Note("reference_not_by_area", text)
    elif table.body_surface_area is None and any(one.by_area for one in items):
        text = f"The formula of body surface area of {table.title} was not found: the chosen one was taken."
        yield Note("reference_formula_unknown", text)
    if all(one.outside is None for one in items):
        text = (
            "The error of this measurement is not known, so there is no probability of being outside of a "
            "range: it is known of unchanged masks of a calibrated model, in images as it learnt from."
        )
        yield Note("reference_without_error", text)


def _group(found: Range) -> str:
    """Name the people of a range."""
    ages = (
        f"{found.from_age} years and older"
        if found.to_age is None
        else f"{found.from_age} to {found.to_age} years"
    )
    named = [_SEXES[found.sex], ages]
    if found.ethnicity is not None:
        named.append(ETHNICITY_NAMES[found.ethnicity])
    return ", ".join(named)
