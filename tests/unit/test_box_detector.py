"""The detector of one box: its wiring, its loss by hand, what it learns, and the region that follows."""

import numpy as np
import pytest
import torch

from septum.core import Geometry, Localisation, LocalisationPath, Region
from septum.localisation import LocalisationSettings, region_about
from septum.losses.boxes import box_loss, box_objective, box_of
from septum.networks.box_detector import BoxDetector, BoxDetectorSettings, moments


def detector(**settings):
    torch.manual_seed(0)
    return BoxDetector(BoxDetectorSettings(**{"filters": 2} | settings))


@pytest.mark.parametrize(("keep_z", "multiple"), [(False, (8, 8, 8)), (True, (1, 8, 8))])
def test_a_box_for_each_volume_with_its_centre_inside_the_grid(keep_z, multiple):
    network = detector(keep_z=keep_z)
    assert network.multiple == multiple
    box = network(torch.randn(2, 1, 8 if not keep_z else 3, 16, 24))
    assert box.shape == (2, 6)
    assert box.dtype == torch.float32
    assert ((box[:, :3] > 0) & (box[:, :3] < 1)).all()
    assert (box[:, 3:] > 0).all()


@pytest.mark.parametrize("shape", [(1, 2, 8, 16, 16), (1, 1, 8, 12, 16), (1, 8, 16, 16)])
def test_what_is_no_image_of_a_fitting_size_is_refused(shape):
    with pytest.raises(ValueError, match=r"multiple of \(8, 8, 8\).*pad the image"):
        detector()(torch.zeros(shape))


def test_moments_by_hand():
    heat = torch.zeros(1, 2, 2, 4, 5)
    heat[0, 0, 0, 1, 4] = 0.75  # middles: 1/4, 3/8, 9/10
    heat[0, 0, 1, 3, 0] = 0.25  # middles: 3/4, 7/8, 1/10
    heat[0, 1, 1, 2, 2] = 1.0
    mean, spread = moments(heat)
    expected = [[(3 + 3) / 16, (9 + 7) / 32, (27 + 1) / 40], [3 / 4, 5 / 8, 1 / 2]]
    torch.testing.assert_close(mean, torch.tensor([expected]))
    # Two points a distance d apart with weights 3/4 and 1/4: the standard deviation is d times root(3) / 4.
    factor = 3**0.5 / 4
    of_two = [factor / 2, factor / 2, factor * 4 / 5]
    torch.testing.assert_close(spread, torch.tensor([[of_two, [0.001] * 3]]), atol=1e-5, rtol=0)


def test_a_heat_that_fills_an_ellipsoid_has_the_size_of_its_box():
    grid = torch.stack(torch.meshgrid(*(torch.arange(n) + 0.5 for n in (40, 60, 80)), indexing="ij"))
    centre, radii = torch.tensor([20.0, 25.0, 45.0]), torch.tensor([8.0, 20.0, 30.0])
    inside = (((grid - centre.view(3, 1, 1, 1)) / radii.view(3, 1, 1, 1)) ** 2).sum(dim=0) <= 1
    _, spread = moments((inside / inside.sum())[None, None])
    size = detector().scale.detach() * spread[0, 0]
    torch.testing.assert_close(size, torch.tensor([16 / 40, 40 / 60, 60 / 80]), atol=0.01, rtol=0)


def test_a_heat_of_one_voxel_has_a_finite_gradient():
    heat = torch.zeros(1, 1, 2, 4, 5)
    heat[0, 0, 0, 1, 4] = 1.0
    heat.requires_grad_()
    _, spread = moments(heat)
    spread.sum().backward()
    assert heat.grad.isfinite().all()


def test_the_box_follows_a_shifted_heart():
    # Away from the borders, a shift by the detector's own step of 8 voxels moves the centre by 8 of 80.
    network = detector()
    with torch.no_grad():
        for heat in network.heat:
            heat.weight *= 50  # a sharp heat map, as after training
    image = torch.zeros(1, 1, 8, 80, 80)
    image[..., 36:44, 36:44] = 1.0
    here, there = network(image), network(image.roll(8, dims=4))
    torch.testing.assert_close(there[0, 2] - here[0, 2], torch.tensor(0.1), atol=0.01, rtol=0)
    torch.testing.assert_close(there[0, :2], here[0, :2], atol=0.01, rtol=0)


