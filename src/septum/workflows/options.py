"""How clinical indices are taken: what the user gives instead of what is detected or read."""

from __future__ import annotations

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

from septum.core import InputError, Subject
from septum.indices import clinical_indices
from septum.indices.body import HEIGHT_M, WEIGHT_KG
from septum.indices.time_base import BELIEVED_BPM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Indices, Segmentation, Study

#: What is given for one study, in words, by the field that holds it.
OF_ONE_STUDY = {
    "end_diastole": "end-diastole",
    "end_systole": "end-systole",
    "heart_rate_bpm": "heart rate",
    "height_m": "height",
    "weight_kg": "weight",
}
#: Limits of what is believed, with its unit and a usual value, by the field.
_WITHIN = {
    "heart_rate_bpm": (BELIEVED_BPM, "beats a minute", "66"),
    "height_m": (HEIGHT_M, "m", "1.76"),
    "weight_kg": (WEIGHT_KG, "kg", "71.5"),
}


class IndexSettings(BaseModel):
    """How indices are taken; what is ``None`` is detected, or as the study says.

    Attributes:
        end_diastole, end_systole: frames from 0.
        heart_rate_bpm: beats a minute.
        height_m, weight_kg: of the body.
        body_surface_area: formula.

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

    @field_validator(*_WITHIN)
    @classmethod
    def _check_unit(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Refuse what is believed of nobody, such as a height in cm."""
        (low, high), unit, example = _WITHIN[str(info.field_name)]
        if value is not None and not low <= value <= high:
            raise ValueError(f"expected {low:g} to {high:g} {unit}, as in {example}, got {value:g}")
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
        given = Subject.of(
            height_m=self.height_m, weight_kg=self.weight_kg, heart_rate_bpm=self.heart_rate_bpm
        )
        return clinical_indices(
            segmentation,
            times_ms=study.cine.times_ms,
            subject=given.or_else(study.subject),
            end_diastole=self.end_diastole,
            end_systole=self.end_systole,
            body_surface_area=self.body_surface_area,
            volumes_ml=volumes_ml,
        )
