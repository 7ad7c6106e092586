"""A batch of patches at once: the same draws as for one patch, applied to tensors that stay on the device.

One patch after the other leaves a GPU waiting for the next small kernel. Here all cases lie in one tensor,
and the patches of a step are one indexed read, one interpolation and a few operations on the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from septum.augmentation.intensity import coarsened, ghosted
from septum.augmentation.spatial import draw_slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from septum.augmentation.intensity import IntensityDraw
    from septum.augmentation.settings import AugmentationSettings
    from septum.augmentation.spatial import SpatialDraw


@dataclass(frozen=True)
class Pack:
    """Cases of different sizes in one tensor each, zero beyond each case.

    Attributes:
        images: (N, Z, Y, X), half precision on a GPU.
        classes: (N, Z, Y, X) uint8.
    """

    images: Tensor
    classes: Tensor

    @classmethod
    def of(cls, images: Sequence[Tensor], classes: Sequence[Tensor], device: torch.device) -> Pack:
        """Pack images (Z, Y, X) and their classes, each case with sizes of its own, on a device."""
        depth, height, width = (max(int(i.shape[axis]) for i in images) for axis in range(3))
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        all_images = torch.zeros(len(images), depth, height, width, dtype=dtype, device=device)
        all_classes = torch.zeros(all_images.shape, dtype=torch.uint8, device=device)
        for number, (image, mask) in enumerate(zip(images, classes, strict=True)):
            z, y, x = image.shape
            all_images[number, :z, :y, :x] = image.to(device, dtype)
            all_classes[number, :z, :y, :x] = mask.to(device)
        return cls(all_images, all_classes)


def common_slices(
    draws: Sequence[SpatialDraw],
    depths: Sequence[int],
    settings: AugmentationSettings,
    rng: np.random.Generator,
) -> list[list[int]]:
    """So many slices of each sample as the one with the fewest has, from a random place, less those removed.

    Slices are removed from the batch, not from each sample: else the one that loses most would cut the rest.

    Args:
        draws: of the samples, none of which leaves slices out.
        depths: slices of their volumes.
        settings: how slices are removed.
        rng: source of the place and of what is removed.

    Returns:
        For each sample, in the order in which they are seen, slices of its volume.
    """
    fewest = min(depths)
    left = draw_slices(settings, fewest, rng) or (0, fewest, 1)
    chosen = []
    for draw, depth in zip(draws, depths, strict=True):
        start = int(rng.integers(depth - fewest + 1))
        window = [start + own for own in range(*left)]
        chosen.append(window[::-1] if draw.reverse_slices else window)
    return chosen


def read_patches(
    pack: Pack,
    numbers: Sequence[int],
    slices: Sequence[Sequence[int]],
    centres_yx: Sequence[tuple[float, float]],
    size_yx: tuple[int, int],
    draws: Sequence[SpatialDraw],
) -> tuple[Tensor, Tensor]:
    """What :func:`septum.augmentation.read_patch` does, for B samples of one number of slices D.

    Args:
        pack: all cases.
        numbers: of each sample's case in the pack.
        slices: of each sample, as :func:`common_slices` gives them.
        centres_yx: in voxels of the source.
        size_yx: of the patches.
        draws: spatial parameters.

    Returns:
        Images (B, D, *size_yx) float32 and classes of the same shape, uint8.
    """
    device, depth = pack.images.device, pack.images.shape[1]
    batch, count = len(numbers), len(slices[0])
    rows = [number * depth + z for number, of_one in zip(numbers, slices, strict=True) for z in of_one]
    index = _sent(torch.tensor(rows), device)
    grid = _grids(pack.images, slices, centres_yx, size_yx, draws)
    found = []
    for volumes, mode in ((pack.images, "bilinear"), (pack.classes, "nearest")):
        planes = volumes.flatten(0, 1)[index][:, None].float()
        read = F.grid_sample(planes, grid, mode=mode, padding_mode="zeros", align_corners=True)
        found.append(read.view(batch, count, *size_yx))
    return found[0], found[1].to(torch.uint8)


def change_intensities(images: Tensor, draws: Sequence[IntensityDraw]) -> Tensor:
    """What :func:`septum.augmentation.change_intensity` does, for images (B, D, Y, X); noise aside.

    The noise of a batch comes from one generator, seeded by its first draw.
    """
    axes = (1, 2, 3)
    low, high = images.amin(axes, keepdim=True), images.amax(axes, keepdim=True)
    scaled = (images - low) / (high - low).clamp_min(1e-6)
    mean = scaled.mean(axes, keepdim=True)
    contrast = _column([draw.contrast for draw in draws], images)
    scaled = (mean + (scaled - mean) * contrast).clamp(0, 1)
    scaled = scaled.pow(_column([draw.gamma for draw in draws], images))
    if all(draw.shading is not None for draw in draws):
        field = torch.stack([draw.shading for draw in draws if draw.shading is not None])[:, None]
        size = [int(n) for n in images.shape[2:]]
        shade = F.interpolate(_sent(field, images.device), size, mode="bicubic", align_corners=True)
        scaled = scaled * shade.exp()
    for number, draw in enumerate(draws):
        if draw.ghost is not None:
            scaled[number] = ghosted(scaled[number], *draw.ghost)
        if draw.coarseness > 1.0:
            scaled[number] = coarsened(scaled[number], draw.coarseness)
    changed = _standardised(scaled)
    deviation = _column([draw.noise_deviation for draw in draws], images)
    generator = torch.Generator(device=images.device).manual_seed(draws[0].noise_seed)
    changed = changed + deviation * torch.randn(images.shape, generator=generator, device=images.device)
    return changed * images.std(axes, keepdim=True) + images.mean(axes, keepdim=True)


def _sent(values: Tensor, device: torch.device) -> Tensor:
    """A small tensor on a device; a GPU gets it from pinned memory, so that nobody waits for the GPU."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


