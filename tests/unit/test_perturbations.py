"""Perturbations on toy volumes: image, truth and geometry go through the same change."""

import numpy as np
import pytest

from septum.core import Geometry
from septum.indices.slices import base_is_last
from septum_study.robustness import grid_perturbations as grid
from septum_study.robustness import image_perturbations as image
from septum_study.robustness.perturbations import NONE, PERTURBATIONS, levels_of, perturbed
from septum_study.scan import Scan

RNG = np.random.default_rng


def heart(shape=(10, 60, 48), spacing=(10.0, 2.0, 2.5), centre=(30, 22)):
    """Two nested discs in each slice, smaller towards the last one; the image is 100 times the label."""
    z, y, x = np.indices(shape)
    distance = np.hypot((y - centre[0]) * spacing[1], (x - centre[1]) * spacing[2])
    outer = 40 - 3 * z
    labels = (distance < outer).astype(np.uint8) + (distance < outer / 2) * np.uint8(2)
    direction = ((0.0, 0.6, 0.8), (0.0, 0.8, -0.6), (1.0, 0.0, 0.0))
    geometry = Geometry(shape, spacing, (11.0, -7.0, 5.0), direction)
    return Scan(np.float32(100) * labels, labels, geometry)


def centroid_mm(scan):
    return scan.geometry.to_patient_mm(np.argwhere(scan.labels > 0).mean(axis=0))


