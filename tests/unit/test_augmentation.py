"""Augmentation: what is drawn, and what a draw does."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from septum.augmentation import (
    AugmentationSettings,
    IntensityDraw,
    SpatialDraw,
    change_intensity,
    draw_intensity,
    draw_spatial,
    read_patch,
)

EVERYTHING = AugmentationSettings(
    rotation_deg=180, log_scale=0.3, log_aspect=0.2, mirror=0.5, reverse_slices=0.5, elastic_mm=3,
    slice_shift_mm=3, slice_shift_probability=0.7, log_gamma=0.4, bias=0.3, noise=0.2, blur_probability=0.5,
    log_contrast=0.3, ghost_probability=0.5, missing_slices_probability=0.5, skipped_slices_probability=0.5,
)  # fmt: skip


def volume(depth=3, height=21, width=17, seed=0):
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.normal(size=(depth, height, width)).astype(np.float32))
    return image, torch.from_numpy(rng.integers(0, 4, (depth, height, width)).astype(np.uint8))


def rotation(degrees):
    s, c = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return SpatialDraw(matrix=((c, -s), (s, c)))


def assert_patch(found, image, labels):
    torch.testing.assert_close(found[0], torch.as_tensor(image), rtol=0, atol=1e-4)
    assert torch.equal(found[1], torch.as_tensor(labels))


@pytest.mark.parametrize(("centre", "size"), [((10, 8), (7, 5)), ((9.5, 7.5), (8, 6)), ((6.5, 11), (4, 9))])
def test_identity_draw_is_the_exact_crop(centre, size):
    image, labels = volume()
    y, x = (round(c - (n - 1) / 2) for c, n in zip(centre, size, strict=True))
    place = (slice(None), slice(y, y + size[0]), slice(x, x + size[1]))
    assert_patch(read_patch(image, labels, centre, size, SpatialDraw()), image[place], labels[place])


def test_patch_beyond_the_image_is_zero_there():
    image, labels = volume(height=6, width=5)
    image, labels = image + 10, labels | 1
    found = read_patch(image, labels, (2.5, 2.0), (10, 9), SpatialDraw())
    expected = torch.nn.functional.pad(image, (2, 2, 2, 2))
    assert_patch(found, expected, torch.nn.functional.pad(labels, (2, 2, 2, 2)))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_by_quarter_turns_is_numpys(quarters):
    image, labels = volume(height=11, width=11)
    found = read_patch(image, labels, (5, 5), (11, 11), rotation(90 * quarters))
    # A voxel of the patch is read from where its offset points once turned by +90 degrees, from y to x:
    # the picture itself turns the other way.
    expected = [np.rot90(a.numpy(), -quarters, axes=(1, 2)).copy() for a in (image, labels)]
    assert_patch(found, *expected)


def test_mirror_scale_and_reversal_by_hand():
    image, labels = volume(height=11, width=11)
    mirrored = read_patch(image, labels, (5, 5), (11, 11), SpatialDraw(matrix=((-1.0, 0.0), (0.0, 1.0))))
    assert_patch(mirrored, image.flip(1), labels.flip(1))
    reversed_ = read_patch(image, labels, (5, 5), (11, 11), SpatialDraw(reverse_slices=True))
    assert_patch(reversed_, image.flip(0), labels.flip(0))
    # Two source voxels a patch voxel: every other voxel, things look half as large.
    halved = read_patch(image, labels, (5, 5), (5, 5), SpatialDraw(matrix=((2.0, 0.0), (0.0, 2.0))))
    assert_patch(halved, image[:, 1:10:2, 1:10:2], labels[:, 1:10:2, 1:10:2])


def test_shifted_slices_by_hand():
    image, labels = volume(height=11, width=11)
    shift = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, -1.0]])
    found = read_patch(image, labels, (5, 5), (5, 5), SpatialDraw(slice_shift=shift))
    parts = [(0, 3, 3), (1, 5, 3), (2, 3, 2)]
    assert_patch(
        found,
        torch.stack([image[z, y : y + 5, x : x + 5] for z, y, x in parts]),
        torch.stack([labels[z, y : y + 5, x : x + 5] for z, y, x in parts]),
    )


def test_constant_elastic_displacement_is_a_shift():
    image, labels = volume(height=15, width=15)
    field = torch.stack([torch.full((5, 5), 2.0), torch.full((5, 5), -3.0)])
    found = read_patch(image, labels, (7, 7), (5, 5), SpatialDraw(elastic=field))
    assert_patch(found, image[:, 7:12, 2:7], labels[:, 7:12, 2:7])


@given(st.integers(0, 2**31))
def test_same_seed_replays_the_same_patch(seed):
    image, labels = volume()
    results = []
    for _ in range(2):
        rng = np.random.default_rng(seed)
        spatial = draw_spatial(EVERYTHING, 3, 1.4, rng)
        intensity = draw_intensity(EVERYTHING, rng)
        patch, mask = read_patch(image, labels, (10.0, 8.0), (12, 10), spatial)
        torch.rand(1)  # the global generator must not matter
        results.append((change_intensity(patch, intensity), mask))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert results[0][0].isfinite().all()


@given(st.integers(0, 2**31))
def test_labels_stay_in_their_set(seed):
    image, labels = volume()
    labels = torch.where(labels == 2, 0, labels)  # 0, 1 and 3: an average would make a 2
    draw = draw_spatial(EVERYTHING, 3, 1.4, np.random.default_rng(seed))
    _, mask = read_patch(image, labels, (10.0, 8.0), (16, 16), draw)
    assert mask.dtype == labels.dtype
    assert set(mask.unique().tolist()) <= {0, 1, 3}


def test_image_and_labels_move_together():
    labels = torch.zeros(2, 64, 64, dtype=torch.uint8)
    labels[:, 20:45, 25:40] = 1
    rng = np.random.default_rng(0)
    for _ in range(10):
        draw = draw_spatial(EVERYTHING, 2, 1.4, rng)
        patch, mask = read_patch(labels.float(), labels, (32.0, 32.0), (64, 64), draw)
        assert ((patch > 0.5) != (mask > 0)).float().mean() < 0.02


@given(st.integers(0, 2**31))
def test_nothing_drawn_changes_nothing(seed):
    image, labels = volume()
    rng, nothing = np.random.default_rng(seed), AugmentationSettings()
    spatial, intensity = draw_spatial(nothing, 3, 1.4, rng), draw_intensity(nothing, rng)
    found = read_patch(image, labels, (10, 8), (21, 17), spatial)
    assert_patch(found, image, labels)
    torch.testing.assert_close(change_intensity(image, intensity), image, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 2**31))
def test_draws_lie_within_their_ranges(seed):
    draw = draw_spatial(EVERYTHING, 4, 1.4, np.random.default_rng(seed))
    stretch = np.linalg.svd(np.array(draw.matrix), compute_uv=False)
    area = math.sqrt(stretch[0] * stretch[1])
    assert math.exp(-0.3) - 1e-9 <= area <= math.exp(0.3) + 1e-9
    assert 1 <= stretch[0] / stretch[1] <= math.exp(0.2) + 1e-9
    intensity = draw_intensity(EVERYTHING, np.random.default_rng(seed))
    assert math.exp(-0.4) <= intensity.gamma <= math.exp(0.4)
    assert 0 <= intensity.noise_deviation <= 0.2
    assert 1 <= intensity.coarseness <= 2
    assert intensity.shading is not None
    assert intensity.shading.abs().max() <= 0.3


def test_probabilities_are_what_they_say():
    rng = np.random.default_rng(0)
    settings = AugmentationSettings(
        mirror=0.25, reverse_slices=0.75, slice_shift_mm=1, slice_shift_probability=0.5
    )
    draws = [draw_spatial(settings, 3, 1.0, rng) for _ in range(2000)]
    mirrored = np.mean([np.linalg.det(np.array(d.matrix)) < 0 for d in draws])
    assert mirrored == pytest.approx(0.25, abs=0.04)
    assert np.mean([d.reverse_slices for d in draws]) == pytest.approx(0.75, abs=0.04)
    assert np.mean([d.slice_shift is not None for d in draws]) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(
    "draw",
    [
        IntensityDraw(gamma=1.5),
        IntensityDraw(shading=torch.linspace(-0.3, 0.3, 9).view(3, 3)),
        IntensityDraw(coarseness=2.0),
        IntensityDraw(noise_deviation=0.1, noise_seed=3),
    ],
    ids=["gamma", "shading", "coarseness", "noise"],
)
def test_intensity_changes_keep_mean_and_deviation_and_order_in_shape(draw):
    image = 50 + 10 * volume(height=40, width=32)[0]
    changed = change_intensity(image, draw)
    assert changed.shape == image.shape
    assert not torch.allclose(changed, image, atol=0.1)
    assert float(changed.mean()) == pytest.approx(float(image.mean()), abs=0.5)
    assert float(changed.std()) == pytest.approx(float(image.std()), rel=0.05)


def test_gamma_is_monotonic_and_constant_images_stay_finite():
    image = torch.linspace(-2, 3, 60).view(3, 4, 5)
    assert (change_intensity(image, IntensityDraw(gamma=1.4)).flatten().diff() > 0).all()
    flat = torch.full((2, 8, 8), 3.0)
    shading = torch.zeros(3, 3)
    changed = change_intensity(flat, IntensityDraw(1.2, shading, 0.1, 1, 1.5))
    torch.testing.assert_close(changed, flat)


def test_slices_that_are_missing_or_skipped_take_image_and_labels_alike():
    image, labels = volume(depth=9)
    found = read_patch(image, labels, (10, 8), (21, 17), SpatialDraw(slices=(1, 8, 2)))
    assert_patch(found, image[1:8:2], labels[1:8:2])


def test_drawn_slices_leave_at_least_four_and_at_most_a_third_missing():
    missing = AugmentationSettings(missing_slices_probability=1)
    both = AugmentationSettings(missing_slices_probability=1, skipped_slices_probability=1)
    for depth in (1, 4, 5, 9, 18):
        rng = np.random.default_rng(depth)
        for settings in (missing, both):
            left = [draw_spatial(settings, depth, 1.0, rng).slices for _ in range(50)]
            counts = [depth if s is None else len(range(*s)) for s in left]
            assert min(counts) >= min(depth, 4)
            assert all(0 <= s[0] < s[1] <= depth for s in left if s is not None)
        if depth >= 6:
            whole = [draw_spatial(missing, depth, 1.0, rng).slices for _ in range(50)]
            assert all(depth - depth // 3 <= len(range(*s)) < depth for s in whole)


def test_what_a_recipe_leaves_out_draws_nothing():
    few = AugmentationSettings(rotation_deg=90, log_gamma=0.3)
    spatial = (np.random.default_rng(5), np.random.default_rng(5))
    draw_spatial(few, 9, 1.0, spatial[0])
    [spatial[1].random() for _ in range(6)]
    assert spatial[0].random() == spatial[1].random()


def test_a_ghost_is_the_image_displaced_by_a_share_of_its_size():
    image = torch.zeros(1, 1, 32)
    image[0, 0, 8] = 1.0
    ghosted = change_intensity(image, IntensityDraw(ghost=(2, 2, 0.5)))[0, 0]
    assert ghosted.argsort(descending=True)[:2].tolist() == [8, 24]


def test_contrast_is_clipped_to_the_old_range():
    image, _ = volume()
    spread = change_intensity(image, IntensityDraw(contrast=3.0))
    assert (spread == spread.max()).sum() > 10 < (spread == spread.min()).sum()
