"""What a user asks for beyond masks: how indices are taken, and what is written beside a mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from septum.core import InputError, Subject
from septum.indices import clinical_indices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from septum.core import Indices, Segmentation, Study

#: How an extra is wanted, by its kind: the report identified or not, DICOM with pseudonyms (and by which key,
#: if it is kept) or not, the format of meshes.
Kinds = dict[str, bool | str]


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

    def of_one_study(self) -> list[str]:
        """Options that are given here, and that say something of one study alone."""
        options = {
            "--ed": self.end_diastole, "--es": self.end_systole, "--heart-rate": self.heart_rate_bpm,
            "--height": self.height_m, "--weight": self.weight_kg,
        }  # fmt: skip
        return [name for name, value in options.items() if value is not None]

    def check_frames(self, frames: int, source: Path) -> None:
        """Refuse frames that an image does not have, before it is segmented. Raises :class:`InputError`."""
        for option, frame in (("--ed", self.end_diastole), ("--es", self.end_systole)):
            if frame is not None and frame >= frames:
                if frames == 1:
                    expected = f"expected {option} to be 0, its only frame"
                else:
                    expected = f"expected {option} to be a frame from 0 to {frames - 1}"
                raise InputError(
                    f"{source}: {expected}, and got {frame}; frames are counted from 0. Give a frame that is "
                    f"there, or leave {option} out."
                )

    def indices_of(self, segmentation: Segmentation, study: Study) -> Indices:
        """Clinical indices of a mask. Raises :class:`InputError` for a frame that is not there."""
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
        key: fingerprint of the key for pseudonyms; empty without them, and for a key that nobody keeps.
    """

    report: bool = False
    dicom: bool = False
    mesh: str | None = None
    identify: bool = False
    deidentify: bool = False
    key: str = ""

    @classmethod
    def of(cls, kinds: Mapping[str, bool | str]) -> Extras:
        """The extras of these kinds."""
        dicom = kinds.get("dicom", False)
        return cls(
            report="report" in kinds,
            dicom="dicom" in kinds,
            mesh=str(kinds["mesh"]) if "mesh" in kinds else None,
            identify=bool(kinds.get("report")),
            deidentify=bool(dicom),
            key=dicom if isinstance(dicom, str) else "",
        )

    def kinds(self) -> Kinds:
        """Each that is asked for, and how."""
        asked: Kinds = {}
        if self.report:
            asked["report"] = self.identify
        if self.dicom:
            asked["dicom"] = self.deidentify and (self.key or True)
        if self.mesh is not None:
            asked["mesh"] = self.mesh
        return asked

    def possible(self, *, is_dicom: bool) -> Extras:
        """Those that an input can have: what is not DICOM names no patient, and no object refers to it."""
        return self if is_dicom else replace(self.without_dicom(), identify=False)

    def without_dicom(self) -> Extras:
        """All but DICOM objects."""
        return replace(self, dicom=False, deidentify=False, key="")
