"""Preparation as nnU-Net has it: crop, normalise, resample; numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from septum.preprocessing.spline import (
    IntensityRange,
    Interpolation,
    SplineSettings,
    logits_on_image,
    prepare_by_splines,
    resample_by_splines,
)

NATIVE = (8.0, 2.0, 2.0)
IN_PLANE = SplineSettings(spacing_mm=(None, 2.0, 2.0))


def image_of(shape=(3, 10, 12)):
    return np.random.default_rng(0).normal(300, 50, shape).astype(np.float32)


def test_an_image_is_cropped_to_what_is_not_zero_holes_included():
    image = np.zeros((3, 10, 12), np.float32)
    image[1, 2:7, 3:11] = 5
    image[1, 4, 5] = 0
    prepared = prepare_by_splines(image, NATIVE, IN_PLANE.model_copy(update={"normalise": "none"}))
    assert (prepared.box.start, prepared.box.stop) == ((1, 2, 3), (2, 7, 11))
    assert prepared.array.shape == (1, 5, 8)
    assert prepared.array[0, 2, 2] == 0


def test_an_image_of_zeros_stays_whole():
    prepared = prepare_by_splines(np.zeros((3, 10, 12)), NATIVE, IN_PLANE)
    assert prepared.array.shape == (3, 10, 12)
    assert (prepared.array == 0).all()


def test_the_number_of_voxels_keeps_the_field_of_view():
    settings = SplineSettings(spacing_mm=(4.0, 1.0, 3.0))
    assert prepare_by_splines(image_of(), NATIVE, settings).array.shape == (6, 20, 8)
    kept = SplineSettings(spacing_mm=(None, 1.0, 1.0))
    assert prepare_by_splines(image_of(), NATIVE, kept).array.shape == (3, 20, 24)


def test_normalisations():
    image = image_of()
    volume = prepare_by_splines(image, NATIVE, IN_PLANE).array
    assert (volume.mean(), volume.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    image[0, 0, 0] = 0
    nonzero = prepare_by_splines(image, NATIVE, IN_PLANE.model_copy(update={"normalise": "nonzero"})).array
    assert nonzero[0, 0, 0] == 0
    inside = nonzero[image != 0]
    assert (inside.mean(), inside.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    known = IntensityRange(mean=300.0, std=10.0, low=290.0, high=310.0)
    fixed = IN_PLANE.model_copy(update={"normalise": "range", "intensities": known})
    assert set(np.unique(prepare_by_splines(image, NATIVE, fixed).array)) <= set(np.linspace(-1, 1, 5)) | set(
        np.unique((np.clip(image, 290, 310) - np.float32(300)) / np.float32(10))
    )
    extremes = prepare_by_splines(image, NATIVE, IN_PLANE.model_copy(update={"normalise": "extremes"})).array
    assert (extremes.min(), extremes.max()) == (0.0, 1.0)


def test_far_slices_are_resampled_for_themselves_and_doubled_without_mixing():
    image = np.stack([np.full((6, 6), value, np.float32) for value in (1.0, 2.0, 9.0)])
    (out,) = resample_by_splines(image[None], (6, 12, 12), NATIVE, (4.0, 1.0, 1.0), Interpolation(order=3))
    assert np.allclose(out[:, 5, 5], [1, 1, 2, 2, 9, 9])


def test_near_slices_are_resampled_together():
    image = np.stack([np.full((6, 6), value, np.float32) for value in (1.0, 3.0)])
    (out,) = resample_by_splines(
        image[None], (4, 6, 6), (2.0, 2.0, 2.0), (1.0, 2.0, 2.0), Interpolation(order=1)
    )
    assert np.allclose(out[:, 3, 3], [1.0, 1.5, 2.5, 3.0])


def test_logits_come_back_onto_the_box_that_was_cropped():
    image = np.zeros((3, 10, 12), np.float32)
    image[1:, 2:8, 3:11] = image_of((2, 6, 8))
    settings = SplineSettings(spacing_mm=(None, 1.0, 1.0))
    prepared = prepare_by_splines(image, NATIVE, settings)
    logits = np.zeros((2, *prepared.array.shape), np.float16)
    back = logits_on_image(logits, prepared, settings)
    assert back.shape == (2, *prepared.box.size)
    assert back.dtype == np.float16


@pytest.mark.parametrize("fields", [{"normalise": "range"}, {"spacing_mm": (None, 0.0, 1.0)}, {"other": 1}])
def test_settings_that_cannot_be_are_refused(fields):
    with pytest.raises(ValidationError):
        SplineSettings.model_validate({"spacing_mm": (None, 1.0, 1.0), **fields})
