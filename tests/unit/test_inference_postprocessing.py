"""The largest component: what stays of hand-made labels, and what goes."""

import numpy as np
import pytest

from septum.inference.postprocessing import PostprocessingSettings, postprocess

RV, MYO, LV = VALUES = (1, 2, 3)
ON = PostprocessingSettings(largest_component=True)


@pytest.fixture
def heart():
    """Two slices: RV, MYO and LV side by side, 16 voxels in all."""
    labels = np.zeros((2, 8, 20), np.uint8)
    labels[:, 2:4, 2] = RV
    labels[:, 2:4, 3] = MYO
    labels[:, 2:4, 4:6] = LV
    return labels


def test_a_structure_keeps_its_part_of_the_heart_though_a_far_blob_is_larger(heart):
    blob = heart.copy()
    blob[:, 5:8, 17:19] = MYO  # 12 voxels, three times the true 4
    assert np.array_equal(postprocess(blob, VALUES, ON), heart)


def test_a_structure_that_is_nowhere_but_far_away_vanishes(heart):
    without_rv = np.where(heart == RV, 0, heart).astype(np.uint8)
    far = without_rv.copy()
    far[:, 6, 12:15] = RV
    assert np.array_equal(postprocess(far, VALUES, ON), without_rv)


def test_of_each_structure_its_largest_component_within_the_heart_stays(heart):
    speck = heart.copy()
    speck[0, 2, 6] = RV  # beside the LV: in the heart, but apart from the RV
    assert np.array_equal(postprocess(speck, VALUES, ON), heart)


def test_parts_that_meet_at_a_corner_are_one():
    labels = np.zeros((2, 4, 4), np.uint8)
    labels[0, 0, 0], labels[1, 1, 1], labels[1, 3, 3] = LV, LV, LV
    cleaned = postprocess(labels, VALUES, ON)
    assert np.argwhere(cleaned).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_an_island_that_joins_the_heart_in_another_slice_goes_where_each_slice_is_looked_at(heart):
    island = heart.copy()
    island[0, 2:4, 8:11] = LV  # apart from the heart in slice 0
    island[1, 3, 6:9] = LV  # joins both
    assert np.array_equal(postprocess(island, VALUES, ON), island)
    cleaned = postprocess(island, VALUES, PostprocessingSettings(largest_component=True, in_each_slice=True))
    assert np.array_equal(cleaned[0], heart[0])
    assert np.array_equal(cleaned[1], island[1])


def test_nothing_is_changed_unasked_or_in_place(heart):
    scattered = heart.copy()
    scattered[0, 7, 19] = LV
    before = scattered.copy()
    assert postprocess(scattered, VALUES, PostprocessingSettings()) is scattered
    postprocess(scattered, VALUES, ON)
    assert np.array_equal(scattered, before)


def test_an_empty_mask_stays_empty():
    assert not postprocess(np.zeros((2, 3, 4), np.uint8), VALUES, ON).any()
