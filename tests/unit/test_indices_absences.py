"""An index of a structure that the mask can show either has a value, or a note says why not."""

from __future__ import annotations

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, Geometry, Segmentation, Subject
from septum.indices import clinical_indices

GEOMETRY = Geometry(shape=(1, 1, 4000), spacing_mm=(10.0, 2.0, 2.0))
BEAT = [round(1500 + 700 * np.cos(2 * np.pi * t / 20)) for t in range(20)]
NO_RATES = {
    "no_times_and_no_heart_rate", "frame_times_unknown", "no_heart_rate", "frames_are_not_a_beat",
    "too_few_frames_for_rates",
}  # fmt: skip
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
    return {item.key: item.value for item in found.items}, {note.key for note in found.notes}


@pytest.mark.parametrize(
    ("lv", "frame_ms", "bpm", "key"),
    [
        (BEAT, None, None, "no_times_and_no_heart_rate"),
        (BEAT[:10], None, 60.0, "frame_times_unknown"),
        (BEAT[:10], 50.0, None, "no_heart_rate"),
        (BEAT[:10], 50.0, 60.0, "frames_are_not_a_beat"),
        (BEAT[::3], 150.0, 60.0, "too_few_frames_for_rates"),
        ([*BEAT[::3], BEAT[0]], None, 60.0, "too_few_frames_for_rates"),
    ],
)
def test_rates_and_output(lv, frame_ms, bpm, key):
    values, notes = indices(lv, frame_ms=frame_ms, bpm=bpm)
    assert [values[key] for key in RATES] == [None] * len(RATES)
    assert notes & NO_RATES == {key}
    no_output = bool(notes & {"no_times_and_no_heart_rate", "no_heart_rate"})
    assert (values["cardiac_output_l_min"] is None) == no_output == (bpm is None)


def test_rates_that_are_there_are_not_said_to_be_missing():
    values, notes = indices(BEAT, frame_ms=50.0, bpm=60.0)
    assert None not in [values[key] for key in RATES]
    assert not notes & NO_RATES


def test_structures_that_are_nowhere_but_could_be():
    values, notes = indices(BEAT, myo=0)
    assert (values["lv_mass_ed_g"], values["lv_mass_es_g"]) == (None, None)
    assert "no_myocardium" in notes
    values, notes = indices([0, 0], myo=0, schema=LEFT_ATRIUM)
    assert values["la_volume_ml"] is None
    assert "la_empty" in notes
