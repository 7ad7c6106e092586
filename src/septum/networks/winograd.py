"""Convolution by 3 x 3 kernels with a quarter of the products: the minimal filtering of Winograd (1980).

A tile of m x m outputs takes (m + 2)^2 products instead of 9 m^2, after a small linear transform of the
tile of the image and of the kernel. Source: Lavin and Gray, Fast Algorithms for Convolutional Neural
Networks, CVPR 2016. Their matrices A, B and G are made here for m of 2, 3 and 4 by the rule of Toom and Cook.
In float32 results differ from the direct sum by some 1e-5 of the largest. A kernel of dilation d sees d x d
interleaved images, each of every d-th row and column.

Transformed images are (T, Z, R, C): T points of a tile, Z slices, R tiles of a slice, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Iterator

#: At which the polynomials of the rule are evaluated, beside infinity; the first m + 1 of them.
POINTS = (0.0, 1.0, -1.0, 0.5, -0.5)
#: Sides of a tile's output.
SIDES = (2, 3, 4)


class Transforms(NamedTuple):
    """Both axes at once: of outputs (T, m^2), of kernels (T, 9), of images (T, T)."""

    output: Tensor
    kernel: Tensor
    image: Tensor


@cache
def transforms(side: int) -> Transforms:
    """Give the matrices of tiles of ``side`` x ``side`` outputs, float32."""

    def powers(count: int) -> Tensor:
        rows = [[point**power for power in range(count)] for point in POINTS[: side + 1]]
        return torch.tensor([*rows, [0.0] * (count - 1) + [1.0]], dtype=torch.float64)

    one_axis = (powers(side), powers(3), torch.linalg.inv(powers(side + 2)).T.contiguous())
    return Transforms(*(torch.kron(matrix, matrix).float().contiguous() for matrix in one_axis))


@dataclass(frozen=True)
class Tiling:
    """How planes of one size are cut into tiles.

    Attributes:
        size: of the planes, (Y, X).
        dilation: of the kernel, along both axes.
        side: of a tile's output.
    """

    size: tuple[int, int]
    dilation: int
    side: int

    @classmethod
    def best(cls, size: tuple[int, int], dilation: int) -> Tiling:
        """Choose the tiling with the fewest products."""
        return min((cls(size, dilation, side) for side in SIDES), key=lambda one: one.share)

    @property
    def counts(self) -> tuple[int, int]:
        """Count the tiles along each axis of each of the interleaved images."""
        y, x = (ceil(ceil(length / self.dilation) / self.side) for length in self.size)
        return y, x

    @property
    def share(self) -> float:
        """Give the products of the tiles over those of the direct sum."""
        rows, columns = self.counts
        tiles = self.dilation**2 * rows * columns
        return tiles * (self.side + 2) ** 2 / (9 * self.size[0] * self.size[1])

    def image(self, planes: Tensor) -> Tensor:
        """Transform planes (Z, Y, X, C) as what is convolved."""
        return self._cut(planes, self.side + 2, self.dilation, transforms(self.side).image)

    def gradient(self, planes: Tensor) -> Tensor:
        """Transpose :meth:`output`: from the gradient of planes to that of the sums of products."""
        return self._cut(planes, self.side, 0, transforms(self.side).output)

    def output(self, sums: Tensor) -> Tensor:
        """Bring sums of products (T, Z, R, C) back to planes (Z, Y, X, C)."""
        points, depth, _, channels = sums.shape
        (rows, columns), d, m = self.counts, self.dilation, self.side
        flat = transforms(m).output.T @ sums.reshape(points, -1)
        tiles = flat.view(m, m, depth, d, d, rows, columns, channels).permute(2, 5, 0, 3, 6, 1, 4, 7)
        planes = tiles.reshape(depth, rows * m * d, columns * m * d, channels)
        return planes[:, : self.size[0], : self.size[1]].contiguous()

    def _cut(self, planes: Tensor, window: int, margin: int, transform: Tensor) -> Tensor:
        """Transform the windows of all tiles, with a margin of zeros before the first."""
        depth, height, width, channels = planes.shape
        (rows, columns), d, m = self.counts, self.dilation, self.side
        full = (d * ((rows - 1) * m + window), d * ((columns - 1) * m + window))
        ends = (margin, full[1] - width - margin, margin, full[0] - height - margin)
        padded = F.pad(planes, (0, 0, *ends)) if any(ends) else planes.contiguous()
        line, plane = full[1] * channels, full[0] * full[1] * channels
        strides = (d * line, d * channels, plane, line, channels, d * m * line, d * m * channels, 1)
        windows = padded.as_strided((window, window, depth, d, d, rows, columns, channels), strides)
        return (transform @ windows.reshape(window**2, -1)).view(len(transform), depth, -1, channels)


def convolved(image: Tensor, weight: Tensor, side: int, step: int = 1) -> Tensor:
    """Sum the products of a transformed image (T, Z, R, C) and a kernel (C', C, kz, 3, 3): (T, Z, R, C').

    Args:
        image: transformed.
        weight: not transformed.
        side: of the tiling.
        step: dilation along z.
    """
    outputs, inputs, taps = weight.shape[:3]
    flat = transforms(side).kernel @ weight.permute(3, 4, 2, 1, 0).reshape(9, -1)
    kernels = flat.view(-1, taps, inputs, outputs)
    middle = taps // 2
    sums = torch.bmm(image.flatten(1, 2), kernels[:, middle]).view(*image.shape[:3], outputs)
    for tap, read, write in shifts(taps, image.shape[1], step):
        if tap != middle:
            sums[:, write].flatten(1, 2).baddbmm_(image[:, read].flatten(1, 2), kernels[:, tap])
    return sums


def kernel_gradient(image: Tensor, sums: Tensor, taps: int, side: int, step: int = 1) -> Tensor:
    """Give the gradient (C', C, kz, 3, 3) of a kernel from the transformed image and that of the sums."""
    inputs, outputs = image.shape[3], sums.shape[3]
    found = image.new_zeros(3, 3, taps, inputs, outputs)
    for tap, read, write in shifts(taps, image.shape[1], step):
        products = torch.bmm(image[:, read].flatten(1, 2).transpose(1, 2), sums[:, write].flatten(1, 2))
        found[:, :, tap] = (transforms(side).kernel.T @ products.flatten(1)).view(3, 3, inputs, outputs)
    return found.permute(4, 3, 2, 0, 1)


def shifts(taps: int, depth: int, step: int) -> Iterator[tuple[int, slice, slice]]:
    """Tell which slices each tap of a kernel reads and writes; taps beyond the end are left out."""
    for tap in range(taps):
        shift = (tap - taps // 2) * step
        if abs(shift) < depth:
            first, last = max(shift, 0), min(shift, 0)
            yield tap, slice(first, depth + last), slice(-last, depth - first)
