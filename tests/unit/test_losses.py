"""Equations (2) to (5) against numbers worked by hand."""

import math

import pytest
import torch

from septum.losses import bce_dice, binary_cross_entropy, dice_cross_entropy, multiclass_dice, soft_dice

SURE = 50.0  # a logit whose probability is 1 in float32


def row(*values, dtype=torch.float32):
    """(1, 1, 1, 1, n)."""
    return torch.tensor(values, dtype=dtype).view(1, 1, 1, 1, -1)


def classes_row(*values):
    """(1, 1, 1, n)."""
    return torch.tensor(values).view(1, 1, 1, -1)


def sure_logits(target, classes):
    """Logits that are certain of the target."""
    one_hot = torch.nn.functional.one_hot(target, classes).movedim(-1, 1)
    return SURE * (2.0 * one_hot - 1.0)


def test_soft_dice_by_hand():
    # I = .5 + .25 = .75; S = (.5 + .25 + 1 + 0) + 2 = 3.75; 1 - (1.5 + 1) / (3.75 + 1) = 2.25 / 4.75.
    loss = soft_dice(row(0.5, 0.25, 1.0, 0.0), row(1.0, 1.0, 0.0, 0.0))
    assert loss.shape == (1, 1)
    assert float(loss) == pytest.approx(2.25 / 4.75)


def test_soft_dice_keeps_samples_and_channels_apart():
    target = torch.zeros(2, 3, 1, 2, 2)
    target[0, 1] = target[1, 2] = 1.0
    found = torch.zeros_like(target)
    found[0, 1] = 1.0
    # Sample 1 misses channel 2 (4 voxels): 1 - (0 + 1) / (4 + 1) = .8. All others agree.
    expected = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.8]])
    torch.testing.assert_close(soft_dice(found, target), expected)


def test_soft_dice_of_a_perfect_and_of_a_rightly_empty_mask_is_zero():
    mask = row(1.0, 0.0, 1.0, 1.0)
    assert float(soft_dice(mask, mask)) == 0.0
    assert float(soft_dice(torch.zeros_like(mask), torch.zeros_like(mask))) == 0.0


def test_soft_dice_of_an_empty_target_counts_what_is_claimed():
    # 1 - (0 + 1) / (3 + 1).
    assert float(soft_dice(row(1.0, 1.0, 1.0, 0.0), torch.zeros(1, 1, 1, 1, 4))) == 0.75


def test_binary_cross_entropy_by_hand():
    # Logit ln 3 is p = 3/4. Voxels: -ln 3/4 (target 1) and -ln 1/4 (target 0); their mean.
    loss = binary_cross_entropy(row(math.log(3), math.log(3)), row(1.0, 0.0))
    assert float(loss) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)


def test_bce_dice_by_hand():
    # p = 3/4 twice, target (1, 0): I = .75, S = 1.5 + 1; Dice part 1 - 2.5 / 3.5 = 2 / 7.
    loss = bce_dice(row(math.log(3), math.log(3)), classes_row(2, 0))  # any class above 0 is foreground
    assert float(loss) == pytest.approx(2 / 7 + (math.log(4 / 3) + math.log(4)) / 2)


def test_multiclass_dice_by_hand_has_the_background_in_its_mean():
    # Four voxels of classes 0 0 1 2, all equal logits: p = 1/3 everywhere, sum of p = 4/3 a class.
    # Background: I = 2/3, S = 10/3: 1 - (7/3) / (13/3) = 6/13. Classes 1 and 2: I = 1/3, S = 7/3:
    # 1 - (5/3) / (10/3) = 1/2. Mean of the three: (6/13 + 1) / 3.
    loss = multiclass_dice(torch.zeros(1, 3, 1, 1, 4), classes_row(0, 0, 1, 2))
    assert float(loss) == pytest.approx((6 / 13 + 1) / 3)


def test_dice_cross_entropy_by_hand_leaves_the_background_out_of_dice_only():
    loss = dice_cross_entropy(torch.zeros(1, 3, 1, 1, 4), classes_row(0, 0, 1, 2))
    assert float(loss) == pytest.approx(1 / 2 + math.log(3))


@pytest.mark.parametrize("loss", [multiclass_dice, dice_cross_entropy])
@pytest.mark.parametrize("target", [(0, 1, 2, 3, 0), (0, 0, 0, 0, 0)], ids=["all classes", "empty"])
def test_certain_and_right_costs_nothing(loss, target):
    index = classes_row(*target)
    assert float(loss(sure_logits(index, 4), index)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("target", [(0, 1, 1, 0), (0, 0, 0, 0)], ids=["mask", "empty"])
def test_certain_and_right_costs_nothing_in_the_binary_case(target):
    index = classes_row(*target)
    logits = SURE * (2.0 * index.unsqueeze(1) - 1.0)
    assert float(bce_dice(logits, index)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("loss", [bce_dice, multiclass_dice, dice_cross_entropy])
def test_half_precision_logits_are_summed_in_single_precision(loss):
    # 2 x 64^3 voxels: a sum in bfloat16 or float16 would overflow or stand still.
    channels = 1 if loss is bce_dice else 2
    target = torch.zeros(1, 64, 64, 64, dtype=torch.uint8)
    target[:, :32] = 1
    logits = torch.zeros(1, channels, 64, 64, 64)
    value = loss(logits.to(torch.bfloat16), target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(logits, target))


@pytest.mark.parametrize("loss", [bce_dice, multiclass_dice, dice_cross_entropy])
def test_gradient_descent_lowers_the_loss(loss):
    torch.manual_seed(0)
    target = torch.randint(0, 2 if loss is bce_dice else 4, (1, 3, 4, 5))
    logits = torch.randn(1, 1 if loss is bce_dice else 4, 3, 4, 5, requires_grad=True)
    before = loss(logits, target)
    (gradient,) = torch.autograd.grad(before, logits)
    assert gradient.isfinite().all()
    assert loss(logits - gradient, target) < before


def test_equation_5_agrees_with_monai():
    losses = pytest.importorskip("monai.losses", reason="needs MONAI (dependency group test)")
    torch.manual_seed(1)
    target = torch.randint(0, 4, (2, 3, 5, 6))
    logits = torch.randn(2, 4, 3, 5, 6)
    one_hot = torch.nn.functional.one_hot(target, 4).movedim(-1, 1)
    theirs = losses.DiceLoss(include_background=True, softmax=True, smooth_nr=1.0, smooth_dr=1.0)
    torch.testing.assert_close(multiclass_dice(logits, target), theirs(logits, one_hot))
