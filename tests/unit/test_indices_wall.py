"""Wall thickness by AHA segment, on rings whose thickness is known."""

import itertools

import numpy as np
import pytest

from septum.core import Geometry
from septum.indices import clinical_indices
from septum.indices.segments import anterior_turn, insertions_of, segment_of
from septum.indices.slices import base_is_last, rings_of, thirds
from septum.indices.wall import thickness_mm
from support.rings import LV, MYO, RV, SHORT_AXIS, as_cine, flipped, heart, permuted, ring_slice


def ring(spacing_mm=(1.0, 1.0), **circles):
    labels = ring_slice(**circles)[None]
    (found,) = rings_of(labels == LV, labels == MYO, labels == RV, spacing_mm)
    return found


def degrees(radians):
    return np.degrees(radians) % 360


@pytest.mark.parametrize(("inner", "outer"), [(20.0, 30.0), (25.0, 30.5), (6.0, 26.0)])
def test_an_annulus_is_as_thick_all_around_as_its_radii_differ(inner, outer):
    _, thickness = thickness_mm(ring(inner=inner, outer=outer))
    assert np.abs(thickness - (outer - inner)).max() < 0.5
    assert thickness.mean() == pytest.approx(outer - inner, abs=0.15)


def test_an_annulus_of_other_voxels_has_its_thickness_in_mm():
    _, thickness = thickness_mm(ring((1.5, 1.5), mm=1.5))
    assert thickness.mean() == pytest.approx(10.0, abs=0.2)


def test_an_eccentric_annulus_is_thin_where_its_circles_are_near_and_thick_on_the_other_side():
    # Radii 20 and 30, centres 4 mm apart along X: 6 mm at angle 0, 14 mm opposite, and at right angles from
    # the midpoint of the wall to both circles about (30 - 20) - 4^2 / (2 * 25) mm, to second order.
    angles, thickness = thickness_mm(ring(shift=(0.0, 4.0)))
    at = dict(zip(np.rint(np.degrees(angles)).astype(int), thickness, strict=True))
    assert at[0] == pytest.approx(6.0, abs=0.4)
    assert at[180] == pytest.approx(14.0, abs=0.4)
    assert at[90] == pytest.approx(9.7, abs=0.5)
    assert at[270] == pytest.approx(9.7, abs=0.5)


def test_a_cavity_of_few_voxels_does_not_make_a_wall_thicker_than_it_is():
    _, thickness = thickness_mm(ring(inner=2.5, outer=25.0, shift=(1.0, -1.0)))
    assert thickness.max() < 25.0
    assert thickness.mean() == pytest.approx(22.5, abs=0.5)


def test_insertions_are_where_the_circles_of_the_ventricles_cross():
    # cos a = (30^2 + 38^2 - 28^2) / (2 * 30 * 38): 46.8 degrees to either side of the septum, which is left.
    found = insertions_of(ring(), 1)
    assert degrees(found.septum) == pytest.approx(180.0, abs=1.5)
    assert degrees(found.anterior) == pytest.approx(226.8, abs=3.0)  # Y runs downwards: this is up
    assert degrees(found.inferior) == pytest.approx(133.2, abs=3.0)
    assert found.anterior_voxel[0] < 47.5 < found.inferior_voxel[0]
    assert degrees(insertions_of(ring(), -1).anterior) == pytest.approx(133.2, abs=3.0)


def test_a_ventricle_that_is_not_there_or_all_around_has_no_insertions():
    assert insertions_of(ring(rv_radius=0.0), 1) is None
    assert insertions_of(ring(rv_radius=40.0, rv_away=0.0), 1) is None


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        # As displayed with the septum at the left: up-left, up, up-right, down-right, down, down-left.
        (0, (2, 1, 6, 5, 4, 3)),
        (1, (8, 7, 12, 11, 10, 9)),
        (2, (14, 13, 16, 16, 15, 14)),
    ],
)
def test_segments_are_numbered_as_by_the_aha(level, expected):
    anti_clockwise_from_x = np.radians([-150.0, -95.0, -30.0, 30.0, 95.0, 150.0])
    assert tuple(segment_of(anti_clockwise_from_x, level, np.pi, 1)) == expected


def test_borders_of_segments_lie_60_degrees_apart_from_the_middle_of_the_septum():
    angles = np.radians([181.0, 239.0, 241.0, 299.0, 301.0, 359.0, 1.0, 59.0, 61.0, 119.0, 121.0, 179.0])
    assert list(segment_of(angles, 0, np.pi, 1)) == [2, 2, 1, 1, 6, 6, 5, 5, 4, 4, 3, 3]
    apical = np.radians([136.0, 224.0, 226.0, 314.0, 316.0, 44.0, 46.0, 134.0])
    assert list(segment_of(apical, 2, np.pi, 1)) == [14, 14, 13, 13, 16, 16, 15, 15]


