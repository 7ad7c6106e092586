"""The largest connected component, against scipy's labelling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from septum.core.components import largest_component, largest_in_slices

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))


def sizes_by_scipy(mask, weights):
    labelled, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return labelled, [float(weights[labelled == k].sum()) for k in range(1, count + 1)]


@given(arrays.arrays(bool, SHAPES), st.integers(0, 2**32 - 1), st.booleans())
def test_it_is_one_of_scipys_components_and_none_is_larger(mask, seed, weighted):
    weights = np.random.default_rng(seed).integers(1, 50, mask.shape).astype(np.float32)
    found = largest_component(mask, weights if weighted else None)
    if not mask.any():
        assert found is None
        return
    labelled, sizes = sizes_by_scipy(mask, weights if weighted else mask.astype(np.float32))
    (label,) = np.unique(labelled[found])
    assert np.array_equal(found, labelled == label)
    assert sizes[label - 1] == pytest.approx(max(sizes))


@given(arrays.arrays(bool, SHAPES))
def test_in_each_slice_it_is_the_largest_of_scipys_components(mask):
    found = largest_in_slices(mask)
    assert not (found & ~mask).any()
    for one, kept in zip(mask, found, strict=True):
        labelled, count = ndimage.label(one, structure=np.ones((3, 3)))
        if count == 0:
            assert not kept.any()
            continue
        (label,) = np.unique(labelled[kept])
        assert np.array_equal(kept, labelled == label)
        assert kept.sum() == max(np.bincount(labelled.ravel())[1:])


def test_a_corner_connects_and_a_gap_of_one_does_not():
    mask = np.zeros((2, 4, 6), dtype=bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[0, 2, 0] = True  # a chain by corners
    mask[0, 0, 3:5] = True
    found = largest_component(mask)
    assert found.sum() == 3
    assert not found[0, 0, 3:5].any()


def test_the_end_of_a_row_does_not_touch_the_start_of_the_next_and_no_slice_the_one_after():
    mask = np.zeros((2, 3, 4), dtype=bool)
    mask[0, 0, 3] = mask[0, 1, 0] = True
    assert largest_component(mask).sum() == 1
    mask[:] = False
    mask[0, 2, :2] = mask[1, 0, :2] = True
    assert largest_component(mask).sum() == 2


def test_many_random_voxels_of_a_heart_like_size():
    mask = np.random.default_rng(0).random((10, 128, 144)) < 0.12
    labelled, sizes = sizes_by_scipy(mask, mask.astype(np.float32))
    assert np.array_equal(largest_component(mask), labelled == 1 + int(np.argmax(sizes)))
