"""In-plane spatial augmentation: parameters are drawn first, then a patch is read through them.

Cropping, rotating, scaling and bending are one interpolation from the source volume, so nothing is blurred
twice and nothing is cut off that the source still holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from septum.augmentation.settings import AugmentationSettings

#: Control points of the elastic displacement along each in-plane axis.
CONTROL_POINTS = 5
#: Fewest slices that are left of a volume; smaller volumes stay whole.
FEWEST_SLICES = 4


@dataclass(frozen=True)
class SpatialDraw:
    """One draw of spatial parameters.

    Attributes:
        matrix: 2 x 2, from patch offsets (y, x) to source offsets, in voxels.
        reverse_slices: whether the slices change order.
        elastic: displacement at the control points, (2, P, P) in voxels (y, x), or ``None``.
        slice_shift: displacement of each slice that is left, (Z, 2) in voxels (y, x), or ``None``.
        slices: first, one past the last, and step of the slices that are left; ``None`` for all.
    """

    matrix: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    reverse_slices: bool = False
    elastic: Tensor | None = None
    slice_shift: Tensor | None = None
    slices: tuple[int, int, int] | None = None


def draw_spatial(
    settings: AugmentationSettings, depth: int, spacing_mm: float, rng: np.random.Generator
) -> SpatialDraw:
    """Draw parameters for a volume of ``depth`` slices with this in-plane spacing in mm."""
    angle = math.radians(rng.uniform(-settings.rotation_deg, settings.rotation_deg))
    scale = rng.uniform(-settings.log_scale, settings.log_scale)
    aspect = rng.uniform(-settings.log_aspect, settings.log_aspect) / 2
    flip = -1.0 if rng.random() < settings.mirror else 1.0
    stretch = np.diag([flip * math.exp(-scale - aspect), math.exp(-scale + aspect)])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    (a, b), (c, d) = (turn @ stretch).tolist()
    elastic = slice_shift = None
    slices = draw_slices(settings, depth, rng)
    left = depth if slices is None else len(range(*slices))
    if settings.elastic_mm > 0:
        field = rng.normal(0, settings.elastic_mm / spacing_mm, (2, CONTROL_POINTS, CONTROL_POINTS))
        elastic = torch.from_numpy(field.astype(np.float32))
    if rng.random() < settings.slice_shift_probability:
        shift = rng.normal(0, settings.slice_shift_mm / spacing_mm, (left, 2))
        slice_shift = torch.from_numpy(shift.astype(np.float32))
    reverse = bool(rng.random() < settings.reverse_slices)
    return SpatialDraw(((a, b), (c, d)), reverse, elastic, slice_shift, slices)


def draw_slices(
    settings: AugmentationSettings, depth: int, rng: np.random.Generator
) -> tuple[int, int, int] | None:
    """Which of ``depth`` slices are left, as in :class:`SpatialDraw`; ``None`` for all.

    What a recipe leaves out draws nothing, so that draws of recipes before it stay what they were.
    """
    first, stop, step = 0, depth, 1
    skipped, missing = settings.skipped_slices_probability, settings.missing_slices_probability
    if skipped > 0 and rng.random() < skipped and depth >= 2 * FEWEST_SLICES:
        first, step = int(rng.integers(2)), 2
    if missing > 0 and rng.random() < missing:
        spare = min(len(range(first, stop, step)) - FEWEST_SLICES, depth // 3 // step)
        if spare > 0:
            removed = int(rng.integers(1, spare + 1))
            below = int(rng.integers(removed + 1))
            first, stop = first + below * step, stop - (removed - below) * step
    return None if (first, stop, step) == (0, depth, 1) else (first, stop, step)


def read_patch(
    image: Tensor, labels: Tensor, centre_yx: tuple[float, float], size_yx: tuple[int, int], draw: SpatialDraw
) -> tuple[Tensor, Tensor]:
    """A patch of all slices about an in-plane centre, seen through one draw.

    Args:
        image: (Z, Y, X), float32.
        labels: (Z, Y, X), integer.
        centre_yx: in voxels of the source, may be fractional.
        size_yx: of the patch.
        draw: spatial parameters.

    Returns:
        Image (linear, zero beyond the source) and labels (nearest), both (Z, *size_yx), with the slices
        that are left.
    """
    if draw.slices is not None:
        left = slice(*draw.slices)
        image, labels = image[left], labels[left]
    grid = _grid(image, centre_yx, size_yx, draw)
    patch = F.grid_sample(image[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    mask = F.grid_sample(
        labels[:, None].to(image.dtype), grid, mode="nearest", padding_mode="zeros", align_corners=True
    )
    patch, mask = patch[:, 0], mask[:, 0].to(labels.dtype)
    return (patch.flip(0), mask.flip(0)) if draw.reverse_slices else (patch, mask)


def _grid(
    image: Tensor, centre_yx: tuple[float, float], size_yx: tuple[int, int], draw: SpatialDraw
) -> Tensor:
    """Sampling grid (Z, y, x, 2) in the convention of ``grid_sample``: x before y, -1 to 1."""
    depth, height, width = image.shape
    axes = [torch.arange(n, dtype=torch.float32, device=image.device) - (n - 1) / 2 for n in size_yx]
    offset = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    position = torch.einsum("ij,jyx->iyx", torch.tensor(draw.matrix, device=image.device), offset)
    if draw.elastic is not None:
        field = draw.elastic.to(image.device)[None]
        position = position + F.interpolate(field, size_yx, mode="bicubic", align_corners=True)[0]
    position = position + torch.tensor(centre_yx, device=image.device).view(2, 1, 1)
    positions = position.expand(depth, 2, *size_yx)
    if draw.slice_shift is not None:
        positions = positions + draw.slice_shift.to(image.device).view(depth, 2, 1, 1)
    last = torch.tensor([max(height - 1, 1), max(width - 1, 1)], device=image.device).view(1, 2, 1, 1)
    return (2 * positions / last - 1).flip(1).permute(0, 2, 3, 1)
