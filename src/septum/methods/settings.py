"""Settings of one stage of a method: its network, what it sees, how it is trained."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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
        batch: samples a step.
        stacked: whether the samples of a step go through the network together, as batch normalisation
            needs; they must then be of one size. Otherwise their gradients are summed one by one, which
            with instance normalisation is the same, and each may have its own number of slices.
        epochs: number of epochs, the largest one with ``patience``.
        patience: training ends when the validation score has not risen for so many epochs; ``None`` trains
            to the last epoch, and so does 0, by which a recipe revokes that of the one it extends. Wherever
            there is a validation score, the best epoch's weights are used.
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
    stacked: bool = False
    epochs: int = Field(default=300, ge=1)
    patience: int | None = Field(default=None, ge=1)
    steps_per_epoch: int = Field(default=32, ge=1)
    ema: float = Field(default=0.0, ge=0, lt=1)
    gradient_norm: float = Field(default=0.0, ge=0)

    @field_validator("patience", mode="before")
    @classmethod
    def _revoked(cls, value: object) -> object:
        return None if value == 0 else value

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.patience is not None and self.ema > 0:
            raise ValueError("patience chooses one epoch's weights and ema averages over many; leave one out")
        return self


class TrainingSettings(BaseModel):
    """What any network is shown, and how its weights are found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preprocessing: PreprocessingSettings
    patch: PatchSettings
    augmentation: AugmentationSettings = AugmentationSettings()
    optimisation: OptimisationSettings

    def with_epochs(self, epochs: int) -> Self:
        """The same settings, trained for exactly this number of epochs."""
        shorter = self.optimisation.model_copy(update={"epochs": epochs, "patience": None})
        return self.model_copy(update={"optimisation": shorter})


class StageSettings(TrainingSettings):
    """One stage: a network of the registry and its loss, and how it is trained.

    Attributes:
        network: of the registry.
        loss: of its logits.
        side_weights: deep supervision: shares of the losses of the decoder's coarser levels, deepest first,
            beside 1 for the output; each by a 1 x 1 x 1 convolution that only training knows.
        presence_weight: of the loss of telling which slices hold which structures, beside 1 for the mask's.
    """

    network: NetworkSettings
    loss: Literal["bce_dice", "multiclass_dice", "dice_cross_entropy"]
    side_weights: tuple[float, ...] = Field(default=(), max_length=2)
    presence_weight: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _presence_is_learnt_by_a_network_that_has_it(self) -> StageSettings:
        if bool(self.presence_weight) != bool(self.network.presence):
            raise ValueError("expected presence_weight and network.presence together, or neither")
        return self
