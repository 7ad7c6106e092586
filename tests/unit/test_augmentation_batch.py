"""A batch gives what its patches give one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from septum.augmentation import (
    AugmentationSettings,
    Pack,
    SpatialDraw,
    change_intensities,
    change_intensity,
    common_slices,
    draw_intensity,
    draw_spatial,
    read_patch,
    read_patches,
)

EVERYTHING = AugmentationSettings(
    rotation_deg=180, log_scale=0.3, log_aspect=0.2, mirror=0.5, reverse_slices=0.5, elastic_mm=3,
    slice_shift_mm=3, slice_shift_probability=0.7, log_gamma=0.4, bias=0.3, noise=0.2, blur_probability=0.5,
    log_contrast=0.3, ghost_probability=0.5, missing_slices_probability=0.5, skipped_slices_probability=0.5,
)  # fmt: skip
SIZES = ((9, 21, 17), (6, 30, 26), (12, 18, 33))


def cases(seed=0):
    rng = np.random.default_rng(seed)
    images = [torch.from_numpy(rng.normal(size=size).astype(np.float32)) for size in SIZES]
    return images, [(image > 0.5).to(torch.uint8) for image in images]


@pytest.mark.parametrize("seed", range(6))
def test_patches_of_a_batch_are_those_read_one_by_one(seed):
    images, classes = cases()
    rng = np.random.default_rng(seed)
    whole = EVERYTHING.model_copy(update={"missing_slices_probability": 0, "skipped_slices_probability": 0})
    draws = [draw_spatial(whole, size[0], 1.4, rng) for size in SIZES]
    slices = common_slices(draws, [size[0] for size in SIZES], EVERYTHING, rng)
    centres = [(9.5, 8.0), (14.0, 12.5), (8.0, 16.0)]
    pack = Pack.of(images, classes, torch.device("cpu"))
    found, masks = read_patches(pack, [0, 1, 2], slices, centres, (16, 12), draws)
    for number, (draw, of_one) in enumerate(zip(draws, slices, strict=True)):
        alone, mask = read_patch(images[number], classes[number], centres[number], (16, 12), draw)
        if draw.reverse_slices:  # alone, the slices are reversed after they are read
            alone, mask = alone.flip(0), mask.flip(0)
        torch.testing.assert_close(found[number], alone[of_one], rtol=0, atol=1e-4)
        assert (masks[number] == mask[of_one]).float().mean() > 0.999  # nearest, where rounding decides a tie


def test_all_samples_get_the_fewest_slices_from_places_of_their_own():
    draws = [SpatialDraw(), SpatialDraw(), SpatialDraw(reverse_slices=True)]
    none = AugmentationSettings()
    chosen = common_slices(draws, [9, 4, 9], none, np.random.default_rng(0))
    assert [len(one) for one in chosen] == [4, 4, 4]
    assert chosen[1] == [0, 1, 2, 3]
    assert chosen[2] == sorted(chosen[2], reverse=True)
    starts = {common_slices(draws, [9, 4, 9], none, np.random.default_rng(s))[0][0] for s in range(40)}
    assert starts == {0, 1, 2, 3, 4, 5}


def test_slices_are_removed_from_a_whole_batch_alike():
    always = AugmentationSettings(skipped_slices_probability=1)
    chosen = common_slices([SpatialDraw()] * 3, [12, 9, 10], always, np.random.default_rng(0))
    assert {len(one) for one in chosen} <= {4, 5}
    assert all(np.diff(one).tolist() == [2] * (len(one) - 1) for one in chosen)


def test_intensities_of_a_batch_change_as_they_do_alone():
    rng = np.random.default_rng(1)
    images = torch.from_numpy(rng.normal(size=(5, 3, 16, 20)).astype(np.float32))
    draws = [replace(draw_intensity(EVERYTHING, rng), noise_deviation=0.0) for _ in images]
    assert any(draw.ghost for draw in draws)
    assert any(draw.coarseness > 1 for draw in draws)
    together = change_intensities(images, draws)
    for image, draw, found in zip(images, draws, together, strict=True):
        torch.testing.assert_close(found, change_intensity(image, draw), rtol=0, atol=1e-4)


def test_noise_of_a_batch_has_each_samples_strength():
    images = torch.randn(2, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    quiet, loud = (
        replace(draw_intensity(AugmentationSettings(), rng), noise_deviation=d) for d in (0.0, 0.5)
    )
    added = change_intensities(images, [quiet, loud]) - images
    assert added[0].std() < 1e-4
    assert added[1].std() == pytest.approx(0.5, abs=0.02)
