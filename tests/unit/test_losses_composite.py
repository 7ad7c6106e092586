"""The overlap and the focal positive loss against numbers worked by hand, and the objective they make up."""

import math

import pytest
import torch

from septum.losses import bce_dice
from septum.losses.composite import composite_loss, composite_objective, focal_positive_loss, overlap_loss
from septum.networks import NetworkSettings
from septum.networks.deeply_supervised import DeeplySupervised, DeeplySupervisedSettings

LN3 = math.log(3)  # a logit whose probability is 3/4


def row(*values):
    """(1, 1, 1, 1, n)."""
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, 1, -1)


def classes_row(*values):
    """(1, 1, 1, n)."""
    return torch.tensor(values).view(1, 1, 1, -1)


def test_overlap_by_hand():
    # 2 * 3/4 * 1/4, 2 * 1/4 * 3/4 and 2 * 1/2 * 1/2.
    assert float(overlap_loss(row(LN3, -LN3, 0.0))) == pytest.approx((3 / 8 + 3 / 8 + 1 / 2) / 3)


def test_overlap_of_several_classes_by_hand():
    # Probabilities 3/5, 1/5, 1/5: 1 - (9 + 1 + 1) / 25.
    logits = torch.tensor([LN3, 0.0, 0.0]).view(1, 3, 1, 1, 1)
    assert float(overlap_loss(logits)) == pytest.approx(14 / 25)


def test_overlap_of_two_classes_is_that_of_a_sigmoid():
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 3, 4, 5)
    torch.testing.assert_close(overlap_loss(torch.cat((0 * logits, logits), 1)), overlap_loss(logits))


def test_focal_positive_at_the_threshold_by_hand():
    # p = t = 3/4: the decision is 1/2. Foreground 2 * 1/4 * ln 2, background 1/4 * ln 2.
    at = row(LN3, LN3)
    loss = focal_positive_loss(at, at, classes_row(2, 0))  # any class above 0 is foreground
    assert float(loss) == pytest.approx((1 / 2 + 1 / 4) / 2 * math.log(2))


def test_focal_positive_above_the_threshold_by_hand():
    # p = 3/4, t = 1/2: the decision's logit is 10 / 4.
    s = 1 / (1 + math.exp(-2.5))
    found, threshold = row(LN3), row(0.0)
    rightly = focal_positive_loss(found, threshold, classes_row(1))
    wrongly = focal_positive_loss(found, threshold, classes_row(0))
    assert float(rightly) == pytest.approx(-2 * (1 - s) ** 2 * math.log(s), rel=1e-5)
    assert float(wrongly) == pytest.approx(-(s**2) * math.log(1 - s), rel=1e-5)


def test_a_missed_voxel_costs_twice_a_false_alarm():
    missed = focal_positive_loss(row(-LN3), row(0.0), classes_row(1))
    alarm = focal_positive_loss(row(LN3), row(0.0), classes_row(0))
    assert float(missed) == pytest.approx(2 * float(alarm))


def test_the_threshold_falls_on_missed_foreground_and_rises_on_false_alarms():
    threshold = row(0.0, 0.0).requires_grad_()
    focal_positive_loss(row(-LN3, LN3), threshold, classes_row(1, 0)).backward()
    missed, alarm = threshold.grad.flatten().tolist()
    assert missed > 0 > alarm  # descent goes the other way


def test_composite_is_the_sum_of_its_parts():
    torch.manual_seed(0)
    logits, threshold = torch.randn(2, 2, 1, 3, 4, 5)
    target = torch.randint(0, 2, (2, 3, 4, 5))
    parts = bce_dice(logits, target) + overlap_loss(logits) + focal_positive_loss(logits, threshold, target)
    torch.testing.assert_close(composite_loss(logits, threshold, target), parts)


def test_certain_and_right_costs_next_to_nothing():
    # The decision of p = 1 or 0 against t = 1/2 has logit 5 at most: -2 (1 - s)^2 ln s is 6e-7.
    target = classes_row(0, 1, 1, 0)
    logits = 50 * (2.0 * target.unsqueeze(1) - 1)
    assert float(composite_loss(logits, torch.zeros_like(logits), target)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("size", [1e4, 30.0, 0.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_are_finite_however_certain_the_network_is(size, dtype):
    logits = (row(1.0, -1.0, 1.0, -1.0) * size).to(dtype).requires_grad_()
    threshold = (row(1.0, 1.0, -1.0, -1.0) * size).to(dtype).requires_grad_()
    loss = composite_loss(logits, threshold, classes_row(0, 1, 1, 0))
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    for gradient in torch.autograd.grad(loss, (logits, threshold)):
        assert gradient.isfinite().all()


def test_half_precision_logits_are_summed_in_single_precision():
    logits = torch.zeros(1, 1, 64, 64, 64, dtype=torch.bfloat16)
    target = torch.zeros(1, 64, 64, 64, dtype=torch.uint8)
    target[:, :32] = 1
    assert float(overlap_loss(logits)) == 0.5
    # The decision is 1/2 everywhere; half of the voxels count twice.
    assert float(focal_positive_loss(logits, logits, target)) == pytest.approx(3 / 8 * math.log(2), rel=1e-5)


def test_objective_is_the_mean_over_passes_with_weighted_side_outputs():
    torch.manual_seed(0)
    base = NetworkSettings(architecture="unet3d", in_channels=2, filters=2)
    network = DeeplySupervised(DeeplySupervisedSettings(network=base, side_weights=(0.25, 0.5))).eval()
    image = torch.randn(1, 1, 8, 8, 16)
    classes = torch.randint(0, 3, (1, 8, 8, 16), dtype=torch.uint8)
    expected = 0.0
    for found in network.passes(image):
        sides = [bce_dice(side, classes) + overlap_loss(side) for side in found.sides]
        main = composite_loss(found.logits, found.threshold_logits, classes)
        expected += (main + 0.25 * sides[0] + 0.5 * sides[1]) / 2
    torch.testing.assert_close(composite_objective(network, image, classes), expected)
