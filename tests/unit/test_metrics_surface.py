"""Surface distances on masks whose answer is worked by hand, and against brute force."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial.distance import cdist

from septum.core import InputError
from septum.metrics import surface_distances

UNIT = (1.0, 1.0, 1.0)


def voxels(shape: tuple[int, int, int], *indices: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for index in indices:
        mask[index] = True
    return mask


def cube(shape: tuple[int, int, int], start: tuple[int, int, int], edge: int) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, a + edge) for a in start)] = True
    return mask


@pytest.mark.parametrize(
    ("other", "expected_mm"),
    [
        ((4, 1, 1), 30.0),  # three slices of 10 mm
        ((1, 4, 1), 6.0),  # three rows of 2 mm
        ((1, 1, 4), 4.5),  # three columns of 1.5 mm
        ((2, 4, 1), np.sqrt(10.0**2 + 6.0**2)),
    ],
)
def test_single_voxels_are_apart_by_their_centres_in_mm(other, expected_mm):
    result = surface_distances(
        voxels((6, 6, 6), (1, 1, 1)), voxels((6, 6, 6), other), spacing_mm=(10.0, 2.0, 1.5)
    )
    assert result.hausdorff == pytest.approx(expected_mm)
    assert result.asd == pytest.approx(expected_mm)


def test_asd_divides_by_the_voxels_of_both_surfaces():
    # G: one voxel at x = 0. P: voxels at x = 0, 1, 2 and 3. From P: 0 + 1 + 2 + 3; from G: 0.
    # Equation (8): 6 / (1 + 4) = 1.2. (The mean of both means would be (1.5 + 0) / 2 = 0.75.)
    truth = voxels((1, 1, 5), (0, 0, 0))
    predicted = voxels((1, 1, 5), (0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3))
    for a, b in ((predicted, truth), (truth, predicted)):
        result = surface_distances(a, b, UNIT)
        assert result.asd == pytest.approx(1.2)
        assert result.hausdorff == 3.0


def test_hausdorff_is_the_larger_direction():
    # All of G lies in P, so the way from G to P is 0; P reaches 4 columns beyond G.
    truth, predicted = voxels((1, 1, 8), (0, 0, 1)), voxels((1, 1, 8), (0, 0, 1), (0, 0, 5))
    assert surface_distances(predicted, truth, (1.0, 1.0, 2.0)).hausdorff == 8.0
    assert surface_distances(truth, predicted, (1.0, 1.0, 2.0)).hausdorff == 8.0


def test_shifted_cubes():
    # Cubes of 3 x 3 x 3, shifted by 1 along x. Each surface is 26 voxels, all but the middle one.
    # Of the left cube's (x = 0, 1, 2): x = 0 lies 1 from the right cube's (x = 1, 2, 3) face x = 1,
    # 9 voxels of distance 1. x = 1: all 8 are in that face, 0. x = 2: eight are on the right cube's
    # surface, the ninth is its hidden middle, 1 away. So 9 + 1 = 10; by symmetry 10 from the right.
    left, right = cube((7, 7, 7), (2, 2, 1), 3), cube((7, 7, 7), (2, 2, 2), 3)
    result = surface_distances(left, right, UNIT)
    assert result.hausdorff == 1.0
    assert result.asd == pytest.approx((10 + 10) / (26 + 26))


def test_nested_squares_in_one_slice():
    # A 1 x 5 x 5 square around a 1 x 3 x 3 square. Contours in the slice: 16 and 8 voxels. From the
    # outer: 12 edge voxels at distance 1, 4 corners at sqrt(2). From the inner: 8 at distance 1 (each
    # corner, too, has an outer edge voxel beside it).
    outer, inner = np.zeros((2, 1, 9, 9), dtype=bool)
    outer[0, 2:7, 2:7] = True
    inner[0, 3:6, 3:6] = True
    result = surface_distances(outer, inner, UNIT)
    assert result.hausdorff == pytest.approx(np.sqrt(2.0))
    assert result.asd == pytest.approx((12 + 4 * np.sqrt(2.0) + 8) / 24)


def test_one_slice_has_no_surface_across_z_but_two_have():
    # Full 5 x 5 square and the same without its middle. In one slice the full square's contour is
    # its 16 border voxels; the other's contour adds the middle's 4 neighbours, each 1 from the border.
    full = np.ones((1, 5, 5), dtype=bool)
    holed = full.copy()
    holed[0, 2, 2] = False
    one = surface_distances(full, holed, (10.0, 1.0, 1.0))
    assert one.asd == pytest.approx(4 / (16 + 20))
    # In two slices every voxel touches the outside: 50 and 48 surface voxels, and only the two
    # middles are away from the other surface, by 1.
    two = surface_distances(np.repeat(full, 2, axis=0), np.repeat(holed, 2, axis=0), (10.0, 1.0, 1.0))
    assert two.asd == pytest.approx(2 / (50 + 48))


def test_beyond_the_border_of_the_image_is_outside():
    # A 3 x 3 x 3 image, full: its 26 border voxels are surface, the middle is not. Against the middle
    # alone: 6 faces at 1, 12 edges at sqrt(2), 8 corners at sqrt(3), and 1 the other way.
    full, middle = np.ones((3, 3, 3), dtype=bool), voxels((3, 3, 3), (1, 1, 1))
    result = surface_distances(full, middle, UNIT)
    assert result.hausdorff == pytest.approx(np.sqrt(3.0))
    assert result.asd == pytest.approx((6 + 12 * np.sqrt(2.0) + 8 * np.sqrt(3.0) + 1) / 27)


def test_equal_masks_have_no_distance():
    mask = cube((8, 8, 8), (1, 2, 3), 4)
    result = surface_distances(mask, mask, (8.0, 1.4, 1.4))
    assert (result.hausdorff, result.asd) == (0.0, 0.0)


def test_an_empty_mask_has_no_surface():
    empty, full = np.zeros((3, 4, 5), dtype=bool), np.ones((3, 4, 5), dtype=bool)
    for a, b in ((empty, full), (full, empty), (empty, empty)):
        assert surface_distances(a, b, UNIT) is None


def test_refuses_what_is_not_two_volumes_of_one_shape():
    with pytest.raises(InputError, match="same shape"):
        surface_distances(np.ones((2, 3, 4), dtype=bool), np.ones((3, 3, 4), dtype=bool), UNIT)
    with pytest.raises(InputError, match="4-D"):
        surface_distances(np.ones((2, 2, 3, 4), dtype=bool), np.ones((2, 2, 3, 4), dtype=bool), UNIT)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_brute_force_on_random_blobs(seed):
    rng = np.random.default_rng(seed)
    spacing = (8.0, 1.4, 1.7)
    masks = [gaussian_filter(rng.normal(size=(6, 15, 14)), (0.7, 2, 2)) > 0.05 for _ in range(2)]
    # The surface the other way about: mask voxels that the dilated, padded outside reaches.
    points = [np.argwhere(binary_dilation(~np.pad(m, 1))[1:-1, 1:-1, 1:-1] & m) * spacing for m in masks]
    table = cdist(*points)
    nearest = np.concatenate([table.min(axis=0), table.min(axis=1)])
    result = surface_distances(*masks, spacing)
    assert result.hausdorff == pytest.approx(nearest.max())
    assert result.asd == pytest.approx(nearest.mean())
