"""Settings of the networks, as they stand in recipes and bundles."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class NetworkSettings(BaseModel):
    """What a network is built from. The defaults are the paper's 3-D DR-UNet, read literally.

    ``unet3d`` and ``vnet`` have neither ``residual`` nor what follows ``norm``: there, other values than the
    defaults are an error when they are built.

    Attributes:
        architecture: key of ``networks.REGISTRY``. Loading a recipe and building a network check it.
        in_channels, out_channels: image channels in, logits out (1 for sigmoid, classes for softmax).
        filters: channels of the first level; they double at each level below.
        keep_z: pool and upsample by (1, 2, 2), so that no slice is lost ("Keep Z").
        flat_levels: number of levels from the top whose kernels are 1 x 3 x 3 instead of 3 x 3 x 3
            (of ``vnet``: 1 x 5 x 5 instead of 5 x 5 x 5).
        residual: what an encoder block does with its input. ``concat`` joins it to the output, which is
            also the skip; ``concat_squeeze`` takes the skip before joining and squeezes with 1 x 1 x 1;
            ``add`` adds it, projected by 1 x 1 x 1 where channels differ.
        norm: batch or instance normalisation.
        order: of convolution, normalisation and ReLU in a unit.
        upsampling: ``nearest`` followed by a 3 x 3 x 3 convolution, or ``transposed`` convolution.
        dilations: of the bottleneck's convolutions, in cascade, their outputs summed.
        dilate_z: whether the dilations hold for z, too.
        presence: number of structures of which the network tells slice by slice whether they are there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = "dr_unet"
    in_channels: int = Field(default=1, ge=1)
    out_channels: int = Field(default=1, ge=1)
    filters: int = Field(default=8, ge=1)
    keep_z: bool = False
    flat_levels: int = Field(default=0, ge=0, le=3)
    residual: Literal["concat", "concat_squeeze", "add"] = "concat"
    norm: Literal["batch", "instance"] = "batch"
    order: Literal["conv_norm_relu", "conv_relu_norm"] = "conv_norm_relu"
    upsampling: Literal["nearest", "transposed"] = "nearest"
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dilate_z: bool = True
    presence: int = Field(default=0, ge=0)