def slices_numbered(depth, spacing_mm=10.0, hearts=None):
    """Slice z is all z; foreground is a pixel in the slices of ``hearts``, a bigger one in earlier slices."""
    labels = np.zeros((depth, 8, 8), dtype=np.uint8)
    for z in range(*hearts) if hearts else range(depth):
        labels[z, 2, 2 : 7 if z < depth // 2 else 4] = 1
    array = np.ones((depth, 8, 8), dtype=np.float32) * np.arange(depth, dtype=np.float32)[:, None, None]
    return Scan(array, labels, Geometry((depth, 8, 8), (spacing_mm, 1.0, 1.0)))


def left(scan):
    """The numbers of the slices that are left."""
    return scan.array[:, 0, 0].tolist()


CASES = [(name, level) for name in PERTURBATIONS for level in levels_of(name, "acdc")]


@pytest.mark.parametrize(("name", "level"), CASES)
def test_image_truth_and_grid_stay_together_at_every_level(name, level):
    scan = heart(shape=(10, 90, 88), centre=(40, 50))
    changed = perturbed(scan, name, level, "case")
    assert changed.array.shape == changed.labels.shape == changed.geometry.shape
    assert set(np.unique(changed.labels)) <= {0, 1, 3}
    if PERTURBATIONS[name].apply.__module__ == image.__name__:
        assert changed.geometry == scan.geometry
        np.testing.assert_array_equal(changed.labels, scan.labels)
        return
    # The image was drawn as the truth times 100: where both moved alike, it tells the heart as before.
    seen, true = changed.array > 50, changed.labels > 0
    assert 2 * (seen & true).sum() / (seen.sum() + true.sum()) > 0.95
    direction = np.array(changed.geometry.direction)
    np.testing.assert_allclose(direction.T @ direction, np.eye(3), atol=1e-12)
    if name in {"field-of-view", "resolution", "rotation", "order"}:
        np.testing.assert_allclose(centroid_mm(changed), centroid_mm(scan), atol=0.2)


@pytest.mark.parametrize("level", ["90", "180", "270"])
def test_a_rotation_by_right_angles_is_numpys_and_leaves_every_voxel_where_it_is(level):
    scan = heart()
    turned = perturbed(scan, "rotation", level, "case")
    np.testing.assert_array_equal(turned.labels, np.rot90(scan.labels, int(level) // 90, axes=(1, 2)))
    there = turned.geometry.to_index(scan.geometry.to_patient_mm((3, 12, 7))).round(6)
    back = tuple(int(i) for i in there)
    marked = scan._replace(labels=np.zeros_like(scan.labels))
    marked.labels[3, 12, 7] = 1
    assert perturbed(marked, "rotation", level, "case").labels[back] == 1


def test_a_rotation_by_interpolation_has_the_sense_of_numpy():
    scan = heart(shape=(2, 121, 121), spacing=(10.0, 1.0, 1.0), centre=(56, 63))
    by_angle = grid._turned(scan, np.pi / 2, RNG(0))
    by_right_angle = grid.rotation(scan, 90, RNG(0))
    assert by_angle.labels.shape == by_right_angle.labels.shape
    np.testing.assert_array_equal(by_angle.labels, by_right_angle.labels)
    np.testing.assert_allclose(by_angle.array, by_right_angle.array, atol=1e-3)
    np.testing.assert_allclose(by_angle.geometry.origin_mm, by_right_angle.geometry.origin_mm, atol=1e-9)
    np.testing.assert_allclose(by_angle.geometry.direction, by_right_angle.geometry.direction, atol=1e-9)


def test_a_rotation_grows_the_grid_where_it_would_cut_the_heart():
    scan = heart(shape=(2, 24, 80), spacing=(10.0, 2.0, 2.0), centre=(12, 60))
    scan.labels[:, [0, -1]] = 0
    turned = grid.rotation(scan, 45, RNG(0))
    assert turned.geometry.shape[1] > 24
    assert (turned.labels > 0).sum() == pytest.approx((scan.labels > 0).sum(), rel=0.02)


def test_a_field_of_view_is_cut_about_the_middle():
    scan = heart(shape=(2, 100, 80), spacing=(10.0, 2.0, 2.0), centre=(50, 40))
    cut = grid.field_of_view(scan, 120, RNG(0))
    assert cut.geometry.extent_mm == (20.0, 120.0, 120.0)
    np.testing.assert_array_equal(cut.array, scan.array[:, 20:80, 10:70])


def test_a_field_of_view_moves_to_hold_the_whole_heart():
    scan = heart(shape=(2, 100, 80), spacing=(10.0, 2.0, 2.0), centre=(78, 21))
    cut = grid.field_of_view(scan, 100, RNG(0))
    assert cut.geometry.extent_mm[1:] == (100.0, 100.0)
    assert (cut.labels > 0).sum() == (scan.labels > 0).sum()
    # The disc of 40 mm about row 78 ends at row 97 (19 rows of 2 mm); the middle's cut would end at row 74.
    np.testing.assert_array_equal(cut.labels, scan.labels[:, 48:98, 2:52])


def test_a_field_of_view_narrower_than_the_heart_grows_to_it():
    scan = heart(shape=(2, 100, 80), spacing=(10.0, 2.0, 2.0), centre=(50, 40))
    cut = grid.field_of_view(scan, 30, RNG(0))
    assert (cut.labels > 0).sum() == (scan.labels > 0).sum()
    assert cut.geometry.extent_mm[1:] == (78.0, 78.0)


def test_a_wider_field_of_view_is_filled_from_the_background():
    scan = heart(shape=(2, 50, 50), spacing=(10.0, 2.0, 2.0), centre=(25, 25))
    scan.array[:, :5] = RNG(1).integers(1, 6, (2, 5, 50))
    scan.array[:, 5:][scan.array[:, 5:] == 0] = 9
    wide = grid.field_of_view(scan, 200, RNG(0))
    assert wide.geometry.shape == (2, 100, 100)
    np.testing.assert_array_equal(wide.array[:, 25:75, 25:75], scan.array)
    assert set(np.unique(wide.array[:, :25])) == {1, 2, 3, 4, 5}
    assert not wide.labels[:, :25].any()


def test_thicker_slices_average_the_image_and_take_the_nearest_truth():
    thick = grid.slice_thickness(slices_numbered(9, 4.0), 12.0, RNG(0))
    assert thick.geometry.shape == (3, 8, 8)
    assert thick.geometry.spacing_mm == (12.0, 1.0, 1.0)
    assert thick.geometry.extent_mm[0] == 36.0
    assert thick.array[1, 0, 0] == pytest.approx(4.0)
    np.testing.assert_array_equal(thick.labels, slices_numbered(9).labels[[1, 4, 7]])


def test_every_second_slice_leaves_a_gap_of_one():
    scan = slices_numbered(7)
    skipped = grid.skipped_slices(scan, 2, RNG(0))
    first = int(skipped.array[0, 0, 0])
    assert left(skipped) == list(range(first, 7, 2))
    assert skipped.geometry.spacing_mm[0] == 20.0
    np.testing.assert_allclose(
        skipped.geometry.to_patient_mm((1, 3, 3)), scan.geometry.to_patient_mm((first + 2, 3, 3))
    )


def test_fewer_slices_are_those_about_the_middle_of_the_heart():
    assert left(grid.slice_count(slices_numbered(10, hearts=(4, 9)), 4, RNG(0))) == [4, 5, 6, 7]
    assert left(grid.slice_count(slices_numbered(10, hearts=(8, 10)), 4, RNG(0))) == [6, 7, 8, 9]


def test_more_slices_are_thinner_over_the_same_stack():
    more = grid.slice_count(slices_numbered(8), 20, RNG(0))
    assert more.geometry.shape[0] == 20
    assert more.geometry.spacing_mm[0] == pytest.approx(4.0)
    assert more.geometry.extent_mm[0] == pytest.approx(80.0)


@pytest.mark.parametrize("upside_down", [False, True])
def test_base_and_apex_are_removed_at_their_own_ends(upside_down):
    scan = slices_numbered(10, hearts=(1, 9))  # base first: the earlier slices hold more
    if upside_down:
        scan = grid.reversal(scan, "slices reversed", RNG(0))
    assert base_is_last(scan.labels > 0) is upside_down
    without_base, without_apex = grid.missing_base(scan, 2, RNG(0)), grid.missing_apex(scan, 3, RNG(0))
    assert sorted(left(without_base)) == [3, 4, 5, 6, 7, 8, 9]
    assert sorted(left(without_apex)) == [0, 1, 2, 3, 4, 5]


def test_a_heart_of_too_few_slices_has_no_such_level():
    assert grid.missing_base(slices_numbered(6, hearts=(1, 5)), 3, RNG(0)) is None
    assert grid.skipped_slices(slices_numbered(6, hearts=(3, 5)), 4, RNG(0)) is None


def test_mirrored_and_reversed_are_numpys_flips():
    scan = heart()
    np.testing.assert_array_equal(grid.reversal(scan, "mirrored", RNG(0)).array, scan.array[:, :, ::-1])
    np.testing.assert_array_equal(grid.reversal(scan, "slices reversed", RNG(0)).array, scan.array[::-1])


def test_another_resolution_has_its_spacing_and_the_same_extent():
    fine = grid.resolution(heart(shape=(2, 60, 48)), 1.0, RNG(0))
    assert fine.geometry.spacing_mm == (10.0, 1.0, 1.0)
    assert fine.geometry.shape == (2, 120, 120)
    assert fine.geometry.extent_mm == (20.0, 120.0, 120.0)


def test_scale_and_offset_by_hand():
    array = np.arange(101, dtype=np.float32).reshape(1, 1, 101)
    scan = Scan(array, np.zeros(array.shape, dtype=np.uint8), Geometry(array.shape, (1.0, 1.0, 1.0)))
    np.testing.assert_allclose(image.scale(scan, 0.01, RNG(0)).array, array / 100, rtol=1e-6)
    np.testing.assert_allclose(
        image.offset(scan, -1, RNG(0)).array, array - 99, rtol=1e-6
    )  # the 99th percentile


def test_noise_is_as_strong_as_asked_for_where_there_is_signal():
    array = np.full((4, 50, 50), 1000, dtype=np.float32)
    array[0] = 0
    scan = Scan(array, np.zeros(array.shape, dtype=np.uint8), Geometry(array.shape, (1.0, 1.0, 1.0)))
    noisy = image.noise(scan, 0.05, RNG(0)).array
    assert noisy[1:].std() == pytest.approx(50, rel=0.05)
    assert noisy[0].mean() == pytest.approx(50 * np.sqrt(np.pi / 2), rel=0.05)  # Rayleigh


def test_a_ghost_is_a_copy_at_the_share_of_the_field_of_view_that_its_lines_say():
    array = np.zeros((1, 60, 60), dtype=np.float32)
    array[0, 3, 3] = 1000
    scan = Scan(array, np.zeros(array.shape, dtype=np.uint8), Geometry(array.shape, (1.0, 1.0, 1.0)))
    ghosted = image.ghost(scan, 0.5, RNG(0)).array
    bright = np.argwhere(ghosted[0] > 60)
    gaps = set(np.diff(bright.sum(axis=1)).tolist())
    assert len(bright) in image.GHOSTS
    assert gaps == {60 // len(bright)}


def test_shading_spans_the_ratio_asked_for():
    array = np.ones((6, 40, 30), dtype=np.float32)
    array[0, 0, 0] = 0
    scan = Scan(array, np.zeros(array.shape, dtype=np.uint8), Geometry(array.shape, (1.0, 1.0, 1.0)))
    shaded = image.shading(scan, 4, RNG(0)).array.ravel()[1:]
    assert shaded.max() / shaded.min() == pytest.approx(4, rel=0.02)


def test_draws_depend_on_case_and_perturbation_alone():
    scan = heart()
    one, same = (perturbed(scan, "noise", "0.1", "case").array for _ in range(2))
    other = perturbed(scan, "noise", "0.1", "another").array
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert perturbed(scan, NONE, NONE, "case") is scan


def test_a_full_run_stays_affordable():
    for dataset in ("acdc", "lasc"):
        assert 1 + sum(len(levels_of(name, dataset)) for name in PERTURBATIONS) <= 50
