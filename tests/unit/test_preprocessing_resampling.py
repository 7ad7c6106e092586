"""Resampling: exact where it can be, within a stated tolerance where it cannot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import Geometry, Region
from septum.metrics import dice
from septum.preprocessing import resample, resample_labels

#: Dice of a heart-sized mask against itself after 1.5 mm -> 1.4 mm -> 1.5 mm in plane, at least.
ROUND_TRIP_DICE = 0.985

seeds = st.integers(0, 2**31)
spacings = st.floats(0.7, 3.0)


def positions_mm(geometry, axis):
    """Coordinate along an array axis (parallel to z, y, x of the patient) of each voxel."""
    return geometry.origin_mm[2 - axis] + np.arange(geometry.shape[axis]) * geometry.spacing_mm[axis]


def ramp(geometry, slopes=(0.25, -1.5, 2.0)):
    z, y, x = (s * positions_mm(geometry, a) for a, s in enumerate(slopes))
    return (z[:, None, None] + y[:, None] + x).astype(np.float32)


def ball(geometry, centre, radius_mm):
    z, y, x = (positions_mm(geometry, a) - c for a, c in enumerate(centre))
    return np.sqrt((z[:, None, None] / 2) ** 2 + y[:, None] ** 2 + x**2) < radius_mm


@given(seeds)
def test_same_grid_changes_nothing(seed):
    geometry = Geometry((3, 5, 4), (8.0, 1.5, 1.25))
    array = np.random.default_rng(seed).normal(size=(2, *geometry.shape)).astype(np.float32)
    assert np.array_equal(resample(array, geometry, geometry), array)
    assert np.array_equal(resample(array, geometry, geometry.resampled((None, 1.5, None))), array)


@given(spacings, spacings, st.floats(3.0, 12.0))
def test_constant_stays_constant(y, x, z):
    source = Geometry((5, 9, 8), (8.0, 1.5, 1.25))
    target = source.resampled((z, y, x)).cropped(Region((-1, -3, 0), (6, 9, 12)))
    out = resample(np.full(source.shape, 7.25), source, target)
    assert out.shape == target.shape
    np.testing.assert_allclose(out, 7.25, rtol=1e-6)


@pytest.mark.parametrize("spacing", [(None, 1.0, 0.8), (2.5, 1.3, 1.25), (None, 3.0, 2.5), (16.0, 4.5, 3.75)])
def test_linear_ramp_is_exact_inside_when_refining_or_at_whole_factors(spacing):
    source = Geometry((8, 24, 24), (8.0, 1.5, 1.25), (3.0, -7.0, 11.0))
    target = source.resampled(spacing)
    found, expected = resample(ramp(source), source, target), ramp(target)
    interior = []
    for axis in range(3):
        reach = max(source.spacing_mm[axis], target.spacing_mm[axis])
        place, ends = positions_mm(target, axis), positions_mm(source, axis)[[0, -1]]
        untouched = target.spacing_mm[axis] == source.spacing_mm[axis]
        inside = (place >= ends[0] - 1e-6) & (place <= ends[1] + 1e-6)
        if target.spacing_mm[axis] > source.spacing_mm[axis]:
            inside = (place - ends[0] > reach - source.spacing_mm[axis]) & (
                ends[1] - place > reach - source.spacing_mm[axis]
            )
        interior.append(np.ones_like(place, dtype=bool) if untouched else inside)
    held = np.ix_(*interior)
    assert expected[held].size > 0.2 * expected.size
    np.testing.assert_allclose(found[held], expected[held], atol=1e-4)


def test_linear_ramp_is_within_a_tenth_of_a_voxel_at_any_other_factor():
    # The triangle that prevents aliasing is sampled at whole voxels, so its centre of mass moves a little.
    source = Geometry((1, 1, 200), (8.0, 1.0, 1.0))
    for spacing in np.linspace(1.05, 4.0, 60):
        target = source.resampled((None, None, float(spacing)))
        error = resample(ramp(source, (0, 0, 1)), source, target) - ramp(target, (0, 0, 1))
        assert np.abs(error[0, 0, 4:-4]).max() < 0.1


def test_values_between_voxels_by_hand():
    # Four voxels of 1 mm to eight of .5 mm: centres at -.25, .25, ... The border value holds beyond it.
    source = Geometry((1, 1, 4), (1.0, 1.0, 1.0))
    out = resample(np.array([[[0.0, 4.0, 8.0, 0.0]]]), source, source.resampled((None, None, 0.5)))
    assert out[0, 0].tolist() == [0.0, 1.0, 3.0, 5.0, 7.0, 6.0, 2.0, 0.0]


def test_coarser_values_by_hand():
    # Two voxels of 2 mm: the triangle of half width 2 about .5 reaches 0, 1 and 2 with .75, .75 and .25
    # (its fourth weight lies beyond the border and the rest is scaled to 1): (0 + 3 + 2) / 1.75.
    source = Geometry((1, 1, 4), (1.0, 1.0, 1.0))
    out = resample(np.array([[[0.0, 4.0, 8.0, 0.0]]]), source, source.resampled((None, None, 2.0)))
    assert out[0, 0].tolist() == pytest.approx([5 / 1.75, (1 + 6) / 1.75])


@pytest.mark.parametrize("axis", range(3))
def test_finest_pattern_does_not_alias(axis):
    source = Geometry((32, 32, 32), (1.0, 1.0, 1.0))
    pattern = np.indices(source.shape)[axis] % 2 * 2.0 - 1.0  # -1 and 1 in turn
    for factor in (2.0, 2.5, 3.0):
        spacing = [None, None, None]
        spacing[axis] = factor
        out = resample(pattern, source, source.resampled(spacing))
        middle = np.moveaxis(out, axis, 0)[2:-2]
        assert np.abs(middle).max() < 0.13, "plain interpolation would leave up to 1"


def test_noise_is_averaged_when_coarser():
    source = Geometry((1, 120, 120), (8.0, 1.0, 1.0))
    noise = np.random.default_rng(0).normal(size=source.shape)
    # Triangle of half width 4 in two axes: standard deviation (sum of w^2) = .1719 each.
    assert resample(noise, source, source.resampled((None, 4.0, 4.0))).std() == pytest.approx(0.172, abs=0.02)


@pytest.mark.parametrize("spacing_mm", [(8.0, 1.5, 1.5), (10.0, 1.25, 1.37), (5.0, 1.8, 1.8)])
def test_labels_come_back_from_the_model_grid_with_the_stated_tolerance(spacing_mm):
    native = Geometry((10, 100, 90), spacing_mm)
    middle = [(n - 1) * s / 2 for n, s in zip(native.shape, spacing_mm, strict=True)]
    labels = np.zeros(native.shape, np.uint8)
    labels[ball(native, middle, 34.0)] = 2
    labels[ball(native, middle, 24.0)] = 3
    labels[ball(native, (middle[0], middle[1], middle[2] + 45), 20.0) & (labels == 0)] = 1
    working = native.resampled((None, 1.4, 1.4))
    there = resample_labels(labels, (1, 2, 3), native, working)
    back = resample_labels(there, (1, 2, 3), working, native)
    assert set(np.unique(there)) == {0, 1, 2, 3}
    for value in (1, 2, 3):
        assert dice(back == value, labels == value) > ROUND_TRIP_DICE
        volume = (there == value).sum() * working.voxel_volume_ml
        assert volume == pytest.approx((labels == value).sum() * native.voxel_volume_ml, rel=0.02)


def test_labels_on_the_same_grid_come_back_exactly_and_unknown_values_go():
    geometry = Geometry((3, 6, 5), (8.0, 1.5, 1.5))
    labels = np.random.default_rng(0).integers(0, 5, geometry.shape).astype(np.uint8)
    expected = np.where(labels == 3, 0, labels)
    assert np.array_equal(resample_labels(labels, (1, 2, 4), geometry, geometry), expected)


def test_grids_that_are_not_parallel_are_refused():
    source = Geometry((2, 3, 4), (8.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="parallel"):
        resample(np.zeros(source.shape), source, source.permuted((1, 0, 2)))


def test_leading_axes_are_resampled_alike():
    source = Geometry((3, 6, 5), (8.0, 1.5, 1.5))
    target = source.resampled((6.0, 1.2, 2.0))
    array = np.random.default_rng(1).normal(size=(2, 3, *source.shape)).astype(np.float32)
    out = resample(array, source, target)
    assert out.shape == (2, 3, *target.shape)
    np.testing.assert_allclose(out[1, 2], resample(array[1, 2], source, target), atol=1e-6)
