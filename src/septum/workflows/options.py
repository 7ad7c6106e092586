"""How clinical indices are taken: what the user gives instead of what is detected or read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from septum.core import InputError, Sex, Subject
from septum.core.subject import AGE_YEARS, HEART_RATE_BPM, HEIGHT_M, WEIGHT_KG
from septum.indices import clinical_indices
from septum.interpretation.names import REFERENCES, Ethnicity, ReferenceName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Comparison, Indices, MeasuredError, Segmentation, Study
    from septum.core.pattern import Pattern

#: What is given for one study, in words, by the field that holds it.
OF_ONE_STUDY = {
    "end_diastole": "end-diastole",
    "end_systole": "end-systole",
    "heart_rate_bpm": "heart rate",
    "height_m": "height",
    "weight_kg": "weight",
    "sex": "sex",
    "age_years": "age",
    "ethnicity": "ethnicity",
}
#: Limits of what is believed, with its unit and a usual value, by the field.
_WITHIN = {
    "heart_rate_bpm": (HEART_RATE_BPM, "beats a minute", "66"),
    "height_m": (HEIGHT_M, "m", "1.76"),
    "weight_kg": (WEIGHT_KG, "kg", "71.5"),
    "age_years": (AGE_YEARS, "years", "54"),
}


def disbelief(field: str, value: float) -> str | None:
    """Say what is expected instead of a number that is believed of nobody, such as a height in cm.

    Args:
        field: of the settings.
        value: that it would have.

    >>> disbelief("height_m", 176.0)
    'expected 0.3 to 2.6 m, as in 1.76, got 176'
    """
    low, high = _WITHIN[field][0]
    return None if low <= value <= high else f"{believed(field)}, got {value:g}"


def believed(field: str) -> str:
    """Say which numbers are believed of somebody.

    Args:
        field: of the settings.

    >>> believed("age_years")
    'expected 0 to 120 years, as in 54'
    """
    (low, high), unit, example = _WITHIN[field]
    return f"expected {low:g} to {high:g} {unit}, as in {example}"


class IndexSettings(BaseModel):
    """How indices are taken; what is ``None`` is detected, or as the study says.

    Attributes:
        end_diastole, end_systole: frames from 0.
        heart_rate_bpm: beats a minute.
        height_m, weight_kg: of the body.
        body_surface_area: formula.
        reference: table of reference ranges that indices are compared with. A sex, an age or an ethnicity
            asks for a comparison, too, with the first table; without any of them there is none.
        sex, age_years: of the patient, instead of the file's.
        ethnicity: of the patient, by which a table may part people.
        pattern: whether the study is set beside the groups of ACDC.

    Raises:
        InputError: there is no such field, or a value is none that it can have.

    >>> IndexSettings(end_diastole=0, heart_rate_bpm=66).of_one_study()
    ['end-diastole', 'heart rate']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    end_diastole: int | None = Field(default=None, ge=0)
    end_systole: int | None = Field(default=None, ge=0)
    heart_rate_bpm: float | None = None
    height_m: float | None = None
    weight_kg: float | None = None
    body_surface_area: Literal["du-bois", "mosteller"] = "du-bois"
    reference: ReferenceName | None = None
    sex: Sex | None = None
    age_years: float | None = None
    ethnicity: Ethnicity | None = None
    pattern: bool = False

    @field_validator(*_WITHIN)
    @classmethod
    def _check_unit(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Refuse what is believed of nobody, such as a height in cm."""
        wrong = None if value is None else disbelief(str(info.field_name), value)
        if wrong is not None:
            raise ValueError(wrong)
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_sentence(cls, given: Any, check: ModelWrapValidatorHandler[IndexSettings]) -> IndexSettings:
        """Say in one sentence what is wrong."""
        try:
            return check(given)
        except ValidationError as error:
            from septum.core.settings_error import describe  # noqa: PLC0415  # where something is wrong

            raise InputError(f"indices: {describe(error, [cls])}.") from error

    def of_one_study(self) -> list[str]:
        """Name, in words, what is given here and belongs to one study alone."""
        return [words for name, words in OF_ONE_STUDY.items() if getattr(self, name) is not None]

    def check_frames(self, frames: int, source: object) -> None:
        """Refuse frames that an image does not have, before it is segmented. Raises :class:`InputError`."""
        for phase, frame in (("end-diastole", self.end_diastole), ("end-systole", self.end_systole)):
            if frame is not None and frame >= frames:
                if frames == 1:
                    expected = f"expected {phase} to be frame 0, its only frame"
                else:
                    expected = f"expected {phase} to be a frame from 0 to {frames - 1}"
                raise InputError(
                    f"{source}: {expected}, and got {frame}; frames are counted from 0. Give a frame that is "
                    f"there, or let {phase} be detected."
                )

    def indices_of(
        self,
        segmentation: Segmentation,
        study: Study,
        volumes_ml: Mapping[str, tuple[float, ...]] | None = None,
    ) -> Indices:
        """Take the clinical indices of a mask.

        Args:
            segmentation: the mask.
            study: its image.
            volumes_ml: of its structures, one a frame, where they are counted already.

        Raises:
            InputError: a frame that was given is not there.
        """
        return clinical_indices(
            segmentation,
            times_ms=study.cine.times_ms,
            subject=self.subject_of(study),
            end_diastole=self.end_diastole,
            end_systole=self.end_systole,
            body_surface_area=self.body_surface_area,
            volumes_ml=volumes_ml,
        )

    def subject_of(self, study: Study) -> Subject:
        """Give what is known of the patient: as it is given here, or else as the study has it."""
        given = Subject.of(
            height_m=self.height_m, weight_kg=self.weight_kg, heart_rate_bpm=self.heart_rate_bpm,
            sex=self.sex, age_years=self.age_years,
        )  # fmt: skip
        return given.or_else(study.subject)

    @property
    def compares(self) -> bool:
        """Whether a comparison with reference ranges is asked for."""
        return any(one is not None for one in (self.reference, self.sex, self.age_years, self.ethnicity))

    def comparison_of(
        self,
        indices: Indices,
        study: Study,
        errors: Mapping[str, MeasuredError],
        *,
        own_convention: bool,
    ) -> Comparison | None:
        """Set indices beside reference ranges, if that is asked for.

        Sex and age of the study's headers are looked at only then.

        Args:
            indices: of the mask.
            study: its image.
            errors: of the measurement, by index.
            own_convention: whether the mask counts papillary muscles as cavity for certain.

        Raises:
            InputError: the table cannot be read.
        """
        if not self.compares:
            return None
        from septum.interpretation.ranges import (  # noqa: PLC0415  # only where asked for
            Request,
            compare,
            contradictions,
        )

        request = Request(self.reference or REFERENCES[0], self.ethnicity, self.body_surface_area)
        subject = self.subject_of(study)
        compared = compare(indices, subject, request, errors, own_convention=own_convention)
        given = Subject.of(sex=self.sex, age_years=self.age_years)
        return replace(compared, notes=(*contradictions(given, study.subject), *compared.notes))

    def pattern_of(
        self, indices: Indices, study: Study, errors: Mapping[str, MeasuredError], *, refused: bool
    ) -> Pattern | None:
        """Set a study beside the groups of ACDC, if that is asked for.

        Args:
            indices: of the mask.
            study: its image.
            errors: of the measurement, by index.
            refused: whether the mask is rejected, so that its numbers must not be used.

        Raises:
            InputError: the regression cannot be read.
        """
        if not self.pattern:
            return None
        from septum.interpretation.groups import pattern_of  # noqa: PLC0415  # only where asked for

        return pattern_of(indices, self.subject_of(study), errors, refused=refused)
