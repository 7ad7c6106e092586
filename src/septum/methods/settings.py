"""Settings of one stage of a method: its network, what it sees, how it is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from septum.augmentation import AugmentationSettings
from septum.networks import NetworkSettings
from septum.preprocessing import PreprocessingSettings


class PatchSettings(BaseModel):
    """What a network is shown in training: all slices of an in-plane patch.

    Attributes:
        size: in-plane (Y, X) in voxels of the network's grid.
        jitter_mm: the patch's middle is drawn uniformly within plus and minus this of the region's middle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[int, int]
    jitter_mm: float = Field(default=0.0, ge=0)


class OptimisationSettings(BaseModel):
    """How weights are found.

    Attributes:
        optimiser: Adam, or AdamW with ``weight_decay``.
        learning_rate: at its highest.
        weight_decay: of AdamW.
        schedule: ``constant``, or ``cosine`` to zero over all epochs.
        warmup_steps: over which the learning rate rises linearly.
        batch: samples a step. Samples may have different numbers of slices, so their gradients are summed
            one by one; with instance normalisation that is the same as a batch.
        epochs: number of epochs.
        steps_per_epoch: optimiser steps of an epoch.
        ema: decay of the running average of the weights that is exported; 0 exports the last weights.
        gradient_norm: gradients are clipped to this norm; 0 leaves them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimiser: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0)
    batch: int = Field(default=4, ge=1)
    epochs: int = Field(default=300, ge=1)
    steps_per_epoch: int = Field(default=32, ge=1)
    ema: float = Field(default=0.0, ge=0, lt=1)
    gradient_norm: float = Field(default=0.0, ge=0)


class StageSettings(BaseModel):
    """One stage: network, preprocessing, patch, augmentation, loss, optimisation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkSettings
    preprocessing: PreprocessingSettings
    patch: PatchSettings
    augmentation: AugmentationSettings = AugmentationSettings()
    loss: Literal["bce_dice", "multiclass_dice", "dice_cross_entropy"]
    optimisation: OptimisationSettings

    def with_epochs(self, epochs: int) -> StageSettings:
        """The same stage, trained for another number of epochs."""
        shorter = self.optimisation.model_copy(update={"epochs": epochs})
        return self.model_copy(update={"optimisation": shorter})
