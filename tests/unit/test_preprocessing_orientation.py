"""Slices to the front and back, exactly."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import Geometry
from septum.preprocessing import Orientation

AXES = list(itertools.permutations(range(3)))


@given(
    st.lists(st.integers(1, 5), min_size=3, max_size=3),
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from(AXES),
)
def test_undo_is_the_exact_inverse_for_any_leading_axes(shape, leading, axes):
    array = np.arange(np.prod([*leading, *shape])).reshape(*leading, *shape)
    orientation = Orientation(axes)
    turned = orientation.apply(array)
    assert turned.shape == (*leading, *(shape[a] for a in axes))
    assert np.array_equal(orientation.undo(turned), array)
    assert np.array_equal(orientation.apply(orientation.undo(array)), array)


@pytest.mark.parametrize("position", range(3))
def test_axis_with_distinctly_the_largest_spacing_comes_first(position):
    spacing = [1.4, 1.4, 1.4]
    spacing[position] = 8.0
    geometry = Geometry((4, 5, 6), tuple(spacing))
    orientation = Orientation.of(geometry)
    assert orientation.axes[0] == position
    assert geometry.permuted(orientation.axes).spacing_mm == (8.0, 1.4, 1.4)
    # The two axes in plane keep their order.
    assert orientation.axes[1] < orientation.axes[2]


@pytest.mark.parametrize(
    ("spacing_mm", "first"),
    [((0.625, 0.625, 0.625), 1), ((1.0, 1.0, 1.29), 1), ((1.0, 1.0, 1.3), 2), ((8.0, 8.0, 1.4), 1)],
)
def test_without_a_distinct_axis_the_one_nearest_to_head_and_foot_comes_first(spacing_mm, first):
    # Array axis 1 runs from head to foot (patient -z), the others in the transverse plane.
    direction = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))
    assert Orientation.of(Geometry((4, 5, 6), spacing_mm, direction=direction)).axes[0] == first
