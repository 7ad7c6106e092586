"""Padding and cropping are exact inverses; what a network sees of a volume."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import Geometry, Region, Volume
from septum.inference.steps import paste_back
from septum.preprocessing import (
    PreprocessingSettings,
    cut,
    pad_or_crop,
    padded_to_multiple,
    prepare,
    prepare_labels,
    prepared_geometry,
)

shapes = st.tuples(*[st.integers(1, 9)] * 3)


def inverse_of(region, shape):
    """The place of the original grid on the region's own grid."""
    start = tuple(-a for a in region.start)
    return Region(start, tuple(a + n for a, n in zip(start, shape, strict=True)))


def numbered(shape):
    return np.arange(1, np.prod(shape) + 1).reshape(shape)


@given(shapes, st.tuples(*[st.sampled_from([1, 2, 8])] * 3))
def test_padding_to_a_multiple_is_undone_exactly(shape, multiple):
    padding = padded_to_multiple(shape, multiple)
    for n, padded, m in zip(shape, padding.size, multiple, strict=True):
        assert padded % m == 0
        assert n <= padded < n + m, "the smallest multiple"
    array = numbered(shape)
    padded = padding.crop(array)
    assert padded.sum() == array.sum(), "nothing but zeros is added"
    assert np.array_equal(inverse_of(padding, shape).crop(padded), array)


@given(shapes, shapes)
def test_fixed_size_about_the_middle_is_undone_wherever_it_held_the_grid(shape, size):
    region = pad_or_crop(shape, size)
    assert region.size == size
    for a, b, n in zip(region.start, region.stop, shape, strict=True):
        assert abs((a + b) - n) <= 1, "about the middle, to half a voxel"
    array = numbered(shape)
    part = region.crop(array)
    back = inverse_of(region, shape).crop(part)
    held = np.zeros(shape, dtype=bool)
    region.paste(np.ones(size, dtype=bool), held)
    assert np.array_equal(back, np.where(held, array, 0))
    if all(n <= m for n, m in zip(shape, size, strict=True)):
        assert np.array_equal(back, array)


def test_prepared_volume_lies_on_the_grid_asked_for_and_is_normalised():
    rng = np.random.default_rng(0)
    geometry = Geometry((5, 30, 28), (8.0, 1.5, 1.5))
    volume = Volume(rng.gamma(2, 100, geometry.shape).astype(np.int16), geometry)
    found = prepare(volume, PreprocessingSettings(in_plane_mm=2.0, clip_percentiles=(1, 99)))
    assert found.geometry == geometry.resampled((None, 2.0, 2.0))
    assert found.array.shape == found.geometry.shape
    assert found.array.dtype == np.float32
    assert found.array.mean() == pytest.approx(0, abs=1e-5)
    assert found.array.std() == pytest.approx(1, abs=1e-5)


def test_clipping_precedes_normalisation():
    array = np.zeros((1, 10, 10), np.float32)
    array[0, :5] = 1.0
    array[0, 0, 0] = 1e6
    volume = Volume(array, Geometry(array.shape, (8.0, 1.4, 1.4)))
    found = prepare(volume, PreprocessingSettings(clip_percentiles=(0, 98))).array
    assert sorted(set(found.ravel().tolist())) == [-1.0, 1.0]


def test_cut_is_zero_beyond_the_image_and_normalised_as_asked():
    array = np.full((1, 2, 4), 3.0, np.float32)
    array[0, 0] = 5.0
    volume = Volume(array, Geometry(array.shape, (8.0, 1.4, 1.4)))
    region = Region((0, 0, -2), (1, 2, 2))
    plain = cut(volume, region, PreprocessingSettings())
    assert plain.array.tolist() == [[[0, 0, 5, 5], [0, 0, 3, 3]]]
    assert plain.geometry == volume.geometry.cropped(region)
    again = cut(volume, region, PreprocessingSettings(normalise="region"))
    # Values 0 0 5 5 0 0 3 3: mean 2, variance (4 * 4 + 2 * 9 + 2 * 1) / 8 = 4.5.
    np.testing.assert_allclose(again.array[0, 0], np.array([-2, -2, 3, 3]) / np.sqrt(4.5), rtol=1e-6)
    assert volume.array[0, 0, 0] == 5.0, "the volume itself is left alone"


FIXED = PreprocessingSettings(in_plane_mm=2.0, size=(4, 20, 12))


def marked(shape=(3, 14, 20)):
    """A volume in which no two voxels are equal, on a turned grid."""
    rng = np.random.default_rng(1)
    direction = ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    geometry = Geometry(shape, (8.0, 2.0, 2.0), (5.0, -7.0, 11.0), direction)
    return Volume(rng.normal(100, 20, shape).astype(np.float32), geometry)


def test_fixed_size_pads_with_zero_after_normalising_the_whole_volume():
    # One slice is added to 3, six rows to 14, and of 20 columns four go on each side.
    volume = marked()
    free = prepare(volume, FIXED.model_copy(update={"size": None})).array
    found = prepare(volume, FIXED)
    assert found.array.shape == found.geometry.shape == (4, 20, 12)
    image = Region((0, 3, 0), (3, 17, 12))
    np.testing.assert_array_equal(image.crop(found.array), free[:, :, 4:16])
    outside = np.ones(found.array.shape, dtype=bool)
    image.paste(np.zeros(image.size, dtype=bool), outside)
    assert not found.array[outside].any()
    assert free.mean() == pytest.approx(0, abs=1e-6), (
        "the mean is that of the volume, not of what is left of it"
    )


def test_labels_of_a_fixed_size_are_background_beyond_the_image_and_cropped_with_it():
    volume = marked()
    labels = np.full(volume.array.shape, 2, np.uint8)
    labels[:, :, :4] = 3  # clipped away
    found = prepare_labels(labels, (2, 3), volume.geometry, FIXED)
    expected = np.zeros((4, 20, 12), np.uint8)
    expected[:3, 3:17] = 2
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [None, (4, 20, 12), (2, 9, 31)])
@pytest.mark.parametrize("spacing", [{}, {"in_plane_mm": 1.3}, {"slice_mm": 5.0, "in_plane_mm": 3.7}])
def test_grid_is_known_without_preparing(size, spacing):
    settings, volume = PreprocessingSettings(size=size, **spacing), marked()
    grid = prepared_geometry(volume.geometry, settings)
    assert grid == prepare(volume, settings).geometry
    assert (
        prepare_labels(np.zeros(volume.array.shape, np.uint8), (1,), volume.geometry, settings).shape
        == grid.shape
    )


def test_what_is_pasted_back_from_a_fixed_size_lands_where_it_was():
    # A voxel of the fixed grid has the same place in the patient, and labels come home to their own voxels.
    volume = marked()
    labels = np.zeros(volume.array.shape, np.uint8)
    labels[1, 5:9, 6:13] = 1
    grid = prepared_geometry(volume.geometry, FIXED)
    np.testing.assert_allclose(grid.to_patient_mm((0, 3, 0)), volume.geometry.to_patient_mm((0, 0, 4)))
    on_grid = prepare_labels(labels, (1,), volume.geometry, FIXED)
    logits = np.where(on_grid == 1, 5.0, -5.0)[None].astype(np.float32)
    back = paste_back(logits, Region.whole(grid.shape), grid, volume.geometry, (1,))
    np.testing.assert_array_equal(back, labels)
