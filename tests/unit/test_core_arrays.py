"""Arrays in place of files: what they must be, and in which order their axes come."""

import numpy as np
import pytest

from septum.core import InputError
from septum.core.arrays import cine_from_array, spacing_of, study_from_array

SPACING_MM = (8.0, 1.5, 1.5)


def grey(*shape):
    return np.random.default_rng(0).normal(300.0, 40.0, shape).astype(np.float32)


@pytest.mark.parametrize(
    "shape", [(10, 96, 96), (30, 10, 96, 96), (1, 96, 96), (96, 10, 96), (40, 44, 48, 44)]
)
def test_slices_before_rows_and_frames_before_slices_are_taken(shape):
    spacing_mm = SPACING_MM if shape != (96, 10, 96) else (1.5, 8.0, 1.5)
    cine = cine_from_array(grey(*shape), spacing_mm)
    assert cine.array.shape == (shape if len(shape) == 4 else (1, *shape))
    assert cine.geometry.spacing_mm == spacing_mm


@pytest.mark.parametrize("spacing_mm", [SPACING_MM, SPACING_MM[::-1]])
@pytest.mark.parametrize(
    ("shape", "advice"), [((96, 80, 10), "transpose(2, 1, 0)"), ((96, 80, 10, 30), "transpose(3, 2, 1, 0)")]
)
def test_the_order_of_nibabel_is_recognised_and_refused_with_advice(shape, advice, spacing_mm):
    array = grey(*shape)
    with pytest.raises(InputError) as refused:
        cine_from_array(array, spacing_mm)
    assert advice in str(refused.value)
    assert cine_from_array(array.transpose(), SPACING_MM).array.shape[-3:] == (10, 80, 96)


@pytest.mark.parametrize("spacing_mm", [10, (8, 1.5), (8, 1.5, -1), "8,1.5,1.5", None, (np.nan, 1, 1)])
def test_a_spacing_that_is_none_is_one_sentence(spacing_mm):
    with pytest.raises(InputError, match="spacing_mm: expected three positive numbers"):
        spacing_of(spacing_mm)


@pytest.mark.parametrize(
    "array",
    [grey(96, 96), grey(2, 2, 10, 96, 96), np.zeros((10, 96, 96)), np.full((10, 96, 96), np.nan),
     np.full((10, 96, 96), "a"), np.zeros((0, 96, 96))],
)  # fmt: skip
def test_what_is_no_image_is_refused(array):
    with pytest.raises(InputError, match="array: expected"):
        cine_from_array(array, SPACING_MM)


def test_a_study_is_known_by_voxels_and_spacing():
    one, same = (study_from_array(grey(10, 96, 96), SPACING_MM) for _ in range(2))
    other = study_from_array(grey(10, 96, 96), (9.0, 1.5, 1.5))
    assert one.sha256 == same.sha256 != other.sha256
