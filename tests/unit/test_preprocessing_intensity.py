"""CLAHE, clipping, z-score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.exposure import equalize_adapthist

from septum.preprocessing import ClaheSettings, clahe, clip_to_percentiles, percentile, zscore
from septum.preprocessing.intensity import SAMPLE

PERCENT = st.one_of(st.sampled_from([0.0, 0.5, 50.0, 99.5, 100.0]), st.floats(0.0, 100.0))
NUMBERS = {
    np.float32: st.floats(-(2.0**100), 2.0**100, width=32),
    np.int16: st.integers(-(2**15), 2**15 - 1),
}


def is_numpys(found, values, percent):
    """Whether a percentile is numpy's, but for rounding: its own of float32 are float32."""
    exact = values.astype(np.float64)
    tolerance = 1e-6 * float(np.abs(exact).max())
    return isinstance(found, float) and abs(found - float(np.percentile(exact, percent))) <= tolerance


@pytest.mark.parametrize("kind", NUMBERS)
@given(st.data(), PERCENT)
def test_percentiles_of_few_values_are_numpys(kind, data, percent):
    shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=3, max_side=7))
    elements = NUMBERS[kind]
    if data.draw(st.booleans()):  # ties
        elements = st.sampled_from(data.draw(st.lists(elements, min_size=1, max_size=3)))
    values = data.draw(arrays.arrays(kind, shape, elements=elements))
    assert is_numpys(percentile(values, percent), values, percent)


@pytest.mark.parametrize("kind", NUMBERS)
@given(
    size=st.integers(SAMPLE - 2, 5 * SAMPLE),
    seed=st.integers(0, 2**32 - 1),
    ties=st.sampled_from([1, 2, 50, 30000]),
    order=st.sampled_from(["random", "rising", "every second large", "one large"]),
    percent=PERCENT,
)
@settings(max_examples=60)
def test_percentiles_of_many_values_are_numpys_whatever_the_sample_shows(
    kind, size, seed, ties, order, percent
):
    values = np.random.default_rng(seed).integers(0, ties, size).astype(kind)
    match order:
        case "rising":
            values.sort()
        case "every second large":  # of which a sample with an even step sees all or none
            values[seed % 2 :: 2] += 1000
        case "one large":
            values[seed % size] = 32767
    assert is_numpys(percentile(values, percent), values, percent)


def test_zscore_by_hand():
    # Mean 5, variance (9 + 1 + 1 + 9) / 4 = 5.
    found = zscore(np.array([2.0, 4.0, 6.0, 8.0], dtype=np.float32).reshape(1, 2, 2))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.ravel(), np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-6)


@given(st.floats(-1e4, 1e4, width=32))
def test_zscore_of_a_constant_is_zero_whatever_the_constant(value):
    # The mean of many equal float32 values is not exactly that value; the rounding must not be blown up.
    assert not zscore(np.full((3, 17, 19), value, dtype=np.float32)).any()


def test_zscore_of_large_values_keeps_its_mean_and_deviation():
    array = (np.random.default_rng(0).normal(size=(10, 200, 200)) * 40 + 30000).astype(np.float32)
    found = zscore(array).astype(np.float64)
    assert found.mean() == pytest.approx(0, abs=1e-3)
    assert found.std() == pytest.approx(1, abs=1e-3)


def test_clipping_by_hand():
    # 0 .. 100: the 10th percentile is 10, the 95th 95.
    found = clip_to_percentiles(np.arange(101).reshape(1, 1, -1), 10, 95)
    assert found.dtype == np.float32
    assert (found.min(), found.max()) == (10, 95)
    assert np.array_equal(found[0, 0, 10:96], np.arange(10, 96))


def test_clahe_of_each_slice_is_scikit_images():
    rng = np.random.default_rng(0)
    slices = rng.gamma(2.0, 200.0, size=(3, 48, 40)) * np.array([1.0, 0.5, 2.0])[:, None, None]
    found = clahe(slices, ClaheSettings(clip=2.0, tiles=4))
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    for plane, equalised in zip(slices, found, strict=True):
        alone = (plane - plane.min()) / np.ptp(plane)
        # Clipped at twice the mean bin height of 256 bins; tiles of 12 x 10 pixels.
        theirs = equalize_adapthist(alone, kernel_size=(12, 10), clip_limit=2 / 256, nbins=256)
        np.testing.assert_allclose(equalised, theirs, atol=2e-2)
        assert np.abs(equalised - theirs).mean() < 1e-3


def test_clahe_lifts_contrast_in_the_dark_part():
    rng = np.random.default_rng(1)
    plane = np.concatenate([rng.uniform(0, 20, (256, 128)), rng.uniform(0, 1000, (256, 128))], axis=1)
    before = plane[:, :128].std() / plane.std()
    gains = []
    for clip in (2.0, 20.0):
        found = clahe(plane[None], ClaheSettings(clip=clip))[0]
        gains.append(found[:, :128].std() / found.std() / before)
    # The clip is the steepest slope, in multiples of plain scaling.
    assert 1.5 < gains[0] < 2.5
    assert gains[1] > 5


def test_clahe_of_a_constant_slice_and_volume_is_finite():
    volume = np.zeros((2, 16, 16))
    assert np.isfinite(clahe(volume, ClaheSettings())).all()
    volume[0] = np.random.default_rng(0).random((16, 16))
    assert np.isfinite(clahe(volume, ClaheSettings())).all()
