"""A 3-D convolution as 2-D ones over slices, with a backward pass of its own.

On processors without AVX-512, torch's 3-D kernels run at a fraction of the rate of its 2-D ones in
channels-last memory. Neighbouring slices are joined as channels, so that each pass is one 2-D convolution.
Where planes are small and channels are many, Winograd's filtering takes fewer products (see ``winograd``).
Both ways give the same numbers but for rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from septum.networks.winograd import Tiling, convolved, kernel_gradient, shifts

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Sizes or steps along (Z, Y, X).
Kernel = tuple[int, int, int]
#: Fewest channels, in and out together, for which Winograd's filtering pays.
LEAST_CHANNELS = 96
#: Largest share of the direct products for which it pays.
LARGEST_SHARE = 0.4
#: At most so many products a voxel and output, and a matrix product of shifted copies is fastest.
FEW_TAPS = 32
#: Share of the taps that meet the image below which those that do not are left out one by one.
MOST = 0.5
#: Largest plane, in voxels, for which Winograd's filtering pays: larger ones do not stay in the cache.
LARGEST_PLANE = 48 * 32


def convolve_slice_wise(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: Kernel) -> Tensor:
    """``conv3d`` with zero padding that keeps the size, slice by slice.

    Args:
        x: (N, C, Z, Y, X).
        weight: (C', C, kz, ky, kx), odd kernel sizes.
        bias: (C',) or ``None``.
        dilation: along (Z, Y, X).

    Returns:
        (N, C', Z, Y, X) in channels-last memory.
    """
    samples = torch.split(x, 1)
    found = [_SliceWise.apply(one, weight, dilation) for one in samples]  # type: ignore[no-untyped-call]
    out = found[0] if len(found) == 1 else torch.cat(found)
    whole: Tensor = out if bias is None else out + bias.view(1, -1, 1, 1, 1)
    return whole


class _SliceWise(torch.autograd.Function):
    """Convolve one sample (1, C, Z, Y, X), without a bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dilation: Kernel) -> Tensor:
        tiling = tiling_of(x, weight, dilation)
        kept = planes = _planes(x)
        if tiling is None:
            out = _direct(planes, weight, dilation)
        else:
            kept = tiling.image(planes)
            out = tiling.output(convolved(kept, weight, tiling.side, dilation[0]))
        ctx.save_for_backward(kept, weight)
        ctx.dilation, ctx.tiling = dilation, tiling
        return _volume(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        kept, weight = ctx.saved_tensors
        planes, tiling, dilation = _planes(gradient), ctx.tiling, ctx.dilation
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            turned = weight.flip(2, 3, 4).transpose(0, 1)
            if tiling is None:
                of_x = _volume(_direct(planes, turned, dilation))
            else:
                sums = convolved(tiling.image(planes), turned, tiling.side, dilation[0])
                of_x = _volume(tiling.output(sums))
        if ctx.needs_input_grad[1]:
            if tiling is None:
                of_weight = _direct_gradient(kept, planes, weight, dilation)
            else:
                sums = tiling.gradient(planes)
                of_weight = kernel_gradient(kept, sums, weight.shape[2], tiling.side, dilation[0])
        return of_x, of_weight, None


def tiling_of(x: Tensor, weight: Tensor, dilation: Kernel) -> Tiling | None:
    """How Winograd's filtering cuts the slices; ``None`` where direct sums are faster."""
    outputs, inputs, _, *plane = weight.shape
    if plane != [3, 3] or dilation[1] != dilation[2] or inputs + outputs < LEAST_CHANNELS:
        return None
    height, width = x.shape[3:]
    if height * width > LARGEST_PLANE:
        return None
    tiling = Tiling.best((height, width), dilation[1])
    return tiling if tiling.share <= LARGEST_SHARE else None


def _direct(planes: Tensor, weight: Tensor, dilation: Kernel) -> Tensor:
    """Planes (Z, Y, X, C) convolved by a kernel (C', C, kz, ky, kx): (Z, Y, X, C')."""
    outputs, inputs, taps, height, width = weight.shape
    if height == width == taps == 1:
        return planes @ weight.view(outputs, inputs).T
    if inputs * height * width <= FEW_TAPS and taps == 1:
        return (_columns(planes, weight, dilation) @ _as_rows(weight)).view(*planes.shape[:3], outputs)
    beside = _beside(planes, taps, dilation[0])
    if _mostly_outside(planes, weight, dilation):
        kernel = weight.permute(3, 4, 2, 1, 0).reshape(height, width, taps * inputs, outputs)
        out = planes.new_zeros(*planes.shape[:3], outputs)
        for i, j, read, write in _inside(planes, weight, dilation):
            seen = beside[:, *read]
            out[:, *write] += (seen.reshape(-1, taps * inputs) @ kernel[i, j]).view(*seen.shape[:3], outputs)
        return out
    flat = weight.transpose(1, 2).reshape(outputs, taps * inputs, height, width)
    padding = (dilation[1] * (height // 2), dilation[2] * (width // 2))
    found = F.conv2d(beside.permute(0, 3, 1, 2), flat, padding=padding, dilation=dilation[1:])
    return found.permute(0, 2, 3, 1)


def _direct_gradient(planes: Tensor, gradient: Tensor, weight: Tensor, dilation: Kernel) -> Tensor:
    """Gradient of the kernel of :func:`_direct`, from its input and the gradient of its output."""
    outputs, inputs, taps, height, width = weight.shape
    rows = gradient.reshape(-1, outputs)
    if height == width == taps == 1:
        return (rows.T @ planes.reshape(-1, inputs)).view_as(weight)
    if inputs * height * width <= FEW_TAPS and taps == 1:
        found = rows.T @ _columns(planes, weight, dilation)
        return found.view(outputs, 1, height, width, inputs).permute(0, 4, 1, 2, 3)
    beside = _beside(planes, taps, dilation[0])
    if _mostly_outside(planes, weight, dilation):
        found = weight.new_zeros(height, width, taps, inputs, outputs)
        for i, j, read, write in _inside(planes, weight, dilation):
            seen, told = beside[:, *read].reshape(-1, taps * inputs), gradient[:, *write].reshape(-1, outputs)
            found[i, j] = (seen.T @ told).view(taps, inputs, outputs)
        return found.permute(4, 3, 2, 0, 1)
    flat = weight.new_empty(outputs, taps * inputs, height, width)
    padding = [dilation[1] * (height // 2), dilation[2] * (width // 2)]
    found = torch.ops.aten.convolution_backward(
        gradient.permute(0, 3, 1, 2), beside.permute(0, 3, 1, 2), flat, None,
        [1, 1], padding, list(dilation[1:]), False, [0, 0], 1, [False, True, False],
    )[1]  # fmt: skip
    return found.view(outputs, taps, inputs, height, width).transpose(1, 2)


def _beside(planes: Tensor, taps: int, step: int) -> Tensor:
    """Planes (Z, Y, X, C) with those that the taps along z meet beside them: (Z, Y, X, kz C)."""
    if taps == 1:
        return planes
    reach = step * (taps // 2)
    padded = F.pad(planes, (0, 0, 0, 0, 0, 0, reach, reach))
    return torch.cat([padded[tap * step : tap * step + len(planes)] for tap in range(taps)], dim=3)


def _mostly_outside(planes: Tensor, weight: Tensor, dilation: Kernel) -> bool:
    """Whether of a kernel's taps most meet the padding alone, as those of a large dilation do."""
    met = 1.0
    for length, taps, step in zip(planes.shape[1:3], weight.shape[3:], dilation[1:], strict=True):
        met *= sum(max(0, length - abs(tap - taps // 2) * step) for tap in range(taps)) / (taps * length)
    return met < MOST


def _inside(
    planes: Tensor, weight: Tensor, dilation: Kernel
) -> Iterator[tuple[int, int, tuple[slice, slice], tuple[slice, slice]]]:
    """Of each tap in the plane that meets the image: where it stands, what it reads, and where that goes."""
    for i, y_read, y_write in shifts(weight.shape[3], planes.shape[1], dilation[1]):
        for j, x_read, x_write in shifts(weight.shape[4], planes.shape[2], dilation[2]):
            yield i, j, (y_read, x_read), (y_write, x_write)


def _columns(planes: Tensor, weight: Tensor, dilation: Kernel) -> Tensor:
    """What each output of a flat kernel sees, (Z Y X, ky kx C)."""
    height, width = weight.shape[3:]
    y, x = dilation[1] * (height // 2), dilation[2] * (width // 2)
    padded = F.pad(planes, (0, 0, x, x, y, y))
    _, rows, columns, _ = planes.shape
    seen = [
        padded[:, i * dilation[1] : i * dilation[1] + rows, j * dilation[2] : j * dilation[2] + columns]
        for i in range(height)
        for j in range(width)
    ]
    return torch.cat(seen, dim=3).flatten(0, 2)


def _as_rows(weight: Tensor) -> Tensor:
    """A flat kernel (C', C, 1, ky, kx) as (ky kx C, C')."""
    return weight[:, :, 0].permute(2, 3, 1, 0).flatten(0, 2)


def _planes(x: Tensor) -> Tensor:
    """(1, C, Z, Y, X) to (Z, Y, X, C); no copy where ``x`` lies in channels-last memory."""
    return x[0].permute(1, 2, 3, 0).contiguous()


def _volume(planes: Tensor) -> Tensor:
    """Inverse of :func:`_planes`."""
    return planes[None].permute(0, 4, 1, 2, 3)
