"""Two networks trained together: how the first one's output reaches the second, and what is minimised."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from septum.losses import bce_dice, multiclass_dice
from septum.methods.end_to_end import EndToEnd, EndToEndSettings, end_to_end_objective
from septum.networks import NetworkSettings


def network_of(fuse="multiply", downsample=(1, 2, 2), **changes):
    """Small networks of random weights, in evaluation mode."""
    torch.manual_seed(0)
    coarse = NetworkSettings(filters=2, keep_z=True)
    settings = EndToEndSettings(coarse=coarse, downsample=downsample, fuse=fuse, **changes)
    return EndToEnd(settings, NetworkSettings(filters=2, keep_z=True, out_channels=4)).eval()


class Seen(nn.Module):
    """Stands in for a network: keeps what it is shown, and gives what it is told to."""

    multiple = (1, 1, 1)

    def __init__(self, logits=None):
        super().__init__()
        self.logits, self.image = logits, None

    def forward(self, x):
        self.image = x
        return x if self.logits is None else self.logits.expand(len(x), -1, -1, -1, -1)


def fused(fuse, image, logits, downsample):
    """What the second network is shown."""
    network = network_of(fuse, downsample)
    network.coarse, network.fine = Seen(logits), Seen()
    network(image)
    return network.coarse.image, network.fine.image


IMAGE = torch.tensor([[1.0, -2.0], [4.0, 8.0]]).view(1, 1, 1, 2, 2)
# Probabilities 1/2, 3/4, 1/4 and 1/5 on the image's own grid.
LOGITS = torch.tensor([[0.0, math.log(3)], [-math.log(3), -math.log(4)]]).view(1, 1, 1, 2, 2)


@pytest.mark.parametrize(
    ("fuse", "expected"),
    [
        ("multiply", [[[0.5, -1.5], [1.0, 1.6]]]),
        ("add", [[[1.5, -1.25], [4.25, 8.2]]]),
        ("concat", [[[1.0, -2.0], [4.0, 8.0]], [[0.5, 0.75], [0.25, 0.2]]]),
    ],
)
def test_fusion_by_hand(fuse, expected):
    _, shown = fused(fuse, IMAGE, LOGITS, (1, 1, 1))
    torch.testing.assert_close(shown[0, :, 0], torch.tensor(expected))


def test_first_network_sees_means_and_its_probability_is_enlarged_linearly():
    # Boxes of 1 x 1 x 2 of (1, 3, 5, 7) have means 2 and 6. Probabilities 1/4 and 3/4 lie at columns 0.5 and
    # 2.5 of the fine grid: columns 0 to 3 have 1/4, 3/8, 5/8, 3/4.
    image = torch.tensor([1.0, 3.0, 5.0, 7.0]).view(1, 1, 1, 1, 4)
    logits = torch.tensor([-math.log(3), math.log(3)]).view(1, 1, 1, 1, 2)
    seen, shown = fused("multiply", image, logits, (1, 1, 2))
    assert seen.flatten().tolist() == [2.0, 6.0]
    torch.testing.assert_close(shown.flatten(), torch.tensor([1 / 4, 9 / 8, 25 / 8, 21 / 4]))


@pytest.mark.parametrize("fuse", ["multiply", "add", "concat"])
def test_second_network_s_loss_reaches_both(fuse):
    network = network_of(fuse).train()
    image, classes = torch.randn(2, 1, 2, 16, 16), torch.randint(0, 4, (2, 2, 16, 16), dtype=torch.uint8)
    multiclass_dice(network(image), classes).backward()
    for part in (network.coarse, network.fine):
        gradients = [p.grad for p in part.parameters()]
        assert all(g is not None and g.isfinite().all() for g in gradients)
        assert sum(float(g.abs().sum()) for g in gradients) > 0


def test_logits_have_the_image_s_size():
    assert network_of()(torch.randn(2, 1, 3, 16, 32)).shape == (2, 4, 3, 16, 32)


@pytest.mark.parametrize(("weight", "times"), [({}, 1.0), ({"coarse_weight": 0.25}, 0.25)])
def test_objective_is_the_sum_of_both_losses(weight, times):
    network = network_of(**weight)
    image, classes = torch.randn(2, 1, 2, 16, 16), torch.zeros(2, 2, 16, 16, dtype=torch.uint8)
    classes[0, :, 4:8, 6:12] = 3
    classes[1, 0, 2:4] = 1
    coarse, fine = network.both(image)
    target = classes[:, :, ::2, ::2]  # the boxes of 2 x 2 are all of one class
    expected = multiclass_dice(fine, classes) + times * bce_dice(coarse, target)
    torch.testing.assert_close(end_to_end_objective(multiclass_dice)(network, image, classes), expected)


def test_coarse_voxel_is_foreground_where_at_least_half_of_it_is(monkeypatch):
    # Boxes of 1 x 2 x 2 with 1, 2, 3 and 4 foreground voxels, of whatever class.
    classes = torch.tensor([[0, 0, 1, 0, 1, 1, 2, 2], [0, 3, 0, 3, 0, 1, 1, 3]], dtype=torch.uint8).view(
        1, 1, 2, 8
    )
    targets = []

    def watched(_logits, target):
        targets.append(target)
        return torch.zeros(())

    monkeypatch.setattr("septum.methods.end_to_end.bce_dice", watched)
    network = network_of()
    network.coarse, network.fine = Seen(torch.zeros(1, 1, 1, 1, 4)), Seen()
    end_to_end_objective(lambda logits, _: logits.sum())(network, torch.zeros(1, 1, 1, 2, 8), classes)
    assert targets[0].flatten().tolist() == [0, 1, 1, 1]
    assert targets[0].shape == (1, 1, 1, 4)


@pytest.mark.parametrize(
    ("downsample", "keep_z", "expected"),
    [((1, 2, 2), False, (8, 16, 16)), ((2, 2, 2), True, (2, 16, 16)), ((3, 1, 3), False, (24, 8, 24))],
)
def test_size_must_fit_both_networks(downsample, keep_z, expected):
    settings = EndToEndSettings(coarse=NetworkSettings(filters=1, keep_z=keep_z), downsample=downsample)
    network = EndToEnd(settings, NetworkSettings(filters=1, keep_z=keep_z)).eval()
    assert network.multiple == expected
    assert network(torch.zeros(1, 1, *expected)).shape[2:] == expected


def test_size_is_a_multiple_of_both_and_not_of_the_larger_alone():
    # The first network needs multiples of 3 slices, the second of 8: together of 24.
    settings = EndToEndSettings(coarse=NetworkSettings(filters=1, keep_z=True), downsample=(3, 1, 1))
    assert EndToEnd(settings, NetworkSettings(filters=1)).multiple == (24, 8, 8)


def test_first_network_has_one_channel():
    with pytest.raises(ValueError, match="one sigmoid channel: expected out_channels = 1, got 4"):
        EndToEnd(
            EndToEndSettings(coarse=NetworkSettings(out_channels=4), downsample=(1, 2, 2)), NetworkSettings()
        )


def test_objective_is_of_this_network_alone():
    with pytest.raises(TypeError, match="end-to-end"):
        end_to_end_objective(F.mse_loss)(nn.Identity(), IMAGE, IMAGE)
