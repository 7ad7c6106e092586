"""Mask R-CNN's targets from class masks, and one class a voxel from its instances; numbers worked by hand."""

import math

import pytest
import torch

from septum.methods.mask_rcnn import unavailable
from septum.methods.mask_rcnn_instances import best_instances, merge_instances, paste, slice_targets


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


@pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
def test_undoes_the_projection_that_makes_the_mask_targets():
    from torchvision.models.detection.roi_heads import project_masks_on_boxes

    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    square = (y - 41) ** 2 + (x - 50) ** 2
    true = (square <= 27**2) & (square > 21**2)  # a wall of 6 voxels
    (target,) = slice_targets(true[None].to(torch.uint8), 2)
    cells = project_masks_on_boxes(target["masks"], target["boxes"], torch.zeros(1), 28)
    found = paste(cells, target["boxes"], (96, 96))[0] > 0.5
    assert float(2 * (found & true).sum() / (found.sum() + true.sum())) > 0.99


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
