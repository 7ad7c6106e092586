"""The faster ways to train compute the same function, forwards and backwards, as torch's own layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from septum.losses import presence_cross_entropy
from septum.networks import NetworkSettings, build
from septum.networks.convolution import Convolution
from septum.networks.normalisation import InstanceNorm
from septum.networks.slice_convolution import convolve_slice_wise, tiling_of
from septum.networks.winograd import SIDES, Tiling, convolved
from septum.training import processor
from septum.training.processor import BY_SLICES, ON_GPU, Way, way_for


def gradients(function, *inputs, seed=1):
    """Output and gradients of all inputs, for a random gradient of the output."""
    leaves = [one.detach().clone().requires_grad_() for one in inputs]
    out = function(*leaves)
    given = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed))
    return out.detach(), torch.autograd.grad(out, leaves, given)


def assert_close(ours, theirs):
    (out, found), (expected, truth) = ours, theirs
    for one, other in zip((out, *found), (expected, *truth), strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()


@pytest.mark.parametrize(
    ("inputs", "outputs", "size", "kernel", "dilation", "filtered"),
    [
        (1, 16, (3, 20, 18), (1, 3, 3), (1, 1, 1), False),
        (16, 8, (4, 9, 9), (1, 1, 1), (1, 1, 1), False),
        (48, 64, (5, 12, 14), (3, 3, 3), (1, 1, 1), True),
        (64, 64, (3, 12, 16), (3, 3, 3), (1, 2, 2), True),
        (64, 64, (3, 12, 12), (3, 3, 3), (1, 8, 8), False),
        (4, 4, (5, 11, 11), (5, 5, 5), (1, 1, 1), False),
    ],
)
def test_convolution_by_slices_equals_the_one_in_3d(inputs, outputs, size, kernel, dilation, filtered):
    torch.manual_seed(0)
    x, weight, bias = (
        torch.randn(2, inputs, *size),
        0.1 * torch.randn(outputs, inputs, *kernel),
        torch.randn(outputs),
    )
    padding = tuple(d * (k // 2) for d, k in zip(dilation, kernel, strict=True))
    assert (tiling_of(x, weight, dilation) is not None) == filtered
    assert_close(
        gradients(lambda a, w, b: convolve_slice_wise(a, w, b, dilation), x, weight, bias),
        gradients(lambda a, w, b: F.conv3d(a, w, b, padding=padding, dilation=dilation), x, weight, bias),
    )


@pytest.mark.parametrize("side", SIDES)
def test_filtering_by_tiles_of_each_side_equals_the_direct_sum(side):
    torch.manual_seed(0)
    tiling = Tiling((7, 9), 1, side)
    planes, weight = torch.randn(2, 7, 9, 3), torch.randn(4, 3, 1, 3, 3)
    found = tiling.output(convolved(tiling.image(planes), weight, side))
    direct = F.conv2d(planes.permute(0, 3, 1, 2), weight[:, :, 0], padding=1).permute(0, 2, 3, 1)
    assert (found - direct).abs().max() <= 1e-4 * direct.abs().max()


def test_instance_normalisation_equals_group_normalisation_with_one_channel_a_group():
    torch.manual_seed(0)
    ours, theirs = InstanceNorm(5), nn.GroupNorm(5, 5)
    nn.init.normal_(ours.weight)
    nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    x = 3.0 + torch.randn(2, 5, 3, 6, 7)
    assert_close(gradients(ours, x), gradients(theirs, x))


def test_the_way_of_a_cpu_without_avx512_is_by_slices_and_of_a_gpu_in_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert way_for(torch.device("cpu")) == BY_SLICES
    assert way_for(torch.device("cuda")) == ON_GPU


def test_the_way_of_a_cpu_with_avx512_is_measured(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(processor, "fastest_way", lambda ways: ways[2])
    assert way_for(torch.device("cpu")).bfloat16


def test_a_way_reaches_every_convolution_and_changes_no_answer():
    torch.manual_seed(0)
    network = build(NetworkSettings(filters=2, norm="instance", upsampling="transposed")).eval()
    x = torch.randn(1, 1, 8, 16, 16)
    by_slices = network(x)
    Way(by_slices=False, bfloat16=False).apply_to(network)
    assert not any(m.by_slices for m in network.modules() if isinstance(m, Convolution))
    assert (network(x) - by_slices).abs().max() <= 1e-4 * by_slices.abs().max()


def test_the_presence_of_structures_is_learnt_slice_by_slice():
    settings = NetworkSettings(filters=2, out_channels=4, keep_z=True, presence=3)
    network = build(settings)
    deepest, _ = network.levels(torch.randn(2, 1, 8, 16, 16))
    assert network.presence_head(deepest).shape == (2, 3, 8)


def test_the_loss_of_presence_is_that_of_slices_which_hold_a_structure():
    target = torch.zeros(1, 2, 4, 4, dtype=torch.long)
    target[0, 1, 2, 2] = 1  # structure 1 in slice 1 alone
    sure = torch.tensor([[[-20.0, 20.0]]])
    assert presence_cross_entropy(sure, target) < 1e-6
    assert presence_cross_entropy(-sure, target) == pytest.approx(20.0)
