"""Settings of Mask R-CNN, as they stand in recipes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MaskRCNNSettings(BaseModel):
    """What is chosen of torchvision's model; all else is as published there.

    Attributes:
        out_channels: classes, background included.
        anchor_sizes: side of the square with the area of an anchor, in voxels, one for each level of the
            feature pyramid, finest first. Half of what is published for photographs of 800 pixels: a
            ventricle measures 10 to 100 voxels.
        proposals_per_slice: boxes of a slice that the heads are trained on in a step; at most a quarter of
            them hold a structure.
        score_threshold: instances with a lower score are dropped; of the others the best of each class in
            each slice is drawn. As published; a higher one draws fewer classes that a slice lacks, and misses
            more of those that it has.
        slices_at_once: slices that go through the network together. Bounds the memory, in training too; batch
            normalisation sees as many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    out_channels: int = Field(default=4, ge=2)
    anchor_sizes: tuple[int, int, int, int, int] = (16, 32, 64, 128, 256)
    proposals_per_slice: int = Field(default=512, ge=4)
    score_threshold: float = Field(default=0.05, ge=0, lt=1)
    slices_at_once: int = Field(default=16, ge=1)
