"""An index of a structure that the mask can show either has a value, or a note says why not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, Geometry, Segmentation, Subject
from septum.indices import clinical_indices

GEOMETRY = Geometry(shape=(1, 1, 4000), spacing_mm=(10.0, 2.0, 2.0))
BEAT = [round(1500 + 700 * np.cos(2 * np.pi * t / 20)) for t in range(20)]
RATES = ("lv_peak_ejection_rate_ml_s", "lv_peak_filling_rate_ml_s", "lv_time_to_peak_filling_ms")


def indices(lv, *, myo=500, schema=VENTRICLES, frame_ms=None, bpm=None):
    labels = np.zeros((len(lv), *GEOMETRY.shape), np.uint8)
    for frame, count in zip(labels, lv, strict=True):
        values = np.repeat([3, 2, 1] if schema is VENTRICLES else [1, 1, 1], [count, myo, 0])
        frame.reshape(-1)[: values.size] = values
    times = None if frame_ms is None else np.arange(len(lv)) * frame_ms
    found = clinical_indices(
        Segmentation(labels, GEOMETRY, schema), times_ms=times, subject=Subject.of(heart_rate_bpm=bpm)
    )
    return {item.key: item.value for item in found.items}, " ".join(found.notes)


@pytest.mark.parametrize(
    ("lv", "frame_ms", "bpm", "said"),
    [
        (BEAT, None, None, "Neither the times of the frames nor the heart rate are known"),
        (BEAT[:10], None, 60.0, "nor whether they cover a whole beat: there are no rates"),
        (BEAT[:10], 50.0, None, "the frames do not cover a whole beat: .* there are no rates"),
        (BEAT[:10], 50.0, 60.0, "tells a beat of 1000 ms: there are no rates"),
        (BEAT[::3], 150.0, 60.0, "There are 7 frames, and rates of ejection and filling take 10"),
        ([*BEAT[::3], BEAT[0]], None, 60.0, "There are 8 frames, and rates of ejection and filling take 10"),
    ],
)
def test_rates_and_output(lv, frame_ms, bpm, said):
    values, notes = indices(lv, frame_ms=frame_ms, bpm=bpm)
    assert [values[key] for key in RATES] == [None] * len(RATES)
    assert notes.count(" rates") == 1
    assert re.search(said, notes), notes
    assert (values["cardiac_output_l_min"] is None) == ("no cardiac output" in notes) == (bpm is None)


def test_rates_that_are_there_are_not_said_to_be_missing():
    values, notes = indices(BEAT, frame_ms=50.0, bpm=60.0)
    assert None not in [values[key] for key in RATES]
    assert " rates" not in notes


def test_structures_that_are_nowhere_but_could_be():
    values, notes = indices(BEAT, myo=0)
    assert (values["lv_mass_ed_g"], values["lv_mass_es_g"]) == (None, None)
    assert "There is no myocardium at end-diastole and end-systole, and no mass." in notes
    values, notes = indices([0, 0], myo=0, schema=LEFT_ATRIUM)
    assert values["la_volume_ml"] is None
    assert "The left atrium is empty in all frames" in notes
