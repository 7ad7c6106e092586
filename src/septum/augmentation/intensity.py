"""Intensity augmentation: parameters are drawn first, then applied."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from septum.augmentation.settings import AugmentationSettings

#: Control points of the shading along each in-plane axis.
CONTROL_POINTS = 3
#: Strongest loss of in-plane resolution.
COARSEST = 2.0
#: Strongest ghost: share of the lines' signal that is taken from every n-th line of k-space.
STRONGEST_GHOST = 0.5
#: Numbers of ghosts.
GHOSTS = (2, 3, 4, 5)


@dataclass(frozen=True)
class IntensityDraw:
    """One draw of intensity parameters.

    Attributes:
        gamma: exponent on intensities scaled to 0 to 1.
        shading: log of the multiplicative shading at its control points, (P, P), or ``None``.
        noise_deviation: in units of the volume's standard deviation.
        noise_seed: of the noise itself.
        coarseness: factor by which the in-plane resolution is lowered, 1 for none.
        contrast: factor on the distance of intensities from their mean.
        ghost: how many ghosts, along which in-plane axis (1 or 2), and how strong; ``None`` for none.
    """

    gamma: float = 1.0
    shading: Tensor | None = None
    noise_deviation: float = 0.0
    noise_seed: int = 0
    coarseness: float = 1.0
    contrast: float = 1.0
    ghost: tuple[int, int, float] | None = None


def draw_intensity(settings: AugmentationSettings, rng: np.random.Generator) -> IntensityDraw:
    """Draw intensity parameters."""
    shading = None
    if settings.bias > 0:
        values = rng.uniform(-settings.bias, settings.bias, (CONTROL_POINTS, CONTROL_POINTS))
        shading = torch.from_numpy(values.astype(np.float32))
    draw = IntensityDraw(
        gamma=math.exp(rng.uniform(-settings.log_gamma, settings.log_gamma)),
        shading=shading,
        noise_deviation=float(rng.uniform(0, settings.noise)),
        noise_seed=int(rng.integers(2**31)),
        coarseness=float(rng.uniform(1, COARSEST)) if rng.random() < settings.blur_probability else 1.0,
    )
    # What a recipe leaves out draws nothing, so that the draws of recipes before it stay what they were.
    if settings.log_contrast > 0:
        draw = replace(draw, contrast=math.exp(rng.uniform(-settings.log_contrast, settings.log_contrast)))
    if settings.ghost_probability > 0 and rng.random() < settings.ghost_probability:
        ghost = (int(rng.choice(GHOSTS)), int(rng.integers(1, 3)), float(rng.uniform(0, STRONGEST_GHOST)))
        draw = replace(draw, ghost=ghost)
    return draw


def change_intensity(image: Tensor, draw: IntensityDraw) -> Tensor:
    """Apply one draw to an image (Z, Y, X); the result has the mean and deviation of the input, about."""
    low, high = image.min(), image.max()
    scaled = (image - low) / (high - low).clamp_min(1e-6)
    if draw.contrast != 1.0:
        mean = scaled.mean()
        scaled = (mean + (scaled - mean) * draw.contrast).clamp(0, 1)
    if draw.gamma != 1.0:
        scaled = scaled.pow(draw.gamma)
    if draw.shading is not None:
        field = draw.shading.to(image.device)[None, None]
        shape = [int(n) for n in image.shape[1:]]
        shade = F.interpolate(field, shape, mode="bicubic", align_corners=True)[0, 0]
        scaled = scaled * shade.exp()
    if draw.ghost is not None:
        scaled = ghosted(scaled, *draw.ghost)
    if draw.coarseness > 1.0:
        scaled = coarsened(scaled, draw.coarseness)
    changed = (scaled - scaled.mean()) / scaled.std().clamp_min(1e-6)
    if draw.noise_deviation > 0:
        generator = torch.Generator(device=image.device).manual_seed(draw.noise_seed)
        noise = torch.randn(image.shape, generator=generator, device=image.device)
        changed = changed + draw.noise_deviation * noise
    return changed * image.std() + image.mean()


def coarsened(image: Tensor, factor: float) -> Tensor:
    """An image (Z, Y, X) whose in-plane resolution is lowered by a factor, on its own grid."""
    fine = [int(n) for n in image.shape[1:]]
    coarse = [max(1, round(n / factor)) for n in fine]
    small = F.interpolate(image[:, None], coarse, mode="area")
    return F.interpolate(small, fine, mode="bilinear", align_corners=False)[:, 0]


def ghosted(image: Tensor, number: int, axis: int, strength: float) -> Tensor:
    """Weaken every ``number``-th line of k-space but the middle: copies appear along the axis."""
    lines = torch.fft.fft(image, dim=axis)
    factors = torch.ones(image.shape[axis], device=image.device)
    factors[::number] = 1 - strength
    factors[0] = 1.0
    shape = [1, 1, 1]
    shape[axis] = -1
    return torch.fft.ifft(lines * factors.view(shape), dim=axis).abs()
