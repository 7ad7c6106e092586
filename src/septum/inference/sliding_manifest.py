"""Description of a model that looks at the whole image, window by window, as nnU-Net does."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from septum.inference.bundle import SLIDING_WINDOW, Description, NetworkFile
from septum.inference.windows import WindowSettings
from septum.preprocessing.spline import SplineSettings


class SlidingManifest(Description):
    """Contents of ``model.json`` of such a model.

    Attributes:
        kind: tells it from a model of two networks, which has no such field.
        networks: whose logits are averaged: the folds of a cross-validation, or one.
        preprocessing: how an image becomes what they take, and their logits what they are on the image.
        window: where they look, and how that is put together.
        keep_largest: of each of these sets of mask values, as one, only the largest component stays; one
            set after the other.
    """

    kind: Literal["sliding-window"] = SLIDING_WINDOW
    networks: tuple[NetworkFile, ...] = Field(min_length=1)
    preprocessing: SplineSettings
    window: WindowSettings
    keep_largest: tuple[tuple[int, ...], ...] = ()

    @property
    def graphs(self) -> tuple[NetworkFile, ...]:
        """Every graph of the bundle."""
        return self.networks
