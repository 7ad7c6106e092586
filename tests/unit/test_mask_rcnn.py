"""Mask R-CNN: targets from class masks, one class a voxel from instances; with torchvision, the network."""

import math
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest
import torch
from pydantic import ValidationError

from septum.core import MissingExtraError
from septum.methods import mask_rcnn
from septum.methods.mask_rcnn import SliceMaskRCNN, training_objective, unavailable
from septum.methods.mask_rcnn_instances import best_instances, merge_instances, paste, slice_targets
from septum.methods.mask_rcnn_settings import MaskRCNNSettings

REASON = unavailable()
needs_torchvision = pytest.mark.skipif(REASON is not None, reason=str(REASON))

SMALL = MaskRCNNSettings(out_channels=3, proposals_per_slice=8)


@pytest.fixture
def no_cached_reason():
    unavailable.cache_clear()
    yield
    unavailable.cache_clear()


def disk(size, centre, radius):
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def ring(size, centre, radius, hole):
    return disk(size, centre, radius) & ~disk(size, centre, hole)


def dice(found, true):
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))


def volume(seed=0, depth=4, size=64):
    """A volume (1, 1, Z, Y, X) with a ring about a disk in all slices but the last, and its classes."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.zeros(1, depth, size, size, dtype=torch.uint8)
    for z in range(depth - 1):
        classes[0, z][ring(size, (30, 34), 14, 9)] = 1
        classes[0, z][disk(size, (30, 34), 9)] = 2
    levels = torch.tensor([0.0, -1.0, 2.0])
    image = levels[classes.long()] + 0.2 * torch.randn(classes.shape, generator=generator)
    return image[:, None], classes


def test_box_runs_along_the_outer_sides_of_the_outer_voxels():
    classes = torch.zeros(1, 6, 8, dtype=torch.uint8)
    classes[0, 1, 2] = classes[0, 3, 5] = 1  # rows 1 to 3, columns 2 to 5
    (target,) = slice_targets(classes, 2)
    assert target["boxes"].tolist() == [[1.5, 0.5, 5.5, 3.5]]
    assert target["labels"].tolist() == [1]
    assert torch.equal(target["masks"][0], classes[0])


def test_single_voxel_has_a_box_of_one_voxel():
    classes = torch.zeros(1, 4, 4, dtype=torch.uint8)
    classes[0, 0, 3] = 1
    assert slice_targets(classes, 2)[0]["boxes"].tolist() == [[2.5, -0.5, 3.5, 0.5]]


def test_only_classes_of_the_slice_have_an_instance_and_an_empty_slice_has_none():
    classes = torch.zeros(3, 4, 4, dtype=torch.uint8)
    classes[0, 0, 0], classes[0, 2:, 2:] = 1, 3
    classes[2, 1, 1] = 2
    first, empty, last = slice_targets(classes, 4)
    assert first["labels"].tolist() == [1, 3]
    assert first["masks"].sum(dim=(1, 2)).tolist() == [1, 4]
    assert last["labels"].tolist() == [2]
    assert (empty["boxes"].shape, empty["labels"].shape) == ((0, 4), (0,))
    assert empty["masks"].shape == (0, 4, 4)
    assert (empty["boxes"].dtype, empty["labels"].dtype) == (torch.float32, torch.int64)


def test_whole_mask_fills_its_box_and_nothing_else():
    pasted = paste(torch.ones(1, 4, 4), torch.tensor([[1.5, 0.5, 5.5, 3.5]]), (6, 8))
    expected = torch.zeros(6, 8, dtype=torch.bool)
    expected[1:4, 2:6] = True
    assert torch.equal(pasted[0] > 0.5, expected)


def test_cell_of_one_voxel_keeps_its_value():
    # The box holds 2 x 2 voxels and the mask 2 x 2 cells: each voxel's centre is a cell's middle.
    cells = torch.tensor([[[0.1, 0.2], [0.3, 0.4]]])
    pasted = paste(cells, torch.tensor([[0.5, 1.5, 2.5, 3.5]]), (5, 4))
    torch.testing.assert_close(pasted[0, 2:4, 1:3], cells[0])
    assert float(pasted.sum()) == pytest.approx(1.0)


def test_between_the_middles_of_two_cells_it_is_linear():
    # Cells' middles at x = 1 and 5, so voxel 2 lies a quarter of the way.
    pasted = paste(torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]), torch.tensor([[-1.0, -1.0, 7.0, 7.0]]), (7, 7))
    assert float(pasted[0, 3, 2]) == pytest.approx(0.25)


@needs_torchvision
def test_undoes_the_projection_that_makes_the_mask_targets():
    from torchvision.models.detection.roi_heads import project_masks_on_boxes

    true = ring(96, (41, 50), 27, 21)
    (target,) = slice_targets(true[None].to(torch.uint8), 2)
    cells = project_masks_on_boxes(target["masks"], target["boxes"], torch.zeros(1), 28)
    found = paste(cells, target["boxes"], (96, 96))[0] > 0.5
    assert dice(found, true) > 0.99


def test_takes_the_best_score_of_each_class_and_zero_where_there_is_none():
    box = torch.tensor([[0.5, 0.5, 2.5, 2.5], [-0.5, -0.5, 1.5, 1.5], [-0.5, -0.5, 3.5, 3.5]])
    found = {
        "boxes": box,
        "labels": torch.tensor([1, 1, 3]),
        "scores": torch.tensor([0.6, 0.9, 0.7]),
        "masks": torch.ones(3, 1, 2, 2),
    }
    nothing = {name: values[:0] for name, values in found.items()}
    scores, masks = best_instances([found, nothing], 4, (4, 4))
    torch.testing.assert_close(scores, torch.tensor([[0.9, 0.0, 0.7], [0.0, 0.0, 0.0]]))
    assert torch.nonzero(masks[0, 0] > 0.5).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert masks.shape == (2, 3, 4, 4)
    assert not masks[0, 1].any()
    assert not masks[1].any()


def merged(scores, masks):
    """Probabilities of the classes at one voxel."""
    logits = merge_instances(torch.tensor([scores]), torch.tensor([masks])[:, :, None, None])
    assert logits.dtype == torch.float32
    return logits[0, :, 0, 0].exp()


def test_one_instance_has_its_mask_probability_and_the_background_the_rest():
    torch.testing.assert_close(merged([0.6], [0.8]), torch.tensor([0.2, 0.8]))
    torch.testing.assert_close(merged([0.6], [0.3]), torch.tensor([0.7, 0.3]))


def test_overlap_goes_to_the_higher_product_of_score_and_probability():
    # Products .9 x .6 = .54 and .6 x .8 = .48. Weights: background 1 - .6, winner .6, other .6 x .48/.54.
    weights = torch.tensor([0.4, 0.6, 0.6 * 0.48 / 0.54])
    torch.testing.assert_close(merged([0.9, 0.6], [0.6, 0.8]), weights / weights.sum())


def test_instance_that_does_not_hold_the_voxel_never_wins_it():
    # Products .99 x .49 = .485 and .7 x .6 = .42; but only the second mask exceeds .5.
    assert int(merged([0.99, 0.7], [0.49, 0.6]).argmax()) == 2


def test_half_is_background():
    assert int(merged([1.0, 1.0], [0.5, 0.5]).argmax()) == 0


def test_mask_of_a_class_that_was_not_found_counts_for_nothing():
    assert int(merged([0.0, 0.8], [0.9, 0.2]).argmax()) == 0


def test_certainty_is_bounded_alike_on_both_sides():
    absent, certain = merged([0.0], [0.0]).log(), merged([1.0], [1.0]).log()
    assert float(absent[0] - absent[1]) == pytest.approx(math.log(99), rel=1e-5)
    assert float(certain[1] - certain[0]) == pytest.approx(math.log(99), rel=1e-5)


def test_largest_value_is_the_rule_at_every_voxel():
    generator = torch.Generator().manual_seed(1)
    scores = torch.rand(5, 3, generator=generator)
    masks = torch.rand(5, 3, 40, 40, generator=generator)
    scores[2, 1] = 0.0
    masks[2, 1] = 0.0
    product = torch.where(masks > 0.5, scores[:, :, None, None] * masks, 0.0)
    rule = torch.where((masks > 0.5).any(dim=1), product.argmax(dim=1) + 1, 0)
    logits = merge_instances(scores, masks)
    assert torch.equal(logits.argmax(dim=1), rule)
    torch.testing.assert_close(logits.exp().sum(dim=1), torch.ones(5, 40, 40))


@pytest.mark.usefixtures("no_cached_reason")
def test_without_torchvision_the_network_says_what_to_install(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(mask_rcnn, "version", missing)
    with pytest.raises(MissingExtraError, match=r"not installed; run pip install 'septum\[mask-rcnn\]'"):
        SliceMaskRCNN(MaskRCNNSettings())


@pytest.mark.usefixtures("no_cached_reason")
@pytest.mark.parametrize("kind", [ImportError, RuntimeError, AttributeError, OSError])
def test_torchvision_of_another_torch_is_named_with_its_error(monkeypatch, kind):
    def broken():
        raise kind("operator torchvision::nms does not exist\nand more")

    monkeypatch.setattr(mask_rcnn, "version", lambda _: "0.29.1")
    monkeypatch.setattr(mask_rcnn, "_detection", broken)
    reason = unavailable()
    assert reason is not None
    assert "torchvision 0.29.1 does not load beside torch" in reason
    assert "(operator torchvision::nms does not exist)" in reason
    assert "\n" not in reason


@pytest.mark.usefixtures("no_cached_reason")
def test_this_module_does_not_load_torchvision():
    code = "import sys, septum.methods.mask_rcnn; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_refuse_what_the_network_cannot_be():
    with pytest.raises(ValidationError, match="out_channels"):
        MaskRCNNSettings(out_channels=1)
    with pytest.raises(ValidationError, match="weights"):
        MaskRCNNSettings(weights="COCO_V1")


@needs_torchvision
def test_all_layers_are_trained_and_no_batch_norm_is_frozen():
    network = SliceMaskRCNN(SMALL)
    assert all(parameter.requires_grad for parameter in network.parameters())
    names = {type(module).__name__ for module in network.modules()}
    assert "BatchNorm2d" in names
    assert "FrozenBatchNorm2d" not in names


@needs_torchvision
def test_untrained_network_gives_log_probabilities_of_the_volume_s_shape():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL).eval()
    with torch.inference_mode():
        logits = network(torch.randn(2, 1, 3, 64, 96))
    assert logits.shape == (2, 3, 3, 64, 96)
    torch.testing.assert_close(logits.exp().sum(dim=1), torch.ones(2, 3, 64, 96))


@needs_torchvision
def test_slices_at_once_do_not_change_what_is_found():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL.model_copy(update={"score_threshold": 0.0})).eval()
    image, _ = volume()
    with torch.inference_mode():
        together = network(image)
        network.settings = network.settings.model_copy(update={"slices_at_once": 3})
        in_parts = network(image)
    assert (together[:, 1:] > together[:, :1]).any()  # something is found
    torch.testing.assert_close(in_parts, together, atol=1e-3, rtol=0)


@needs_torchvision
def test_objective_s_gradient_is_that_of_the_weighted_parts():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL.model_copy(update={"slices_at_once": 2})).train()
    image, classes = volume(depth=3)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(1)
    loss = training_objective(network, image, classes)
    (3 * loss).backward()
    got = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    network.load_state_dict(start)
    torch.manual_seed(1)
    slices = image[0].movedim(1, 0)  # the parts are slices 0 and 2, and slice 1
    parts = [network.losses(slices[i::2], classes[0, i::2]) for i in range(2)]
    expected = (2 * parts[0] + parts[1]) / 3
    (3 * expected).backward()
    torch.testing.assert_close(loss, expected.detach(), check_stride=False)
    for found, parameter in zip(got, network.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad, rtol=1e-3, atol=1e-5)


@needs_torchvision
def test_volume_without_any_structure_has_a_finite_objective():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL).train()
    loss = training_objective(network, *(part[:, -1:] * 0 for part in volume()))
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@needs_torchvision
def test_objective_under_bfloat16_autocast_is_float32_and_reaches_all_parameters():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL.model_copy(update={"slices_at_once": 2})).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = training_objective(network, *volume())
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(parameter.grad is not None for parameter in network.parameters())
    network.eval()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(volume()[0]).dtype == torch.float32


@needs_torchvision
def test_modes_are_not_mixed_up():
    network = SliceMaskRCNN(SMALL)
    image, classes = volume()
    with pytest.raises(ValueError, match="evaluation mode only"):
        network.train()(image)
    with pytest.raises(ValueError, match="training mode only"):
        training_objective(network.eval(), image, classes)


@needs_torchvision
def test_few_steps_lower_the_objective():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    image, classes = volume()
    losses = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = training_objective(network, image, classes)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-2:]) < 0.7 * sum(losses[:2])
