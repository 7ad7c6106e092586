"""Phases on a volume curve, smooth curves and their rates, against curves that are known."""

import numpy as np
import pytest

from septum.core import InputError, Known, Source
from septum.indices import curve_roughness
from septum.indices.curve import PeriodicCurve, peak_rates
from septum.indices.phases import find_phases
from septum.indices.time_base import time_base

FRAMES = 30
PHASE = 2 * np.pi * np.arange(FRAMES) / FRAMES
#: 140 ml at frame 0, 60 ml at frame 15.
COSINE = 100.0 + 40.0 * np.cos(PHASE)


def test_the_largest_and_the_smallest_volume_are_the_phases_and_sure_ones():
    phases = find_phases(np.roll(COSINE, 4))
    assert (phases.end_diastole, phases.end_systole, phases.given) == (4, 19, frozenset())
    assert phases.confidence > 0.99


def test_confidence_is_the_error_function_of_the_gap_over_the_noise():
    # Two frames, 2 % of 100 ml as noise: erf(2 / (2 * 2)).
    assert find_phases([100.0, 98.0]).confidence == pytest.approx(0.5204999, abs=1e-6)
    assert find_phases([100.0, 50.0]).confidence == pytest.approx(1.0)


def test_a_curve_that_is_all_noise_and_a_frame_that_stands_alone_are_not_trusted():
    rng = np.random.default_rng(0)
    assert find_phases(100.0 + 5.0 * rng.standard_normal(FRAMES)).confidence < 0.7
    broken = COSINE.copy()
    broken[1] = 5.0
    phases = find_phases(broken)
    assert phases.end_systole == 1
    assert phases.confidence == 0.0


def test_given_phases_are_taken_and_sure():
    phases = find_phases(COSINE, end_diastole=3, end_systole=12)
    assert (phases.end_diastole, phases.end_systole, phases.confidence) == (3, 12, 1.0)
    assert phases.given == {"end_diastole", "end_systole"}
    one = find_phases([50.0, 40.0, 60.0], end_systole=2)
    assert (one.end_diastole, one.end_systole, one.given) == (0, 2, {"end_systole"})


def test_phases_that_cannot_be_are_refused_or_absent():
    assert find_phases([100.0]) is None
    assert find_phases([100.0, 100.0]) is None
    with pytest.raises(InputError, match="end_systole: expected a frame from 0 to 29, got 30"):
        find_phases(COSINE, end_systole=30)
    with pytest.raises(InputError, match="expected two frames, got 2 for both"):
        find_phases(COSINE, end_diastole=2, end_systole=2)


def test_rates_of_a_cosine_are_those_of_its_derivative():
    # V = 100 + 40 cos(2 pi t / 900): steepest at a quarter, 40 * 2 pi / 0.9 s = 279.25 ml/s.
    curve = PeriodicCurve.fit(COSINE, np.arange(FRAMES) * 30.0, 900.0)
    rates = peak_rates(curve, 0.0, 450.0)
    assert rates.ejection_ml_s == pytest.approx(279.2527, abs=1e-3)
    assert rates.filling_ml_s == pytest.approx(279.2527, abs=1e-3)
    assert (rates.ejection_ms, rates.filling_ms) == pytest.approx((225.0, 225.0), abs=0.5)


def test_rates_of_a_curve_of_several_harmonics_survive_noise_and_uneven_times():
    def volume(t):
        return 100 + 35 * np.cos(t) + 12 * np.sin(2 * t) + 4 * np.cos(3 * t)

    rng = np.random.default_rng(2)
    times = (np.arange(FRAMES) + rng.uniform(-0.2, 0.2, FRAMES)) * 30.0
    fine = np.linspace(0, 2 * np.pi, 100_000)
    slope = np.gradient(volume(fine), fine) * 2 * np.pi / 0.9
    ed, es = (fine[i] * 900 / (2 * np.pi) for i in (volume(fine).argmax(), volume(fine).argmin()))
    clean, noisy = (volume(2 * np.pi * times / 900) + s * rng.standard_normal(FRAMES) for s in (0.0, 1.0))
    exact = peak_rates(PeriodicCurve.fit(clean, times, 900.0), ed, es)
    assert exact.filling_ml_s == pytest.approx(slope.max(), rel=1e-3)
    assert exact.ejection_ml_s == pytest.approx(-slope.min(), rel=1e-3)
    rough = peak_rates(PeriodicCurve.fit(noisy, times, 900.0), ed, es)
    assert rough.filling_ml_s == pytest.approx(slope.max(), rel=0.1)
    assert rough.ejection_ml_s == pytest.approx(-slope.min(), rel=0.1)


def test_roughness_by_hand():
    # Second differences of 0, 10, 10, 0: -10 and -10; stroke volume 10.
    assert curve_roughness([0.0, 10.0, 10.0, 0.0]) == pytest.approx(1.0)
    assert curve_roughness([1.0, 2.0, 3.0]) == pytest.approx(0.0)
    assert curve_roughness([5.0, 5.0, 5.0]) == 0.0
    jagged = COSINE + np.resize([2.0, -2.0], FRAMES)
    assert curve_roughness(jagged) > 3 * curve_roughness(COSINE)
    with pytest.raises(ValueError, match="three frames"):
        curve_roughness([1.0, 2.0])


def test_a_heart_rate_comes_from_the_frames_only_if_the_curve_closes():
    times = np.arange(FRAMES) * 30.0
    closed = time_base(COSINE, times, None)
    assert closed.cycle_ms == pytest.approx(900)
    assert closed.heart_rate_bpm == Known(pytest.approx(60_000 / 900), Source.DERIVED)
    assert [note.key for note in closed.notes] == ["heart_rate_from_frames"]
    half = time_base(COSINE[:15], times[:15], None)
    assert (half.heart_rate_bpm, half.times_ms) == (None, None)
    assert [note.key for note in half.notes] == ["no_heart_rate"]


def test_frames_that_do_not_cover_the_beat_have_a_heart_rate_and_no_rates():
    found = time_base(COSINE[:20], np.arange(20) * 30.0, Known(66.67, Source.FILE))
    assert (found.heart_rate_bpm, found.times_ms) == (Known(66.67, Source.FILE), None)
    assert [note.key for note in found.notes] == ["frames_are_not_a_beat"]


def test_without_times_frames_of_a_closed_curve_are_spread_over_the_beat():
    found = time_base(COSINE, None, Known(60.0, Source.GIVEN))
    assert found.times_ms == pytest.approx(np.arange(FRAMES) * 1000 / FRAMES)
    assert time_base(COSINE[:15], None, Known(60.0, Source.GIVEN)).times_ms is None


def test_times_and_heart_rates_that_cannot_be_are_left_out_with_a_note():
    found = time_base(COSINE, [0.0] * FRAMES, Known(900.0, Source.GIVEN))
    assert (found.times_ms, found.heart_rate_bpm) == (None, None)
    assert [note.key for note in found.notes] == [
        "heart_rate_not_believed", "frame_times_not_rising", "no_times_and_no_heart_rate",
    ]  # fmt: skip