def test_thirds_of_slices():
    assert thirds(10).tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert thirds(3).tolist() == [0, 1, 2]


def test_the_base_is_where_the_heart_is_broad():
    mask = heart().labels[0] > 0
    assert not base_is_last(mask)
    assert base_is_last(mask[::-1])


def test_a_slice_whose_ring_is_open_has_no_thickness():
    labels = ring_slice()[None]
    labels[0, 46:50, 60:] = np.where(labels[0, 46:50, 60:] == MYO, 0, labels[0, 46:50, 60:])
    assert rings_of(labels == LV, labels == MYO, labels == RV, (1.0, 1.0)) == []


def test_the_anterior_side_follows_from_the_patients_axes():
    assert anterior_turn(Geometry((6, 96, 96), (8.0, 1.0, 1.0), direction=SHORT_AXIS)) == 1
    mirrored = np.array(SHORT_AXIS) * (1.0, 1.0, -1.0)
    geometry = Geometry((6, 96, 96), (8.0, 1.0, 1.0), direction=tuple(map(tuple, mirrored.tolist())))
    assert anterior_turn(geometry) == -1


def indices_of(diastole, systole=None):
    return clinical_indices(as_cine(diastole, systole or diastole), end_diastole=0, end_systole=1)


def wall_of(diastole, systole=None):
    return indices_of(diastole, systole).wall


#: The septum at the left: a cavity 3 mm down has its thickest wall up, at the anterior segments.
THICK_ANTERIOR = heart(shift=(3.0, 0.0))


def test_a_thick_anterior_wall_is_told_in_the_anterior_segments():
    found = wall_of(THICK_ANTERIOR).end_diastolic_mm
    # Mean of 10 + 3 cos over 60 degrees about the thickest place: 10 + 3 * 3 / pi; over 90 at the apex.
    assert found[0] == pytest.approx(12.9, abs=0.3)
    assert found[3] == pytest.approx(7.1, abs=0.3)
    assert max(range(6), key=lambda i: found[i]) == 0
    assert max(range(6, 12), key=lambda i: found[i]) == 6
    assert max(range(12, 16), key=lambda i: found[i]) == 12
    assert found[16] is None


@pytest.mark.parametrize("septum", np.radians([20.0, 135.0, 250.0]))
def test_a_heart_that_is_turned_in_the_image_has_the_same_segments(septum):
    # Anterior is a right angle from the septum from X towards Y; the cavity is moved the other way.
    shift = (-3.0 * np.sin(septum + np.pi / 2), -3.0 * np.cos(septum + np.pi / 2))
    turned = heart(septum=septum, shift=shift)
    expected, found = (wall_of(one).end_diastolic_mm for one in (THICK_ANTERIOR, turned))
    assert found[:16] == pytest.approx(expected[:16], abs=0.3)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_a_mask_that_is_stored_otherwise_has_the_same_segments(axes, flips):
    stored = THICK_ANTERIOR
    for axis in flips:
        stored = flipped(stored, axis)
    expected, found = (wall_of(one).end_diastolic_mm for one in (THICK_ANTERIOR, permuted(stored, axes)))
    assert found[:16] == pytest.approx(expected[:16], abs=0.1)


def test_without_an_orientation_slices_are_taken_as_they_are_displayed_and_a_note_says_so():
    lost = ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0))  # an identity affine of NIfTI
    found = indices_of(heart(shift=(3.0, 0.0), direction=lost))
    assert found.wall.end_diastolic_mm[0] == pytest.approx(12.9, abs=0.3)
    assert "orientation_lost" in {note.key for note in found.notes}
    assert "orientation_lost" not in {note.key for note in indices_of(THICK_ANTERIOR).notes}


def test_thickening_is_relative_to_end_diastole():
    found = wall_of(heart((1.0,) * 6), heart((1.0,) * 6, inner=15.0))
    assert found.end_systolic_mm[:16] == pytest.approx([15.0] * 16, abs=0.3)
    assert found.thickening_percent[:16] == pytest.approx([50.0] * 16, abs=4.0)
    assert found.thickening_percent[16] is None


def test_two_slices_have_no_levels_and_a_note_says_so():
    found = indices_of(heart((1.0, 0.9)))
    assert found.wall is None
    assert "no_wall_thickness" in {note.key for note in found.notes}
