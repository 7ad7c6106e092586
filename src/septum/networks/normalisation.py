"""Instance normalisation whose backward pass does not hold up the training on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class InstanceNorm(nn.GroupNorm):
    """Bring each channel of each sample to mean 0 and deviation 1, then scale and shift it as learnt.

    Parameters are those of ``torch.nn.GroupNorm(channels, channels)``, which is the same function. On a CPU
    the backward pass of that one takes as long as the convolutions. A batch normalisation of one sample is
    the same function again, and its kernels read channels-last memory row by row. Statistics are float32,
    those of bfloat16 images, too.

    Args:
        channels: of the image.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, channels, Z, Y, X); the size stays."""
        if x.device.type != "cpu" or torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling():
            return super().forward(x)
        samples = [
            F.batch_norm(one, None, None, self.weight, self.bias, training=True, eps=self.eps)
            for one in torch.split(x, 1)
        ]
        return samples[0] if len(samples) == 1 else torch.cat(samples)
