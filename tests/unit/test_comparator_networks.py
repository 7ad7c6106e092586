"""The networks to compare with: parameters counted by hand, wiring, and settings that they do not have."""

import pytest
import torch
from torch.nn import functional as F

from septum.networks import NetworkSettings, build


@pytest.mark.parametrize("architecture", ["unet3d", "vnet"])
@pytest.mark.parametrize(
    "foreign",
    [
        {"residual": "add"},
        {"order": "conv_relu_norm"},
        {"upsampling": "transposed"},
        {"dilations": (1, 2)},
        {"dilate_z": False},
    ],
    ids=lambda foreign: next(iter(foreign)),
)
def test_setting_that_a_network_does_not_have_is_refused_by_name(architecture, foreign):
    (name,) = foreign
    with pytest.raises(ValueError, match=f"{architecture} has no setting '{name}'"):
        build(NetworkSettings(architecture=architecture, **foreign))


def test_unet3d_has_the_parameters_counted_by_hand():
    # f = 1: channels 1, 2, 4 and 8. A unit of a -> b is 27 a b weights and 2 b of the norm.
    encoder = (29 + 29) + (58 + 112) + (224 + 440)
    bottleneck = 880 + 1744
    # An up-convolution of a -> a is 8 a^2 + a; the units read the skip, too: 8 + 4, 4 + 2 and 2 + 1 channels.
    decoder = (520 + 1304 + 440) + (132 + 328 + 112) + (34 + 83 + 29)
    head = 1 + 1
    network = build(NetworkSettings(architecture="unet3d", filters=1))
    counted = encoder + bottleneck + decoder + head
    assert sum(p.numel() for p in network.parameters()) == counted == 6500


def test_vnet_has_the_parameters_counted_by_hand():
    # f = 1. A convolution a -> b is 125 a b weights, 2 b of the norm and b of the PReLU; 1, 2 and 3 a level.
    encoder = 128 + 2 * 506 + 3 * 2012
    # Strided convolutions a -> 2 a of 8 weights a pair: 16 + 6, 64 + 12 and 256 + 24.
    down = 22 + 76 + 280
    bottleneck = 3 * 8024
    # A level of the decoder has twice the encoder's channels: 8, 4 and 2, half of them from below.
    up = (8 * 8 * 4 + 12) + (8 * 8 * 2 + 6) + (8 * 4 * 1 + 3)
    decoder = 3 * 8024 + 2 * 2012 + 506
    head = 2 + 1
    network = build(NetworkSettings(architecture="vnet", filters=1))
    counted = encoder + down + bottleneck + up + decoder + head
    assert sum(p.numel() for p in network.parameters()) == counted == 60668


def test_levels_of_vnet_add_their_input():
    network = build(NetworkSettings(architecture="vnet", filters=4, in_channels=2))
    levels = [*network.encoder, network.bottleneck, *(block.level for block in network.decoder)]
    assert [len(level.units) for level in levels] == [1, 2, 3, 3, 3, 2, 1]
    for level in levels:
        with torch.no_grad():
            level.units[-1][-1].weight.zero_()  # so the convolutions give nothing
        x = torch.randn(2, level.units[0][0].in_channels, 4, 4, 4)
        copies = level.units[-1][0].out_channels // x.shape[1]
        assert copies == (2 if level is levels[0] else 1)
        torch.testing.assert_close(level(x), F.prelu(torch.cat([x] * copies, dim=1), torch.tensor([0.25])))


def test_vnet_refuses_channels_that_it_cannot_add():
    with pytest.raises(ValueError, match="multiple of in_channels = 2, got 3"):
        build(NetworkSettings(architecture="vnet", filters=3, in_channels=2))
