"""Holes and pieces of a mask, against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from septum.quality.shapes import apart, hollow

MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)))


@given(MASKS, MASKS)
def test_holes_are_those_that_scipy_fills(structure, other):
    background = np.resize(other, structure.shape) & ~structure
    holes = sum(
        (ndimage.binary_fill_holes(one) & ~one & empty).sum()
        for one, empty in zip(structure, background, strict=True)
    )
    assert hollow(structure, background) == pytest.approx(holes / max(structure.sum(), 1))


@given(MASKS)
def test_what_lies_apart_is_all_but_scipys_largest_component(structure):
    labelled, count = ndimage.label(structure, np.ones((3, 3, 3)))
    sizes = np.bincount(labelled.ravel())[1:]
    assert apart(structure) == pytest.approx(1 - sizes.max() / sizes.sum() if count else 0.0)
