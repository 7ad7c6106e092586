"""Convolution and normalisation as trainings computed them up to version 0.9, for a comparison in one run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from torch import nn
from torch.nn import functional as F

from septum.networks import convolution
from septum.networks.normalisation import InstanceNorm
from septum.networks.winograd import shifts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor


@contextmanager
def as_before() -> Iterator[None]:
    """Compute what runs inside by the sum of shifted slices and by torch's normalisation of groups."""
    with (
        mock.patch.object(convolution, "convolve_slice_wise", sum_of_slices),
        mock.patch.object(InstanceNorm, "forward", nn.GroupNorm.forward),
    ):
        yield


def sum_of_slices(
    x: Tensor, weight: Tensor, bias: Tensor | None, dilation: convolution.Kernel
) -> torch.Tensor:
    """Convolve as ``slice_convolution.convolve_slice_wise`` does, one tap along z after the other."""
    number, depth, taps = x.shape[0], x.shape[2], weight.shape[2]
    step, *in_plane = dilation
    padding = tuple(d * (k // 2) for d, k in zip(in_plane, weight.shape[3:], strict=True))

    def convolved(part: Tensor, tap: int, offset: Tensor | None = None) -> Tensor:
        planes = convolution._slices(part)  # noqa: SLF001  # the comparison takes what the package has
        found = F.conv2d(planes, weight[:, :, tap], offset, padding=padding, dilation=tuple(in_plane))
        return convolution._stack(found, number)  # noqa: SLF001

    out = convolved(x, taps // 2, bias)
    for tap, read, write in shifts(taps, depth, step):
        if tap != taps // 2:
            out[:, :, write] += convolved(x[:, :, read], tap)
    return out