def classes_with(*boxes, size=(4, 10, 20)):
    classes = torch.zeros(len(boxes), *size, dtype=torch.uint8)
    for sample, box in enumerate(boxes):
        if box is not None:
            classes[(sample, *(slice(*span) for span in box))] = 1 + sample % 3
    return classes


def test_box_of_by_hand():
    classes = classes_with(((1, 3), (2, 10), (0, 5)), None)
    classes[0, 0, 5, 6] = 3  # one more voxel, of another class, stretches z to 0:3 and x to 0:7
    box, present = box_of(classes)
    expected = torch.tensor([[1.5 / 4, 6 / 10, 3.5 / 20, 3 / 4, 8 / 10, 7 / 20], [0.0] * 6])
    torch.testing.assert_close(box, expected)
    assert present.tolist() == [True, False]


def test_box_loss_by_hand_leaves_out_samples_without_foreground():
    classes = classes_with(((0, 4), (0, 10), (0, 20)), None)  # centre 1/2 and size 1 in every axis
    found = torch.tensor([[0.5, 0.6, 0.5, 1.0, 0.98, 1.0], [0.9] * 6])
    # 0.1 is in the linear part: 0.1 - 0.05 / 2; 0.02 in the quadratic: 0.02^2 / (2 * 0.05).
    assert float(box_loss(found, classes)) == pytest.approx(0.075 + 0.004)


def test_a_batch_without_foreground_teaches_nothing():
    found = torch.full((2, 6), 0.3, requires_grad=True)
    loss = box_loss(found, classes_with(None, None))
    (gradient,) = torch.autograd.grad(loss, found)
    assert float(loss.detach()) == 0
    assert torch.equal(gradient, torch.zeros(2, 6))


def ellipsoids(number, seed, size=(16, 24, 24)):
    """Noisy images with one ellipsoid each, and its classes."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in size), indexing="ij"))
    extent = np.array(size)[:, None, None, None]
    centres = rng.uniform(0.3, 0.7, (number, 3, 1, 1, 1)) * extent
    radii = rng.uniform(0.15, 0.28, (number, 3, 1, 1, 1)) * extent
    classes = (((grid - centres) / radii) ** 2).sum(axis=1) <= 1
    images = classes + rng.normal(0, 0.4, classes.shape)
    return torch.tensor(images[:, None], dtype=torch.float32), torch.tensor(classes).to(torch.uint8)


def test_boxes_of_ellipsoids_are_learnt_within_seconds():
    network = detector(filters=4)
    images, classes = ellipsoids(32, seed=0)
    unseen, unseen_classes = ellipsoids(16, seed=1)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        chosen = torch.randperm(len(images), generator=generator)[:4]
        loss = box_objective(network, images[chosen], classes[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    truth, _ = box_of(unseen_classes)
    always_the_mean = box_of(classes)[0].mean(dim=0)
    with torch.no_grad():
        off = (network(unseen) - truth).abs()
    blind = (always_the_mean - truth).abs()
    assert off[:, :3].mean() < 0.03 < blind[:, :3].mean() / 2
    assert off[:, 3:].mean() < 0.75 * blind[:, 3:].mean()


WORKING = Geometry((4, 100, 120), (8.0, 2.0, 1.0), (5.0, 6.0, 7.0))


@pytest.mark.parametrize("padded", [False, True])
def test_region_about_a_centre_found_on_a_coarser_grid(padded):
    grid = WORKING.resampled((8.0, 4.0, 2.0))  # 4 x 50 x 60, the same outer borders
    centre = [0.5, 20 / 50, 15 / 60]
    if padded:  # by 3 and 2 voxels on each side
        grid = grid.cropped(Region((0, -3, -2), (4, 53, 62)))
        centre = [0.5, 23 / 56, 17 / 64]
    # The borders 20 and 15 of the coarse grid are 40 and 30 of the fine one: 16 voxels to either side.
    found = region_about(centre, grid, WORKING, LocalisationSettings(sizes=(32,)))
    assert found == Localisation(Region((0, 24, 14), (4, 56, 46)), LocalisationPath.DETECTOR)


def test_region_about_a_centre_at_the_border_is_shifted_inside_and_keeps_its_size():
    settings = LocalisationSettings(fixed=(32, 40), depth=2)
    found = region_about([0.0, 0.01, 0.99], WORKING, WORKING, settings)
    assert found.region == Region((0, 0, 80), (2, 32, 120))
