"""Published reference ranges as data: which tables there are, and how one is read.

A new table is a file in ``tables/`` and a name in :data:`septum.interpretation.names.REFERENCES`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from septum.core import InputError, Sex
from septum.interpretation.names import REFERENCES, Ethnicity, ReferenceName

#: No table is of people who are younger.
LEAST_AGE_YEARS = 18


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Part):
    """The range of one index in one group of people.

    Attributes:
        ethnicity: as the paper parts people; ``None`` where it does not.
        sex: of the people.
        from_age, to_age: in whole years, both included; ``None`` for no upper limit.
        index: key of the index.
        by_area: whether the limits are by square metre of body surface area.
        low, high: limits, between which 95 % of healthy people lie.
        mean, sd: of healthy people, where the paper gives them.
        transcriptions: number of independent transcriptions in which the limits agree.
    """

    ethnicity: Ethnicity | None
    sex: Sex
    from_age: int = Field(ge=LEAST_AGE_YEARS)
    to_age: int | None
    index: str
    by_area: bool
    low: float
    high: float
    mean: float | None
    sd: float | None = Field(gt=0)
    transcriptions: int = Field(ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        """Refuse limits the wrong way about."""
        if not self.low < self.high:
            raise ValueError(f"expected low below high, got {self.low:g} and {self.high:g}")
        return self

    def holds(self, sex: Sex, age_years: float) -> bool:
        """Tell whether it is of such people.

        Args:
            sex: of the patient.
            age_years: of the patient; ages count in whole years.
        """
        years = int(age_years)
        return self.sex == sex and self.from_age <= years and (self.to_age is None or years <= self.to_age)


class Reference(_Part):
    """A published table.

    Attributes:
        format: version of this schema.
        key: its name.
        title, citation: for people.
        locator: what of the paper it is.
        people: who was measured.
        convention: what counts as cavity.
        read: how the values were obtained.
        body_surface_area: formula by which the paper divides, ``mosteller`` or ``du-bois``; ``None`` where
            that was not found.
        normal_width: whether limits are those of a normal distribution, so that its mean is their middle and
            its standard deviation their distance over 3.92.
        ranges: its lines.
    """

    format: Literal[1]
    key: ReferenceName
    title: str
    citation: str
    locator: str
    people: str
    convention: Literal["papillary in cavity"]
    read: str
    body_surface_area: Literal["mosteller", "du-bois"] | None
    normal_width: bool
    ranges: tuple[Range, ...]

    @model_validator(mode="before")
    @classmethod
    def _of_rows(cls, document: Any) -> Any:
        """Make ranges of rows, whose columns are named once."""
        if not isinstance(document, dict) or "rows" not in document:
            return document
        rest = {name: value for name, value in document.items() if name not in ("columns", "rows")}
        columns = document["columns"]
        return {**rest, "ranges": [dict(zip(columns, row, strict=True)) for row in document["rows"]]}

    @model_validator(mode="after")
    def _each_once(self) -> Reference:
        """Refuse two ranges of one index for the same people."""
        known = {(r.ethnicity, r.sex, r.from_age, r.index, r.by_area) for r in self.ranges}
        if len(known) < len(self.ranges):
            raise ValueError("expected one range for each index and group of people, found two of one")
        return self

    @property
    def parts_by_ethnicity(self) -> bool:
        """Whether people of several ethnicities have tables of their own."""
        return any(one.ethnicity is not None for one in self.ranges)

    def of(self, sex: Sex, age_years: float, ethnicity: Ethnicity) -> tuple[Range, ...]:
        """Give the ranges of such people; none where the table has no such group.

        Args:
            sex: of the patient.
            age_years: of the patient.
            ethnicity: of the patient; without effect where the table does not part people by it.
        """
        return tuple(
            one for one in self.ranges if one.holds(sex, age_years) and one.ethnicity in (None, ethnicity)
        )


@lru_cache(maxsize=8)
def load_reference(name: str) -> Reference:
    """Read a table of the package.

    Args:
        name: one of :data:`REFERENCES`.

    Raises:
        InputError: there is no such table, or its file was changed and is none any more.

    >>> load_reference("hhc2024").body_surface_area
    'mosteller'
    """
    if name not in REFERENCES:
        raise InputError(f"reference: expected one of {', '.join(REFERENCES)}, got {name!r}; choose one.")
    path = files("septum.interpretation").joinpath("tables", f"{name}.json")
    return parse_reference(path.read_bytes(), str(path))


def parse_reference(content: bytes, source: str) -> Reference:
    """Make a table of the bytes of its file.

    Args:
        content: JSON.
        source: name of the file, for messages.

    Raises:
        InputError: it is no table of reference ranges; the first fault is named.
    """
    try:
        return Reference.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            f"{source}: expected a table of reference ranges in format 1, and {place} is not: "
            f"{first['msg'].removeprefix('Value error, ')}; install Septum again, or undo the change."
        ) from error
