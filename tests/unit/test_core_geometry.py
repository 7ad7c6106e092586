"""Geometry: where voxels lie after reordering, cropping and resampling."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from septum.core import Geometry, Region

spacings = st.floats(0.3, 12.0)
seeds = st.integers(0, 2**31)


def oblique(shape=(4, 5, 6), spacing_mm=(8.0, 1.5, 1.25), seed=0):
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    return Geometry(shape, spacing_mm, (10.0, -20.0, 30.0), tuple(tuple(map(float, row)) for row in turn))


def middle_mm(geometry):
    return geometry.to_patient_mm([(n - 1) / 2 for n in geometry.shape])


def test_position_by_hand():
    # Array axes (Z, Y, X) run along the patient's z, y, x by default.
    geometry = Geometry((3, 4, 5), (8.0, 2.0, 1.5), origin_mm=(100.0, 200.0, 300.0))
    assert geometry.to_patient_mm((1, 2, 3)).tolist() == [104.5, 204.0, 308.0]
    assert geometry.voxel_volume_ml == pytest.approx(0.024)
    assert geometry.extent_mm == (24.0, 8.0, 7.5)
    assert geometry.diagonal_mm == pytest.approx((24**2 + 8**2 + 7.5**2) ** 0.5)


def test_direction_columns_belong_to_array_axes():
    # Slices run along the patient's x, rows along z, columns along minus y.
    direction = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
    geometry = Geometry((2, 2, 2), (8.0, 2.0, 1.0), direction=direction)
    assert geometry.to_patient_mm((1, 0, 0)).tolist() == [8.0, 0.0, 0.0]
    assert geometry.to_patient_mm((0, 1, 0)).tolist() == [0.0, 0.0, 2.0]
    assert geometry.to_patient_mm((0, 0, 1)).tolist() == [0.0, -1.0, 0.0]


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_reordered_axes_leave_every_voxel_at_its_place(axes):
    geometry = oblique()
    index = np.array([1, 2, 3])
    reordered = geometry.permuted(axes)
    assert reordered.shape == np.empty(geometry.shape).transpose(axes).shape
    expected = geometry.to_patient_mm(index)
    np.testing.assert_allclose(reordered.to_patient_mm(index[list(axes)]), expected, atol=1e-9)


def test_cropped_grid_leaves_every_voxel_at_its_place():
    geometry, region = oblique(), Region((-2, 1, 3), (3, 9, 5))
    cropped = geometry.cropped(region)
    assert cropped.shape == (5, 8, 2)
    np.testing.assert_allclose(cropped.to_patient_mm((4, 1, 0)), geometry.to_patient_mm((2, 2, 3)), atol=1e-9)


@given(spacings, spacings, spacings, seeds)
def test_resampled_grid_keeps_the_centre_and_takes_the_spacing_asked(z, y, x, seed):
    geometry = oblique(seed=seed)
    resampled = geometry.resampled((z, y, x))
    assert resampled.spacing_mm == (z, y, x)
    assert resampled.direction == geometry.direction
    np.testing.assert_allclose(middle_mm(resampled), middle_mm(geometry), atol=1e-6)
    for n, new, old in zip(resampled.shape, resampled.extent_mm, geometry.extent_mm, strict=True):
        assert n >= 1
        assert n == 1 or abs(new - old) <= new / n / 2 + 1e-9, "no voxel too many or too few"


def test_resampled_grid_by_hand():
    # 10 voxels of 1.5 mm are 15 mm, 11 of 1.4 mm are 15.4 mm: the first centre moves out by .25 mm
    # (half of 10 x 1.4 = 14 minus 9 x 1.5 = 13.5).
    resampled = Geometry((3, 10, 10), (8.0, 1.5, 1.5)).resampled((None, 1.4, 1.4))
    assert resampled.shape == (3, 11, 11)
    assert resampled.origin_mm == pytest.approx((-0.25, -0.25, 0.0))


def test_keeping_every_spacing_keeps_the_grid():
    geometry = oblique()
    assert geometry.resampled((None, None, None)) == geometry
    same = geometry.resampled(geometry.spacing_mm)
    assert replace(same, origin_mm=geometry.origin_mm) == geometry
    assert same.origin_mm == pytest.approx(geometry.origin_mm, abs=1e-12)


def test_window_of_a_region_of_another_grid_by_hand():
    native = Geometry((40, 50, 6), (1.0, 2.0, 8.0))  # slices last
    working = native.permuted((2, 0, 1)).resampled((None, 2.0, 2.0))
    assert working.shape == (6, 20, 50)
    # Working rows 5..9 of 2 mm cover native rows 10..19 of 1 mm; columns are the same; slices all.
    found = native.window_of(Region((0, 5, 7), (6, 10, 20)), working)
    assert found == Region((10, 7, 0), (20, 20, 6))


def test_window_of_a_region_that_reaches_beyond_the_grid_is_clipped():
    native = Geometry((4, 20, 20), (8.0, 1.0, 1.0))
    assert native.window_of(Region((-1, -3, 5), (6, 30, 15)), native) == Region((0, 0, 5), (4, 20, 15))


def test_window_of_a_region_of_a_mirrored_grid():
    native = Geometry((4, 20, 20), (8.0, 1.0, 1.0))
    mirrored = Geometry(
        (4, 20, 20), (8.0, 1.0, 1.0), (19.0, 0.0, 0.0), ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    )
    # Columns 2..4 counted from the other side are 15..17.
    assert native.window_of(Region((0, 0, 2), (4, 20, 5)), mirrored) == Region((0, 0, 15), (4, 20, 18))


@given(spacings, spacings, seeds)
def test_window_of_a_region_holds_the_voxels_whose_centres_it_holds(y, x, seed):
    native = oblique(spacing_mm=(8.0, y, x), seed=seed)
    working = native.resampled((None, 1.4, 1.4))
    region = Region((1, 0, 0), (3, *(max(1, n // 2) for n in working.shape[1:])))
    window = native.window_of(region, working)
    for index in np.ndindex(native.shape):
        away_mm = native.to_patient_mm(index) - np.asarray(working.origin_mm)
        place = away_mm @ np.asarray(working.direction) / working.spacing_mm
        inside = all(
            a - 0.5 <= p <= b - 0.5 for a, p, b in zip(region.start, place, region.stop, strict=True)
        )
        close = any(
            abs(abs(p - e) - 0.5) < 1e-4
            for p, e in zip((*place, *place), (*region.start, *(b - 1 for b in region.stop)), strict=True)
        )
        held = all(a <= i < b for a, i, b in zip(window.start, index, window.stop, strict=True))
        assert close or held == inside
