"""Padding and cropping are exact inverses; what a network sees of a volume."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import Geometry, Region, Volume
from septum.preprocessing import PreprocessingSettings, cut, pad_or_crop, padded_to_multiple, prepare

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
