"""Settings of preprocessing, as they stand in recipes and bundles."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ClaheSettings(BaseModel):
    """Contrast limited adaptive histogram equalisation, slice by slice.

    Attributes:
        clip: height at which a histogram bin is clipped, in multiples of the mean bin height.
        tiles: number of tiles along each in-plane axis.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip: float = Field(default=2.0, gt=0)
    tiles: int = Field(default=4, ge=1)


class PreprocessingSettings(BaseModel):
    """How a native volume becomes what a network sees.

    Attributes:
        in_plane_mm: spacing of the network's grid along Y and X, in mm; ``None`` keeps the native one.
        slice_mm: spacing of its slices, in mm; ``None`` keeps the native slices.
        clahe: contrast enhancement before normalisation, or ``None``.
        clip_percentiles: intensities are clipped to these percentiles of the volume first, or ``None``.
        normalise: z-score over the whole ``volume``, or once more over the cropped ``region``.
        size: number of voxels (Z, Y, X) to which the normalised volume is zero-padded and centre-cropped;
            ``None`` leaves each volume its own size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_plane_mm: float | None = Field(default=None, gt=0)
    slice_mm: float | None = Field(default=None, gt=0)
    clahe: ClaheSettings | None = None
    clip_percentiles: tuple[float, float] | None = None
    normalise: Literal["volume", "region"] = "volume"
    size: tuple[int, int, int] | None = None

    @property
    def spacing_mm(self) -> tuple[float | None, float | None, float | None]:
        """Spacing along (Z, Y, X) in mm; ``None`` keeps an axis as it is."""
        return (self.slice_mm, self.in_plane_mm, self.in_plane_mm)
