"""Settings that turn a density map into a region of interest."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class LocalisationSettings(BaseModel):
    """How a map becomes a region. Sizes are in voxels of the segmenter's grid.

    Attributes:
        evidence: what says where the heart is: the activation ``map`` of equation (1); the ``coarse_mask``,
            probability above one half; or the ``soft_argmax`` of the first network's logits, their centre of
            mass after a softmax over all voxels, which knows no extent and so goes with a fixed size.
        percentile: the map is divided by this percentile, in percent, and clipped to 1.
        threshold: share of that value from which a voxel belongs to the box.
        component: which 26-connected component is the heart: the ``largest`` by voxels (the paper's
            reading), or the ``heaviest`` by the map's sum, which a wide but faint false alarm does not win.
        sizes: in-plane sizes to choose from, ascending; a single one is what every region starts with.
        fixed: the paper's reading: one size (Y, X) for every region, which is not widened either; ``None``
            chooses among ``sizes``.
        margin_mm: kept free around the box on every side when a size is chosen.
        centre: the region's middle is the weighted ``centroid`` of the component (the paper's reading) or
            the middle of its ``box``.
        depth: number of slices of the region; ``None`` keeps all ("Keep Z crops y and x only").
        multiple: in-plane sizes beyond the largest are rounded up to this.
        training_centre: mean centre of the training cases as share of the extent along (Z, Y, X), for
            the third fallback; ``None`` leaves that out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    evidence: Literal["map", "coarse_mask", "soft_argmax"] = "map"
    percentile: float = Field(default=99.5, gt=0, le=100)
    threshold: float = Field(default=0.4, gt=0, lt=1)
    component: Literal["largest", "heaviest"] = "largest"
    sizes: tuple[int, ...] = Field(default=(128,), min_length=1)
    fixed: tuple[int, int] | None = None
    margin_mm: float = Field(default=0.0, ge=0)
    centre: Literal["centroid", "box"] = "centroid"
    depth: int | None = None
    multiple: int = Field(default=8, ge=1)
    training_centre: tuple[float, float, float] | None = None

    @model_validator(mode="after")
    def _ascending(self) -> LocalisationSettings:
        if list(self.sizes) != sorted(set(self.sizes)) or self.sizes[0] < 1:
            raise ValueError(f"sizes must be positive and ascend, got {self.sizes}")
        if self.evidence == "soft_argmax" and self.fixed is None:
            raise ValueError("evidence = 'soft_argmax' knows no extent: it needs a fixed size (Y, X)")
        return self
