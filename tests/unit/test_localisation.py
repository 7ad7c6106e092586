"""From a density map to a region of interest, by each of its paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import Geometry, Localisation, LocalisationPath, Region, Volume
from septum.localisation import LocalisationSettings, enlarge, joined, largest_component, locate
from septum.localisation.region import scaled

GRID = Geometry((4, 100, 120), (8.0, 2.0, 1.0))
NOTHING = np.zeros(GRID.shape, np.float32)
NO_MASK = NOTHING > 0


def blob(z, y, x, value=1.0, grid=GRID):
    density = np.zeros(grid.shape, np.float32)
    density[slice(*z), slice(*y), slice(*x)] = value
    return density


def find(density, coarse=NO_MASK, grid=GRID, **settings):
    return locate(Volume(density, grid), Volume(coarse, grid), grid, LocalisationSettings(**settings))


def test_map_decides_where_there_is_one():
    # Rows 40 to 59, columns 50 to 89: middles 49.5 and 69.5; 32 voxels about them.
    found = find(blob((1, 3), (40, 60), (50, 90)), blob((0, 1), (0, 9), (0, 9)) > 0, sizes=(32,))
    assert found == Localisation(Region((0, 34, 54), (4, 66, 86)), LocalisationPath.MAP)


def test_coarse_mask_decides_where_the_map_is_empty():
    found = find(NOTHING, blob((1, 3), (40, 60), (50, 90)) > 0, sizes=(32,))
    assert found == Localisation(Region((0, 34, 54), (4, 66, 86)), LocalisationPath.COARSE_MASK)


def test_map_of_too_few_voxels_is_empty_by_its_percentile():
    # 99.5 % of 48,000 voxels: 216 voxels are too few to lift the percentile above zero, 300 are enough.
    few, enough = blob((0, 1), (40, 58), (50, 62)), blob((0, 1), (40, 60), (50, 65))
    assert find(few).path is LocalisationPath.IMAGE_CENTRE
    assert find(enough).path is LocalisationPath.MAP


def test_wide_but_faint_component_wins_by_voxels_and_loses_by_weight():
    # 20 x 40 voxels of 0.5 (sum 800 over two slices) against 20 x 30 of 1 (sum 1,200); heart at the right.
    density = blob((1, 3), (10, 30), (5, 45), 0.5) + blob((1, 3), (60, 80), (80, 110))
    assert find(density, sizes=(32,)).region.start == (0, 4, 9)
    assert find(density, sizes=(32,), component="heaviest").region.start == (0, 54, 79)


def test_training_centre_decides_without_evidence():
    # Shares of the last index: .5 x 99 = 49.5 and .25 x 119 = 29.75; the largest size is the safest.
    found = find(NOTHING, sizes=(16, 32), training_centre=(0.5, 0.5, 0.25))
    assert found == Localisation(Region((0, 34, 14), (4, 66, 46)), LocalisationPath.TRAINING_CENTRE)


def test_image_centre_is_the_last_resort():
    found = find(NOTHING, sizes=(16, 32))
    assert found == Localisation(Region((0, 34, 44), (4, 66, 76)), LocalisationPath.IMAGE_CENTRE)


def test_map_that_is_not_a_number_counts_as_none():
    found = find(np.full(GRID.shape, np.nan, np.float32), blob((1, 3), (40, 60), (50, 90)) > 0, sizes=(32,))
    assert found.path is LocalisationPath.COARSE_MASK


def test_only_the_largest_component_counts():
    density = blob((0, 4), (10, 30), (10, 40)) + blob((0, 4), (80, 90), (100, 110), value=5.0)
    assert find(density, sizes=(32,), percentile=95).region == Region((0, 4, 9), (4, 36, 41))


def test_threshold_is_a_share_of_the_percentile():
    # The box of value 1 is a share of 1 / 4 of the peak.
    density = np.maximum(blob((0, 4), (40, 60), (50, 90)), blob((0, 4), (40, 60), (50, 70), value=4.0))
    at = {"sizes": (32,), "centre": "box"}
    assert find(density, threshold=0.2, **at).region == Region((0, 34, 54), (4, 66, 86))
    assert find(density, threshold=0.3, **at).region == Region((0, 34, 44), (4, 66, 76))


def test_centroid_is_weighted_and_the_middle_of_the_box_is_not():
    # Columns 50..69 weigh 3 and 70..89 weigh 1: (3 x 59.5 + 79.5) / 4 = 64.5 against 69.5.
    density = np.maximum(blob((0, 4), (40, 60), (50, 90)), blob((0, 4), (40, 60), (50, 70), value=3.0))
    assert find(density, threshold=0.1, sizes=(32,)).region.start[2] == 64.5 - 15.5
    assert find(density, threshold=0.1, sizes=(32,), centre="box").region.start[2] == 69.5 - 15.5


@pytest.mark.parametrize(
    ("margin_mm", "size_y", "size_x"),
    [
        # The box has 20 rows of 2 mm and 40 columns of 1 mm.
        (0.0, 24, 40),
        (4.0, 24, 48),  # 20 + 2 x 2 = 24 rows, 40 + 2 x 4 = 48 columns
        (4.5, 40, 56),  # 24.5 rows go into 40; 49 columns go beyond the largest: up to a multiple of 8
    ],
)
def test_smallest_size_that_holds_the_box_with_its_margin(margin_mm, size_y, size_x):
    density = blob((0, 4), (40, 60), (50, 90))
    found = find(density, sizes=(24, 40, 48), margin_mm=margin_mm, centre="box")
    assert found.region.size == (4, size_y, size_x)


def test_size_chosen_about_a_centroid_still_holds_the_box():
    # The centroid lies far to the left of the box's middle: a size that would hold the box about its middle
    # would cut it off on the right.
    density = np.maximum(blob((0, 4), (40, 60), (50, 90)), blob((0, 4), (40, 60), (50, 60), value=20.0))
    found = find(density, threshold=0.02, sizes=(24, 40, 48, 64, 80), centre="centroid", percentile=100)
    assert found.region.holds(density > 0) == 1.0


def test_one_size_is_fixed_whatever_the_box():
    density = blob((0, 4), (10, 90), (10, 110))
    found = find(density, sizes=(32,), margin_mm=50.0)
    assert found.region == Region((0, 34, 44), (4, 66, 76))


def test_region_is_shifted_into_the_image():
    found = find(blob((0, 4), (0, 20), (100, 120)), sizes=(48,))
    assert found.region == Region((0, 0, 72), (4, 48, 120))


def test_image_smaller_than_the_region_lies_in_its_middle():
    grid = Geometry((4, 20, 30), (8.0, 1.0, 1.0))
    found = find(blob((0, 4), (2, 10), (5, 9), grid=grid), np.zeros(grid.shape, bool), grid, sizes=(32,))
    assert found.region == Region((0, -6, -1), (4, 26, 31))


def test_depth_crops_slices_too():
    grid = Geometry((20, 60, 60), (1.0, 1.0, 1.0))
    density = blob((14, 20), (20, 40), (20, 40), grid=grid)
    found = find(density, np.zeros(grid.shape, bool), grid, sizes=(32,), depth=8)
    assert found.region == Region((12, 14, 14), (20, 46, 46))


def test_components_join_across_corners():
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[2, 2, 2] = True
    assert np.array_equal(largest_component(mask), mask), "26 neighbours, not 6"
    mask[2, 2, 2], mask[1, 1, 1] = False, False
    mask[2, 0, 0] = mask[2, 0, 1] = True
    expected = mask.copy()
    expected[0, 0, 0] = False
    assert np.array_equal(largest_component(mask), expected)
    assert largest_component(np.zeros((2, 2, 2), dtype=bool)) is None


def test_scaling_by_hand():
    density = np.array([0.0, 1.0, 2.0, 3.0, 8.0], dtype=np.float32)
    np.testing.assert_allclose(scaled(density, 50), [0, 0.5, 1, 1, 1])
    assert not scaled(np.zeros(5, np.float32), 99.5).any()


def widened(region, path=LocalisationPath.MAP, grid=GRID, **settings):
    return enlarge(Localisation(region, path), grid, LocalisationSettings(**settings))


def test_enlarged_region_takes_the_next_size_about_the_same_middle():
    found = widened(Region((0, 34, 44), (4, 66, 76)), LocalisationPath.COARSE_MASK, sizes=(32, 48))
    assert found == Localisation(
        Region((0, 26, 36), (4, 74, 84)), LocalisationPath.COARSE_MASK, enlarged=True
    )


def test_enlarging_beyond_the_largest_size_adds_a_multiple_on_each_side():
    assert widened(Region((0, 34, 44), (4, 66, 76)), sizes=(32,)).region == Region((0, 26, 36), (4, 74, 84))


def test_enlarged_region_grows_no_further_than_the_image():
    # 100 rows round up to 104, 120 columns hold 112 + 16 only up to 120.
    found = widened(Region((0, 0, 4), (4, 96, 116)), sizes=(96, 128))
    assert found.region == Region((0, -2, 0), (4, 102, 120))


def test_whole_image_cannot_be_enlarged():
    assert widened(Region((0, -2, 0), (4, 102, 120)), sizes=(32,)) is None


@given(
    st.tuples(st.integers(1, 5), st.integers(1, 70), st.integers(1, 70)),
    st.integers(0, 2**31),
    st.sampled_from([(16,), (16, 24, 40)]),
    st.sampled_from(["box", "centroid"]),
)
def test_every_region_keeps_all_slices_and_lies_in_the_image_where_it_fits(shape, seed, sizes, centre):
    rng = np.random.default_rng(seed)
    grid = Geometry(shape, (8.0, 1.4, 1.4))
    density = (rng.random(shape) ** 8).astype(np.float32) * (rng.random() < 0.8)
    found = find(density, rng.random(shape) < 0.1, grid, sizes=sizes, centre=centre)
    for region in (found.region, *(w.region for w in [widened(found.region, grid=grid, sizes=sizes)] if w)):
        assert (region.start[0], region.stop[0]) == (0, shape[0])
        for a, b, n in zip(region.start[1:], region.stop[1:], shape[1:], strict=True):
            assert (a >= 0 and b <= n) if b - a <= n else (a <= 0 and n <= b)


def test_the_joint_map_of_frames_is_dense_where_any_of_them_is():
    one, other = np.zeros((2, 1, 10, 10), np.float32)
    one[0, :3, :3] = 5.0  # nine of a hundred voxels: the percentile of 95 is theirs
    other[0, 6:, 6:] = 0.02
    found = joined([one, other], 95)
    assert found[0, 1, 1] == pytest.approx(1.0)
    assert found[0, 8, 8] == pytest.approx(1.0)
    assert found[0, 4, 4] == 0
    assert joined([one], 95) is one
    assert np.array_equal(joined([np.zeros_like(one), one], 95), one / 5)
    speck = np.zeros_like(one)
    speck[0, 9, 9] = 1e6  # alone, its percentile would be zero, and it no map
    assert np.array_equal(joined([speck, one], 95), one / 5)
