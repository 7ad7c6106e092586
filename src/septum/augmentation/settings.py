"""Settings of augmentation, as they stand in recipes. All default to nothing, which is the paper's recipe."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AugmentationSettings(BaseModel):
    """Ranges from which random changes are drawn; a range of 0 or a probability of 0 turns one off.

    Attributes:
        rotation_deg: in-plane rotation, uniform within plus and minus this.
        log_scale: in-plane scale is exp(u), u uniform within plus and minus this.
        log_aspect: ratio of the two in-plane scales, likewise.
        mirror: probability of an in-plane mirror image.
        reverse_slices: probability that base and apex change places.
        elastic_mm: standard deviation of the smooth in-plane displacement at its control points.
        slice_shift_mm: standard deviation of the displacement of single slices (breathing).
        slice_shift_probability: how often slices are displaced at all.
        log_gamma: intensities, scaled to 0 to 1, are raised to exp(u).
        bias: amplitude of the smooth multiplicative shading (as log intensity).
        noise: largest standard deviation of added noise, in units of the volume's standard deviation.
        blur_probability: how often the in-plane resolution is lowered.
        log_contrast: intensities are spread about their mean by exp(u) and clipped to their old range.
        ghost_probability: how often copies of the heart, displaced along one in-plane axis, lie over the
            image, as breathing and flow leave them.
        missing_slices_probability: how often up to a third of the slices is cut off at either end: a study
            that begins below the base or ends above the apex.
        skipped_slices_probability: how often only every second slice is kept: thick slices or wide gaps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation_deg: float = Field(default=0.0, ge=0, le=180)
    log_scale: float = Field(default=0.0, ge=0)
    log_aspect: float = Field(default=0.0, ge=0)
    mirror: float = Field(default=0.0, ge=0, le=1)
    reverse_slices: float = Field(default=0.0, ge=0, le=1)
    elastic_mm: float = Field(default=0.0, ge=0)
    slice_shift_mm: float = Field(default=0.0, ge=0)
    slice_shift_probability: float = Field(default=0.0, ge=0, le=1)
    log_gamma: float = Field(default=0.0, ge=0)
    bias: float = Field(default=0.0, ge=0)
    noise: float = Field(default=0.0, ge=0)
    blur_probability: float = Field(default=0.0, ge=0, le=1)
    log_contrast: float = Field(default=0.0, ge=0)
    ghost_probability: float = Field(default=0.0, ge=0, le=1)
    missing_slices_probability: float = Field(default=0.0, ge=0, le=1)
    skipped_slices_probability: float = Field(default=0.0, ge=0, le=1)
