"""Gradients of the fast normalisation, and of a network by each way of computing it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from septum.networks import NetworkSettings, build
from septum.networks.convolution import Convolution, UpConvolution
from septum.networks.normalisation import InstanceNorm
from septum.training import processor

PRODUCTION = NetworkSettings(
    out_channels=4, filters=4, keep_z=True, flat_levels=2, residual="add", norm="instance",
    upsampling="transposed", dilate_z=False,
)  # fmt: skip


def gradients(function, inputs, upstream):
    out = function(*inputs)
    return out, *torch.autograd.grad(out, inputs, upstream)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last_3d])
def test_instance_norm_and_its_gradients_are_those_of_group_norm(samples, memory):
    torch.manual_seed(0)
    ours, theirs = InstanceNorm(6), nn.GroupNorm(6, 6)
    nn.init.normal_(theirs.weight)
    nn.init.normal_(theirs.bias)
    ours.load_state_dict(theirs.state_dict())
    x = (5 + 3 * torch.randn(samples, 6, 3, 7, 5)).to(memory_format=memory).requires_grad_()
    upstream = torch.randn(x.shape)
    found = gradients(lambda x, *_: ours(x), (x, ours.weight, ours.bias), upstream)
    expected = gradients(lambda x, *_: theirs(x), (x, theirs.weight, theirs.bias), upstream)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_instance_norm_has_the_state_of_group_norm():
    ours, theirs = InstanceNorm(3).state_dict(), nn.GroupNorm(3, 3).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {n: v.shape for n, v in theirs.items()}


def test_instance_norm_computes_statistics_of_bfloat16_in_float32():
    x = 100 + torch.randn(1, 2, 4, 16, 16)  # in bfloat16 the mean of such values would be off by more than 1
    rounded = x.bfloat16()
    found = InstanceNorm(2)(rounded).float()
    torch.testing.assert_close(found, nn.GroupNorm(2, 2)(rounded.float()), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("way", processor.WAYS, ids=str)
def test_every_way_gives_about_the_same_loss_and_gradients(way):
    torch.manual_seed(0)
    network = build(PRODUCTION)
    way.apply_to(network)
    assert {m.by_slices for m in network.modules() if isinstance(m, Convolution | UpConvolution)} == {
        way.by_slices
    }
    x = torch.randn(1, 1, 3, 32, 32)

    def passed():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way.bfloat16):
            logits = network(x.contiguous(memory_format=torch.channels_last_3d))
        return torch.autograd.grad(logits.float().square().mean(), list(network.parameters()))

    found = passed()
    processor.BY_SLICES.apply_to(network)
    way = processor.BY_SLICES
    expected = passed()
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        similar = F.cosine_similarity(one.flatten(), other.flatten(), dim=0)
        assert similar > 0.9 or float(other.norm()) < 1e-3
