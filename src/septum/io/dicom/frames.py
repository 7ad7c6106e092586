"""One MR image, or one frame of a multi-frame object: what of its header decides where it belongs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.io.dicom.references import FrameReference

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core.geometry import Triple
    from septum.io.dicom.native import NativePixels


#: Date, if any, and time as DICOM writes them.
_MOMENT = re.compile(r"(\d{8})?(\d\d)(\d\d)(\d\d(?:\.\d*)?)(?:[+-]\d{4})?")


@dataclass(frozen=True)
class DicomFrame:
    """One 2-D image. Patient axes are LPS, lengths in mm, times in ms.

    Attributes:
        path: its file.
        number: from 1 within a multi-frame object, ``None`` of a single-frame one.
        sop_class_uid, sop_instance_uid: of the object.
        study_uid, series_uid, space_uid: of study, series and frame of reference.
        series_number, instance_number, acquisition_number: as counted by the scanner.
        acquired: time of acquisition as the header writes it, to compare and never to show.
        shape: (Y, X).
        pixel_mm: spacing (Y, X).
        position_mm: centre of the first pixel.
        row, column: unit vectors along which X and Y run.
        thickness_mm: distance to the next slice, or thickness, as the header states it.
        slice_thickness_mm: as the header states it.
        trigger_ms: time after the R wave.
        temporal_position: number of the phase.
        phases: number of phases that the header states.
        interval_ms: from R wave to R wave.
        heart_rate_bpm, height_m, weight_kg: as stated.
        original: whether the header says that the image was measured, not computed from others.
        component: ``magnitude``, ``real`` or ``map`` (phase, velocity, relaxation time).
        sequence: kind of the pulse sequence as the header codes it.
        echo_ms: echo time.
        inversion_ms: inversion time, where there is an inversion.
        hints: what the series description suggests, of ``HINTS`` in ``single``; never the text itself.
        slope, intercept: of stored values.
        inverted: whether the lowest value is white.
        sex: of the patient as the header codes it, upper case; empty if it is not stated.
        ages_years: of the patient at the time of the study, as each element that tells it has it.
        native: where its stored values lie in the file, if they are not packed.
    """

    path: Path
    number: int | None
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    space_uid: str
    series_number: int | None
    instance_number: int | None
    acquisition_number: int | None
    acquired: str
    shape: tuple[int, int]
    pixel_mm: tuple[float, float]
    position_mm: Triple
    row: Triple
    column: Triple
    thickness_mm: float | None
    slice_thickness_mm: float | None
    trigger_ms: float | None
    temporal_position: int | None
    phases: int | None
    interval_ms: float | None
    heart_rate_bpm: float | None
    height_m: float | None
    weight_kg: float | None
    original: bool
    component: str
    sequence: tuple[str, ...]
    echo_ms: float | None
    inversion_ms: float | None
    hints: frozenset[str]
    slope: float
    intercept: float
    inverted: bool
    sex: str = ""
    ages_years: tuple[float, ...] = ()
    native: NativePixels | None = None

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector along which slices ascend: row times column direction."""
        return np.cross(self.row, self.column)

    @property
    def acquired_s(self) -> float | None:
        """Time of acquisition in seconds, to compare within an hour or two; ``None`` if it is not stated."""
        found = _MOMENT.fullmatch(self.acquired)
        if found is None:
            return None
        day, hours, minutes, seconds = found.groups()
        return ((int(day or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)

    @property
    def offset_mm(self) -> tuple[float, float]:
        """Position within the plane, along (row, column) directions."""
        return (float(np.dot(self.row, self.position_mm)), float(np.dot(self.column, self.position_mm)))

    @property
    def reference(self) -> FrameReference:
        """How other DICOM objects refer to it."""
        return FrameReference(self.path, self.sop_class_uid, self.sop_instance_uid, self.number)

    @property
    def age(self) -> tuple[str, int, int, int]:
        """What grows with the time of acquisition, to tell a repetition from what it repeats."""
        numbers = (self.series_number, self.acquisition_number, self.instance_number)
        series, acquisition, instance = (-1 if value is None else value for value in numbers)
        return (self.acquired, series, acquisition, instance)
