"""What can be asked of a phantom."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PhantomSettings(BaseModel):
    """A short-axis bSSFP cine of a healthy adult, unless asked otherwise.

    Attributes:
        frames: number of frames of one heart beat; frame 0 is end-diastole.
        slices: number of slices, from above the base (0) to below the apex.
        matrix: number of voxels in plane along (Y, X).
        in_plane_mm: voxel size in plane, in mm.
        slice_spacing_mm: distance of slice centres in mm.
        slice_thickness_mm: depth over which a voxel averages, in mm; at most the spacing.
        heart_rate_bpm: beats a minute.
        lv_edv_ml, lv_esv_ml: cavity of the left ventricle at end-diastole and end-systole, in ml.
        rv_edv_ml, rv_esv_ml: cavity of the right ventricle, in ml.
        lv_length_mm: length of the left cavity from base to apex at end-diastole, in mm.
        wall_mm: wall thickness at the base at end-diastole, in mm; its volume is kept while it contracts.
        base_descent_mm: way of the base towards the apex in systole, in mm. A whole number of slices
            makes the volume of the sampled truth agree best with the analytic one.
        septum_degrees: direction from the LV centre to the septum, counted in the displayed image from
            left (0) to up (90); the generator adds up to 12 degrees to either side.
        noise: standard deviation of the noise in each of the two receiver channels, as a share of the
            signal of blood.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: int = Field(default=12, ge=1, le=200)
    slices: int = Field(default=10, ge=1, le=64)
    matrix: tuple[int, int] = (216, 256)
    in_plane_mm: float = Field(default=1.4, ge=0.5, le=3.0)
    slice_spacing_mm: float = Field(default=10.0, ge=2.0, le=15.0)
    slice_thickness_mm: float = Field(default=8.0, gt=0.0, le=15.0)
    heart_rate_bpm: float = Field(default=66.0, ge=20.0, le=250.0)
    lv_edv_ml: float = Field(default=140.0, ge=40.0, le=400.0)
    lv_esv_ml: float = Field(default=55.0, ge=10.0)
    rv_edv_ml: float = Field(default=150.0, ge=40.0, le=400.0)
    rv_esv_ml: float = Field(default=63.0, ge=10.0)
    lv_length_mm: float = Field(default=78.0, ge=50.0, le=120.0)
    wall_mm: float = Field(default=8.5, ge=4.0, le=25.0)
    base_descent_mm: float = Field(default=10.0, ge=0.0, le=25.0)
    septum_degrees: float = Field(default=42.0, ge=-90.0, le=90.0)
    noise: float = Field(default=0.02, ge=0.0, le=0.5)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.lv_esv_ml > self.lv_edv_ml or self.rv_esv_ml > self.rv_edv_ml:
            raise ValueError("an end-systolic volume is at most the end-diastolic one")
        if self.slice_thickness_mm > self.slice_spacing_mm:
            raise ValueError("slice_thickness_mm is at most slice_spacing_mm")
        if min(self.matrix) * self.in_plane_mm < 200.0:
            raise ValueError("the field of view (matrix times in_plane_mm) is at least 200 mm along Y and X")
        return self
