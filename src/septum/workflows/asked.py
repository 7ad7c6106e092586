"""What a user asks for beyond masks: how indices are taken, and what is written beside a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from septum.core import Subject
from septum.indices import clinical_indices

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import Indices, Segmentation, Study


class IndexSettings(BaseModel):
    """How indices are taken; what is ``None`` is detected, or as the study says.

    Attributes:
        end_diastole, end_systole: frames from 0.
        heart_rate_bpm: beats a minute.
        height_m, weight_kg: of the body.
        body_surface_area: formula.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    end_diastole: int | None = Field(default=None, ge=0)
    end_systole: int | None = Field(default=None, ge=0)
    heart_rate_bpm: float | None = Field(default=None, gt=0)
    height_m: float | None = Field(default=None, gt=0)
    weight_kg: float | None = Field(default=None, gt=0)
    body_surface_area: Literal["du-bois", "mosteller"] = "du-bois"

    def indices_of(self, segmentation: Segmentation, study: Study) -> Indices:
        """Clinical indices of a mask. Raises :class:`InputError` for a frame that is not there."""
        told = study.subject
        return clinical_indices(
            segmentation,
            times_ms=study.cine.times_ms,
            subject=Subject(
                height_m=self.height_m or told.height_m,
                weight_kg=self.weight_kg or told.weight_kg,
                heart_rate_bpm=self.heart_rate_bpm or told.heart_rate_bpm,
            ),
            end_diastole=self.end_diastole,
            end_systole=self.end_systole,
            body_surface_area=self.body_surface_area,
        )


@dataclass(frozen=True)
class Extras:
    """What is written beside a mask and its JSON.

    Attributes:
        report: an HTML file.
        dicom: a DICOM segmentation, and a measurement report where there are indices.
        mesh: format of the structures' surfaces, or ``None``.
        identify: show in the report who the patient is, as a DICOM study says.
        deidentify: give DICOM objects pseudonyms in place of who the patient is.
    """

    report: bool = False
    dicom: bool = False
    mesh: str | None = None
    identify: bool = False
    deidentify: bool = False

    def hold(self, asked: Extras) -> bool:
        """Whether what was written for these is what is asked for now, if it is still there."""
        return (
            (not asked.report or (self.report and self.identify == asked.identify))
            and (not asked.dicom or (self.dicom and self.deidentify == asked.deidentify))
            and asked.mesh in (None, self.mesh)
        )

    def files(self, mask: Path) -> dict[str, Path]:
        """What stands beside a mask when its case is finished; of meshes, their folder.

        Args:
            mask: path of the mask, ``NAME_seg`` and an ending.
        """
        stem = mask.name[: mask.name.rindex("_seg.")]
        names = {}
        if self.report:
            names["report"] = f"{stem}_report.html"
        if self.dicom:
            names["dicom"] = f"{stem}_seg.dcm"
        if self.mesh is not None:
            names["mesh"] = f"{stem}_mesh"
        return {what: mask.parent / name for what, name in names.items()}
