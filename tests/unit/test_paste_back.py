"""Pasting logits back, against the same computed for every voxel of the image, without a crop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from septum.core import Geometry, Region
from septum.inference import paste_back
from septum.preprocessing import prepared_geometry
from septum.preprocessing.settings import PreprocessingSettings

WORKING_MM = 1.4


def axis_weights(native, working, region, axis):
    """Share (native voxels, voxels of the region) in each native voxel; zero rows are outside the region."""
    n, start, stop = native.shape[axis], region.start[axis], region.stop[axis]
    step = native.spacing_mm[axis] / working.spacing_mm[axis]
    origins = [np.asarray(grid.direction).T @ np.asarray(grid.origin_mm) for grid in (native, working)]
    place = (origins[0][axis] - origins[1][axis]) / working.spacing_mm[axis] + step * np.arange(n)
    inside = (place >= start - 0.5 - 1e-4) & (place <= stop - 0.5 + 1e-4)
    distance = np.abs(np.clip(place, start, stop - 1)[:, None] - np.arange(start, stop))
    weights = np.maximum(0.0, 1.0 - distance / max(1.0, step))
    return weights / weights.sum(axis=1, keepdims=True) * inside[:, None], inside


def pasted_everywhere(logits, region, working, native):
    """Labels by interpolating all logits at all native voxels, and where two classes are about as likely."""
    (z, in_z), (y, in_y), (x, in_x) = (axis_weights(native, working, region, axis) for axis in range(3))
    at_voxels = np.einsum("kabc,za,yb,xc->kzyx", logits.astype(np.float64), z, y, x, optimize=True)
    inside = in_z[:, None, None] & in_y[:, None] & in_x
    second, first = np.sort(at_voxels, axis=0)[-2:]
    return np.where(inside, at_voxels.argmax(axis=0), 0), inside & (first - second < 1e-4)


@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.sampled_from([1, 4]),
    spacing_mm=st.tuples(st.sampled_from([1.4, 3.0, 9.0]), *[st.floats(0.7, 4.3)] * 2),
    part=st.sampled_from(["all", "box", "voxels", "nothing"]),
)
@settings(max_examples=150)
def test_a_crop_about_the_heart_changes_no_label(seed, classes, spacing_mm, part):
    rng = np.random.default_rng(seed)
    native = Geometry((4, *rng.integers(8, 30, 2).tolist()), spacing_mm, (5.0, -7.0, 11.0))
    slice_mm = WORKING_MM if spacing_mm[0] < 9.0 else None
    working = prepared_geometry(native, PreprocessingSettings(in_plane_mm=WORKING_MM, slice_mm=slice_mm))
    depth, height, width = working.shape
    size = (depth, min(height, int(rng.integers(6, 40))), min(width, int(rng.integers(6, 40))))
    start = (0, int(rng.integers(-3, height)), int(rng.integers(-3, width)))
    region = Region(start, tuple(a + n for a, n in zip(start, size, strict=True)))
    region = region.shifted_inside(working.shape)
    logits = rng.normal(size=(classes, *size)).astype(np.float32)
    heart = {
        "all": np.ones(size, bool),
        "box": np.zeros(size, bool),
        "voxels": rng.random(size) < 0.01,
        "nothing": np.zeros(size, bool),
    }[part]
    if part == "box":
        low = [int(rng.integers(0, n)) for n in size]
        heart[tuple(slice(a, a + int(rng.integers(1, 12))) for a in low)] = True
    beaten = -1.0 - np.abs(logits[-classes:])
    if classes == 1:
        logits = np.where(heart, logits, beaten)
        both = np.concatenate([np.zeros_like(logits), logits])
    else:
        logits[1:] = np.where(heart, logits[1:], logits[0] - np.abs(logits[1:]) - 0.1)
        both = logits
    values = tuple(range(1, len(both)))
    found = paste_back(logits, region, working, native, values)
    expected, undecided = pasted_everywhere(both, region, working, native)
    assert np.array_equal(found[~undecided], expected[~undecided])
    assert undecided.mean() < 0.05


@pytest.mark.parametrize("times", [2.0, 2.5, 3.0])
def test_a_single_voxel_of_the_heart_reaches_a_much_coarser_grid(times):
    native = Geometry((1, 12, 12), (9.0, times * WORKING_MM, times * WORKING_MM))
    working = prepared_geometry(native, PreprocessingSettings(in_plane_mm=WORKING_MM))
    region = Region.whole(working.shape)
    middle = working.shape[1] // 2
    logits = np.full((2, *region.size), -1.0, np.float32)
    logits[0] = 0.0
    logits[1, 0, middle, middle] = 1000.0
    found = paste_back(logits, region, working, native, (1,))
    expected, _ = pasted_everywhere(logits, region, working, native)
    assert found.any()
    assert np.array_equal(found, expected)


def test_a_heart_in_what_the_region_pads_the_image_with_is_no_label():
    image = Geometry((1, 20, 20), (9.0, WORKING_MM, WORKING_MM))
    region = Region((0, -14, -14), (1, 34, 34))
    logits = np.zeros((2, *region.size), np.float32)
    logits[1] = -1.0
    logits[1, 0, 2, 2] = 1.0  # twelve voxels before the image begins
    assert not paste_back(logits, region, image, image, (1,)).any()
