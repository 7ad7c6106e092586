"""Slices as the viewer sends them, draws between them, and lays planes through them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import VENTRICLES, Geometry
from septum.core.remembering import Remembered
from septum.view.edits import propagated
from septum.view.errors import RefusedError
from septum.view.interpolation import between, carried
from septum.view.planes import Plane, line_in
from septum.view.runs import decode, encode
from support.hearts import LV, MYO, RV, heart
from support.view_studies import painted, runs_of

MM = (1.5, 1.5)


@given(st.data())
def test_runs_give_back_the_slice_they_were_made_of(data):
    shape = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    voxels = data.draw(
        st.lists(st.sampled_from([0, 1, 2, 3]), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    )
    labels = np.array(voxels, np.uint8).reshape(shape)
    assert (decode(encode(labels), shape, {1, 2, 3}) == labels).all()
    assert (painted(encode(labels), shape) == labels).all()
    assert (decode(runs_of(labels), shape, {1, 2, 3}) == labels).all()


@pytest.mark.parametrize(
    "runs",
    [[1], [1, 0], [1, -1], [4, 1], [1, 5], [1, True], [1.0, 1], "11", None, {"1": 1}, [[1, 1]], [256, 1]],
)
def test_what_are_no_runs_of_a_slice_is_refused(runs):
    with pytest.raises(RefusedError):
        decode(runs, (2, 2), {1, 2, 3})


def test_half_way_between_two_phases_the_cavity_has_about_the_area_between():
    full, emptied = heart(0.0)[5], heart(0.6)[5]
    drawn = between(full, emptied, 0.5, VENTRICLES, MM)
    for value in (RV, LV):
        low, high = sorted(((full == value).sum(), (emptied == value).sum()))
        assert low < (drawn == value).sum() < high
    ring = drawn == MYO
    assert ring.any(axis=0).sum() > (drawn == LV).any(axis=0).sum()


def test_at_the_ends_of_the_way_stand_the_slices_themselves():
    full, emptied = heart(0.0)[5], heart(0.6)[5]
    assert (between(full, emptied, 0.0, VENTRICLES, MM) == full).mean() > 0.999
    assert (between(full, emptied, 1.0, VENTRICLES, MM) == emptied).mean() > 0.999


def test_a_thin_wall_stays_closed_where_the_heart_moves_by_more_than_the_wall():
    one = np.zeros((80, 80), np.uint8)
    y, x = np.indices(one.shape)
    for centre, labels in ((30, one), (45, other := np.zeros_like(one))):
        radius = np.hypot(y - 40, x - centre)
        labels[radius < 18] = MYO
        labels[radius < 15] = LV
    drawn = between(one, other, 0.5, VENTRICLES, MM)
    grown = drawn == LV
    neighbours = [np.roll(grown, step, axis) & ~grown for axis in (0, 1) for step in (-1, 1)]
    assert all((drawn[border] == MYO).all() for border in neighbours)


def test_what_one_end_lacks_shrinks_on_the_way_and_never_appears_elsewhere():
    full = heart(0.0)[5]
    without = np.where(full == RV, 0, full).astype(np.uint8)
    areas = [(between(full, without, share, VENTRICLES, MM) == RV).sum() for share in (0.0, 0.25, 0.5, 0.75)]
    assert areas == sorted(areas, reverse=True)
    assert areas[-1] < areas[0] / 2


def test_a_change_is_carried_in_full_in_part_and_not_at_all():
    before, after = heart(0.3)[5], heart(0.0)[5]
    onto = heart(0.3)[6]
    whole, half, none = (
        (carried(before, after, onto, w, VENTRICLES, MM) == LV).sum() for w in (1.0, 0.5, 0.0)
    )
    assert none == (onto == LV).sum()
    assert none < half < whole


def test_a_removed_structure_is_removed_where_the_change_is_carried_in_full():
    before = heart(0.3)[5]
    after = np.where(before == RV, 0, before).astype(np.uint8)
    assert not (carried(before, after, heart(0.3)[5], 1.0, VENTRICLES, MM) == RV).any()


def test_frames_on_both_sides_of_the_corrected_one_are_weighted_by_their_distance():
    original = np.stack([heart(0.3)] * 8)
    labels = original.copy()
    labels[0] = heart(0.0)
    changes = propagated(labels, original, (0, 5), [1, 2, 3, 7, 6], VENTRICLES, MM)
    areas = {t: (slice_ == LV).sum() for (t, _), slice_ in changes.items()}
    assert areas[1] > areas[2] > areas[3] > (original[0, 5] == LV).sum()
    assert areas[7] > areas[6]


def test_planes_that_are_parallel_or_do_not_meet_have_no_line():
    grid = Geometry((3, 10, 10), (8.0, 1.0, 1.0))
    assert line_in(Plane.of(grid, 0), Plane.of(grid, 2)) is None
    upright = Geometry(
        (1, 10, 10), (1.0, 1.0, 1.0), (50.0, 0.0, 0.0), ((1.0, 0, 0), (0, 0, 1.0), (0, 1.0, 0))
    )
    assert line_in(Plane.of(grid, 0), Plane.of(upright, 0)) is None


def test_both_planes_tell_the_same_line_in_the_patient():
    short = Geometry((5, 40, 40), (8.0, 1.5, 1.5), (-30.0, -30.0, 10.0))
    direction = ((0.8, 0.0, 0.6), (-0.6, 0.0, 0.8), (0.0, -1.0, 0.0))
    long = Geometry((1, 60, 60), (6.0, 1.2, 1.2), (-35.0, -20.0, 45.0), direction)
    one, other = Plane.of(short, 2), Plane.of(long, 0)
    there, back = line_in(one, other), line_in(other, one)
    assert there is not None
    ends = sorted(tuple(short.to_patient_mm((2, *end)).round(6)) for end in there)
    assert ends == sorted(tuple(long.to_patient_mm((0, *end)).round(6)) for end in back)


def test_only_so_many_values_are_remembered():
    kept = Remembered[int](most=2)
    for k in range(3):
        kept.of(np.array([k]), "", lambda k=k: k)
    assert kept.of(np.array([0]), "", lambda: -1) == -1
    assert kept.of(np.array([2]), "", lambda: -1) == 2
    assert kept.of(np.array([2], np.int8), "", lambda: -1) == -1
