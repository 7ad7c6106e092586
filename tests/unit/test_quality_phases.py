"""The verdict judges the phases and the ejection fractions that are shown, whoever chose the frames."""

from __future__ import annotations

import numpy as np

from septum.core import Verdict
from septum.indices import clinical_indices
from septum.quality.verdict import assess_quality
from septum_study.calibration.measuring import measured_case
from support.hearts import LV, MYO, cine, heart


def judged(segmentation, **phases):
    return assess_quality(segmentation, clinical_indices(segmentation, **phases))


def test_phases_given_the_wrong_way_round_are_rejected():
    quality = judged(cine(heart(), heart(0.25), heart(0.5)), end_diastole=2, end_systole=0)
    negative = [flag for flag in quality.flags if flag.key == "negative_ejection_fraction"]
    assert quality.verdict is Verdict.REJECT
    assert [flag.structures for flag in negative] == [("LV",), ("RV",)]
    assert all(flag.value is not None and flag.value < -50 for flag in negative)
    assert set(quality.ventricles.values()) == {Verdict.REJECT}


def test_stroke_volumes_below_zero_are_not_compared():
    failed = heart(0.5)
    failed[failed == 1] = 0
    mask = cine(heart(), failed)
    assert "stroke_volume_mismatch" in {flag.key for flag in judged(mask).flags}
    swapped = {flag.key for flag in judged(mask, end_diastole=1, end_systole=0).flags}
    assert "negative_ejection_fraction" in swapped
    assert "stroke_volume_mismatch" not in swapped


def test_a_given_phase_far_from_the_extreme_volume_is_doubted():
    mask = cine(heart(), heart(0.25), heart(0.5), heart(0.9))
    doubted = [flag for flag in judged(mask, end_diastole=2).flags if flag.key.startswith("unlikely")]
    assert [flag.key for flag in doubted] == ["unlikely_end_diastole"]
    assert doubted[0].value > 0.1
    assert not any(flag.key.startswith("unlikely") for flag in judged(mask, end_diastole=0).flags)


def test_a_failed_frame_that_is_no_end_diastole_is_not_judged_as_one():
    failed = heart()
    failed[failed == MYO] = LV  # the largest LV of the cine, and hardly any myocardium
    failed[4, 50:52, 60:62] = MYO
    mask = cine(heart(), failed, heart(0.5))
    given = {flag.key for flag in judged(mask, end_diastole=0, end_systole=2).flags}
    assert given & {"little_myocardium", "small_myo"} == set()
    found = {flag.key for flag in judged(mask).flags}
    assert found >= {"little_myocardium", "small_myo"}


def test_frames_of_one_volume_that_are_given_as_phases_have_no_beat():
    keys = {flag.key for flag in judged(cine(heart(), heart()), end_diastole=0, end_systole=1).flags}
    assert "no_beat" in keys


def test_the_calibration_is_fitted_to_the_flags_of_the_same_phases():
    mask = cine(heart(0.5), heart())
    case = measured_case("p", "a", mask, np.stack([heart(), heart(0.5)]))
    assert case.predicted_ef["LV"] < 0
    assert case.basic["negative_ejection_fraction"] == "reject"