def _standardised(images: Tensor) -> Tensor:
    axes = (1, 2, 3)
    return (images - images.mean(axes, keepdim=True)) / images.std(axes, keepdim=True).clamp_min(1e-6)


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return _sent(torch.tensor(values, dtype=like.dtype), like.device).view(-1, 1, 1, 1)


def _grids(
    images: Tensor,
    slices: Sequence[Sequence[int]],
    centres_yx: Sequence[tuple[float, float]],
    size_yx: tuple[int, int],
    draws: Sequence[SpatialDraw],
) -> Tensor:
    """Sampling grids (B D, y, x, 2) in the convention of ``grid_sample``: x before y, -1 to 1."""
    device, (height, width) = images.device, images.shape[2:]
    axes = [torch.arange(n, dtype=torch.float32, device=device) - (n - 1) / 2 for n in size_yx]
    offset = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    matrices = _sent(torch.tensor([draw.matrix for draw in draws]), device)
    position = torch.einsum("bij,jyx->biyx", matrices, offset)
    if all(draw.elastic is not None for draw in draws):
        field = torch.stack([draw.elastic for draw in draws if draw.elastic is not None])
        position = position + F.interpolate(_sent(field, device), size_yx, mode="bicubic", align_corners=True)
    shifts = torch.zeros(len(draws), len(slices[0]), 2)
    for number, (draw, of_one) in enumerate(zip(draws, slices, strict=True)):
        if draw.slice_shift is not None:
            shifts[number] = draw.slice_shift[list(of_one)]
    moved = shifts + torch.tensor(centres_yx, dtype=torch.float32)[:, None]
    positions = position[:, None] + _sent(moved, device)[..., None, None]
    last = _sent(torch.tensor([max(height - 1, 1), max(width - 1, 1)]), device).view(1, 1, 2, 1, 1)
    return (2 * positions / last - 1).flip(2).permute(0, 1, 3, 4, 2).flatten(0, 1)
