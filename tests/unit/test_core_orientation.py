"""Slices to the front and back, exactly."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import Geometry, Orientation

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


#: Of a short axis: array axis Y, not Z, is the one nearest to head-foot.
SHORT_AXIS = ((0.62, 0.35, -0.70), (-0.62, -0.33, -0.71), (0.48, -0.88, 0.0))


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((1, 180, 200), (1.0, 1.4, 1.4)),  # a slice, with and without a thickness
        ((1, 180, 200), (8.0, 1.4, 1.4)),
        ((1, 180, 200), (1.0, 1.0, 1.4)),
        ((8, 128, 128), (2.5, 1.95, 1.95)),  # a stack of nearly isotropic voxels
        ((40, 80, 128), (1.5, 1.5, 1.5)),
    ],
)
def test_slices_of_an_oblique_image_of_nearly_isotropic_voxels_come_first(shape, spacing_mm, axes):
    image = Geometry(shape, spacing_mm, direction=SHORT_AXIS)
    turned = image.permuted(axes)
    assert turned.permuted(Orientation.of(turned).axes).shape[0] == shape[0]


@pytest.mark.parametrize("in_plane", [(148, 132), (244, 160), (600, 177)])
def test_a_volume_alike_in_all_directions_is_cut_from_head_to_foot(in_plane):
    # The left atria of the challenge, 88 transverse slices, however they are cropped in plane.
    assert Orientation.of(Geometry((88, *in_plane), (0.625, 0.625, 0.625))).axes == (0, 1, 2)


@pytest.mark.parametrize(
    ("spacing_mm", "first"),
    [((0.625, 0.625, 0.625), 1), ((1.0, 1.0, 1.29), 1), ((1.0, 1.0, 1.3), 2), ((8.0, 8.0, 1.4), 1)],
)
def test_without_a_distinct_axis_the_one_nearest_to_head_and_foot_comes_first(spacing_mm, first):
    # Array axis 1 runs from head to foot (patient -z), the others in the transverse plane.
    direction = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))
    assert Orientation.of(Geometry((4, 5, 6), spacing_mm, direction=direction)).axes[0] == first
