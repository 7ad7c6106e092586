"""3-D convolutions that are also fast on a CPU.

On most CPUs, 3-D kernels run at a fraction of the rate of 2-D ones in channels-last memory. A 3-D convolution
is exactly a sum of 2-D convolutions over shifted slices, so on a CPU it is computed that way, unless
``by_slices`` is false (see ``training.processor``). On a GPU and in exported graphs it stays one operation.
Parameters are those of ``torch.nn.Conv3d`` in either case.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from septum.networks.slice_convolution import Kernel as Kernel  # noqa: PLC0414  # a name of this module, too
from septum.networks.slice_convolution import convolve_slice_wise


class Convolution(nn.Conv3d):
    """Zero-padded convolution of stride 1 that keeps the size, (N, C, Z, Y, X) to (N, C', Z, Y, X).

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: odd kernel size along (Z, Y, X).
        dilation: dilation along (Z, Y, X).
        bias: whether there is an additive bias.

    Attributes:
        by_slices: whether a CPU computes it slice by slice.
    """

    by_slices: bool = True

    def __init__(
        self, inputs: int, outputs: int, kernel: Kernel, dilation: Kernel = (1, 1, 1), *, bias: bool = True
    ) -> None:
        pz, py, px = (d * (k // 2) for d, k in zip(dilation, kernel, strict=True))
        super().__init__(inputs, outputs, kernel, padding=(pz, py, px), dilation=dilation, bias=bias)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102  # documented by the class
        if not (self.by_slices and slice_wise(x)):
            return super().forward(x)
        return convolve_slice_wise(x, self.weight, self.bias, self.dilation)  # type: ignore[arg-type]


class UpConvolution(nn.ConvTranspose3d):
    """Transposed convolution whose kernel equals its stride, so that each voxel becomes a small box.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: enlargement along (Z, Y, X).
        bias: whether there is an additive bias.

    Attributes:
        by_slices: whether a CPU computes it slice by slice.
    """

    by_slices: bool = True

    def __init__(self, inputs: int, outputs: int, stride: Kernel, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, stride, stride=stride, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: D102
        if self.stride[0] != 1 or not (self.by_slices and slice_wise(x)):
            return super().forward(x, output_size)
        stride = (int(self.stride[1]), int(self.stride[2]))
        return _stack(F.conv_transpose2d(_slices(x), self.weight[:, :, 0], self.bias, stride), len(x))


def slice_wise(x: Tensor) -> bool:
    """Whether convolutions of ``x`` can be computed slice by slice: on a CPU, outside of an export."""
    return x.device.type == "cpu" and not (torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling())


def _slices(x: Tensor) -> Tensor:
    """(N, C, Z, Y, X) to (N Z, C, Y, X) in channels-last memory; no copy where ``x`` already lies so."""
    planes = x.transpose(1, 2).flatten(0, 1)
    return planes.contiguous(memory_format=torch.channels_last)


def _stack(planes: Tensor, number: int) -> Tensor:
    """Inverse of :func:`_slices`."""
    return planes.view(number, -1, *planes.shape[1:]).transpose(1, 2)
