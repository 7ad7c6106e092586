"""The phantom: its truth agrees with its formulas, it beats, and it looks like what it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import binary_dilation

from septum.core import VENTRICLES
from septum.phantom import Phantom, PhantomSettings, beating_heart
from septum.phantom.beat import contraction, end_systole
from septum.phantom.build import Build, Points
from septum.phantom.shape import HeartShape, volumes_ml

RV, MYO, LV = VENTRICLES.values


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    """Two frames: end-diastole and end-systole of the default heart."""
    return beating_heart(np.random.default_rng(5), PhantomSettings(frames=2))


def _sampled_ml(phantom: Phantom, value: int, frame: int) -> float:
    return float((phantom.truth.labels[frame] == value).sum() * phantom.truth.geometry.voxel_volume_ml)


def test_shapes_types_and_units(phantom: Phantom) -> None:
    cine, truth = phantom.cine, phantom.truth
    assert cine.array.shape == truth.labels.shape == (2, 10, 216, 256)
    assert cine.array.dtype == np.float32
    assert truth.labels.dtype == np.uint8
    assert cine.geometry == truth.geometry
    assert cine.geometry.spacing_mm == (10.0, 1.4, 1.4)
    assert cine.frame_interval_ms == pytest.approx(60_000.0 / 66.0 / 2.0)
    assert np.isfinite(cine.array).all()
    assert (cine.array == np.rint(cine.array)).all()
    assert cine.array.min() >= 0.0
    assert 900.0 < cine.array.max() < 4096.0


def test_truth_holds_the_volumes_that_were_asked_for(phantom: Phantom) -> None:
    for name, value in zip(VENTRICLES.names, VENTRICLES.values, strict=True):
        for frame in (phantom.end_diastole, phantom.end_systole):
            assert _sampled_ml(phantom, value, frame) == pytest.approx(
                phantom.volumes_ml[name][frame], rel=0.03
            )
    assert phantom.volumes_ml["LV"] == (140.0, 55.0)
    assert phantom.volumes_ml["RV"] == (150.0, 63.0)


@pytest.mark.parametrize(("esv", "expected"), [(55.0, 60.7), (84.0, 40.0)])
def test_ejection_fraction_of_the_truth_is_that_of_the_settings(esv: float, expected: float) -> None:
    settings = PhantomSettings(frames=2, lv_esv_ml=esv)
    made = beating_heart(np.random.default_rng(2), settings)
    end_diastolic, end_systolic = (_sampled_ml(made, LV, t) for t in (0, 1))
    assert 100.0 * (1.0 - end_systolic / end_diastolic) == pytest.approx(expected, abs=2.0)


def test_fine_sampling_converges_to_the_analytic_volumes() -> None:
    """Counting points on a 1 mm grid finds each volume of the formulas within one percent."""
    settings = PhantomSettings()
    build = Build.draw(np.random.default_rng(11))
    across = np.arange(-95.0, 95.0, dtype=np.float32)
    along = np.arange(-6.0, 92.0, dtype=np.float32)
    x, y, z = (axis.ravel() for axis in np.meshgrid(across, across, along))
    points = Points.at(x, y, z, build)
    for moment in (0.0, 0.6, 1.0):
        labels = HeartShape.at(moment, build, settings).labels(points)
        for value, expected in zip(VENTRICLES.values, volumes_ml(moment, settings).values(), strict=True):
            assert (labels == value).sum() / 1000.0 == pytest.approx(expected, rel=0.01)


def test_wall_volume_worked_by_hand() -> None:
    """Fullness of the cut ellipsoid is 1 - (0.8^3 + 0.2^3) / (3 * 0.8^2) = 0.72917."""
    settings = PhantomSettings()
    radius = np.sqrt(140_000.0 / (np.pi * 0.7291667 * 78.0))
    outer_ml = np.pi * 0.7291667 * (radius + 8.5) ** 2 * 84.0 / 1000.0
    assert volumes_ml(0.0, settings)["MYO"] == pytest.approx(outer_ml - 140.0, rel=1e-5)
    assert volumes_ml(1.0, settings)["MYO"] == volumes_ml(0.0, settings)["MYO"]


def test_the_beat_starts_at_end_diastole_and_ends_there() -> None:
    course = contraction(12)
    assert end_systole(12) == 4
    assert course[0] == 0.0
    assert course[4] == 1.0
    assert (np.diff(course[:5]) > 0).all()
    assert (np.diff(course[4:]) <= 0).all()
    assert 0.0 < course[-1] < 0.2
    assert contraction(1).tolist() == [0.0]
    assert contraction(2).tolist() == [0.0, 1.0]


def test_same_generator_same_phantom_other_generator_another() -> None:
    settings = PhantomSettings(frames=1, slices=4, matrix=(144, 144))
    first, again, other = (beating_heart(np.random.default_rng(seed), settings) for seed in (3, 3, 4))
    assert np.array_equal(first.cine.array, again.cine.array)
    assert np.array_equal(first.truth.labels, again.truth.labels)
    assert not np.array_equal(first.truth.labels, other.truth.labels)


def test_the_cavity_of_the_left_ventricle_lies_within_its_wall(phantom: Phantom) -> None:
    """In plane, away from the base, the LV cavity touches nothing but myocardium."""
    cross = np.zeros((3, 3, 3), bool)
    cross[1] = True
    for labels in phantom.truth.labels:
        filled = np.flatnonzero((labels == LV).any(axis=(1, 2)))
        for k in filled:
            around = binary_dilation(labels[k : k + 1] == LV, cross)[0] & (labels[k] != LV)
            assert set(np.unique(labels[k][around])) == {MYO}


def test_first_and_last_slice_show_no_ventricle_and_the_base_descends(phantom: Phantom) -> None:
    held = [np.flatnonzero((labels > 0).any(axis=(1, 2))) for labels in phantom.truth.labels]
    assert held[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert held[1].tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_right_ventricle_lies_up_and_left_of_the_left_one(phantom: Phantom) -> None:
    centre_rv, centre_lv = (np.argwhere(phantom.truth.labels[0] == v).mean(axis=0) for v in (RV, LV))
    assert centre_rv[1] < centre_lv[1] - 10.0
    assert centre_rv[2] < centre_lv[2] - 10.0


def test_blood_is_brighter_than_muscle_and_muscle_than_air(phantom: Phantom) -> None:
    image, labels = phantom.cine.array[0], phantom.truth.labels[0]
    rv, myo, lv = (float(np.median(image[labels == value])) for value in VENTRICLES.values)
    corner = float(np.median(image[:, :15, :15]))
    assert corner < 0.3 * myo
    assert 2.0 * myo < rv < lv < 5.0 * myo


def test_noise_is_what_was_asked_for() -> None:
    quiet, loud = (
        beating_heart(np.random.default_rng(1), PhantomSettings(frames=1, slices=4, noise=noise)).cine.array
        for noise in (0.0, 0.1)
    )
    air = quiet[0, :, :12, :12] == 0
    assert air.all()
    # The magnitude of two channels of spread s has mean s * sqrt(pi / 2): 62 * 1.2533 = 77.7.
    assert loud[0, :, :12, :12].mean() == pytest.approx(77.7, rel=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lv_esv_ml": 150.0},
        {"rv_esv_ml": 200.0},
        {"slice_thickness_mm": 12.0},
        {"matrix": (100, 256)},
        {"frames": 0},
        {"colour": "red"},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PhantomSettings.model_validate(wrong)


def test_a_short_stack_lies_in_the_middle_of_the_heart() -> None:
    made = beating_heart(np.random.default_rng(0), PhantomSettings(frames=1, slices=1))
    assert set(np.unique(made.truth.labels)) == {0, RV, MYO, LV}
