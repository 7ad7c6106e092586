"""Regions: cropping and pasting are exact inverses, wherever the box lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import Region

shapes = st.tuples(*[st.integers(1, 7)] * 3)
starts = st.tuples(*[st.integers(-9, 9)] * 3)
sizes = st.tuples(*[st.integers(1, 9)] * 3)


def region_of(start, size):
    return Region(start, tuple(a + n for a, n in zip(start, size, strict=True)))


def numbered(shape, leading=()):
    """Every voxel another value, none of them 0."""
    return np.arange(1, np.prod((*leading, *shape)) + 1).reshape(*leading, *shape)


def inside(shape, region):
    """The true voxels are those of the grid that the region holds, found one by one."""
    mask = np.zeros(shape, dtype=bool)
    for index in np.ndindex(shape):
        mask[index] = all(a <= i < b for i, a, b in zip(index, region.start, region.stop, strict=True))
    return mask


@given(shapes, starts, sizes)
def test_crop_then_paste_restores_what_the_region_holds(shape, start, size):
    array, region = numbered(shape), region_of(start, size)
    part = region.crop(array)
    assert part.shape == size
    onto = np.zeros_like(array)
    region.paste(part, onto)
    held = inside(shape, region)
    assert np.array_equal(onto, np.where(held, array, 0))
    assert region.holds(np.ones(shape, dtype=bool)) == pytest.approx(held.mean())


@given(shapes, starts, sizes)
def test_paste_then_crop_restores_the_part_within_the_grid(shape, start, size):
    region, part = region_of(start, size), numbered(size)
    onto = np.full(shape, -1)
    region.paste(part, onto)
    # On the region's own grid, the image is a region that starts at minus its start.
    image = region_of(tuple(-a for a in start), shape)
    assert np.array_equal(region.crop(onto, fill=-1), np.where(inside(size, image), part, -1))
    assert (onto[~inside(shape, region)] == -1).all(), "nothing outside the region is touched"


@given(shapes, starts, sizes)
def test_crop_reads_each_voxel_from_its_place(shape, start, size):
    array, region = numbered(shape), region_of(start, size)
    part = region.crop(array, fill=-5)
    for index in np.ndindex(size):
        place = tuple(i + a for i, a in zip(index, start, strict=True))
        there = all(0 <= p < n for p, n in zip(place, shape, strict=True))
        assert part[index] == (array[place] if there else -5)


def test_leading_axes_are_kept():
    array, region = numbered((3, 4, 5), leading=(2, 6)), Region((-1, 1, 2), (2, 5, 4))
    part = region.crop(array)
    assert part.shape == (2, 6, 3, 4, 2)
    assert np.array_equal(part[1, 4], region.crop(array[1, 4]))
    onto = np.zeros_like(array)
    region.paste(part, onto)
    assert np.array_equal(onto[..., 0:2, 1:4, 2:4], array[..., 0:2, 1:4, 2:4])
    assert onto.sum() == array[..., 0:2, 1:4, 2:4].sum()


def test_crop_keeps_the_type_and_fills_with_what_is_asked():
    part = Region((0, 0, -1), (1, 1, 2)).crop(np.full((1, 1, 3), True), fill=False)
    assert part.dtype == np.bool_
    assert part.tolist() == [[[False, True, True]]]


@given(shapes, st.floats(0, 1), st.integers(0, 2**31))
def test_bounding_region_is_the_smallest_that_holds_all(shape, share, seed):
    mask = np.random.default_rng(seed).random(shape) < share
    box = Region.bounding(mask)
    if box is None:
        assert not mask.any()
        return
    assert box.holds(mask) == 1.0
    for axis in range(3):
        for end in (0, -1):
            assert box.crop(mask).take(end, axis=axis).any(), "no side can be moved in"


@given(shapes, starts, sizes)
def test_shifting_inside_keeps_the_size_and_moves_no_further_than_needed(shape, start, size):
    region = region_of(start, size)
    moved = region.shifted_inside(shape)
    assert moved.size == size
    for a, b, n, old, m in zip(moved.start, moved.stop, shape, start, size, strict=True):
        if m <= n:
            assert 0 <= a <= b <= n
            assert a == old if 0 <= old <= n - m else a in (0, n - m)
        else:
            assert a <= 0 <= n <= b, "the whole grid lies inside"
            assert abs((-a) - (b - n)) <= 1, "in its middle"


def test_region_around_a_centre_by_hand():
    # Even size about a middle between voxels, odd size about a voxel; 5.2 is nearest to 4..6.
    assert Region.around((3.5, 4, 5.2), (4, 3, 3)) == Region((2, 3, 4), (6, 6, 7))


def test_share_held_by_hand():
    mask = np.zeros((1, 4, 4), dtype=bool)
    mask[0, 1, :4] = True
    assert Region((0, 0, 1), (1, 4, 9)).holds(mask) == 0.75
    assert Region((0, 2, 0), (1, 4, 4)).holds(mask) == 0.0
    assert Region((0, 0, 0), (1, 1, 1)).holds(np.zeros((1, 1, 1), dtype=bool)) == 1.0


def test_whole_region_crops_to_the_array_itself():
    array = numbered((2, 3, 4))
    assert Region.whole(array.shape).crop(array).base is not None
    assert np.array_equal(Region.whole(array.shape).crop(array), array)
