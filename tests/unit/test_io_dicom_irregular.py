"""Prospectively gated slices of irregular hearts: phases of one distance, as many as a beat has room for."""

from __future__ import annotations

import pytest

from septum.io import read_study
from septum.io.dicom.scanning import scan
from septum.io.dicom.stacks.pacing import longer_than_a_beat
from support.dicom_study import Sheet, flat, images, stored, write

BEATS_MS = (700, 1300, 690, 710)
STEP_MS = 65.0


def slices_of(beats_ms, **stated):
    """One series a slice; ``stated`` are elements by the length of the beat, and nothing else tells it."""
    made = images(stored(20, 4), Sheet(interval_ms=STEP_MS), per_slice=True)
    kept = [[row[z] for row in made][: int(beat_ms / STEP_MS)] for z, beat_ms in enumerate(beats_ms)]
    for one, beat_ms in ((one, ms) for some, ms in zip(kept, beats_ms, strict=True) for one in some):
        del one.NominalInterval
        for keyword, value in stated.items():
            setattr(one, keyword, value(beat_ms))
    return flat(kept)


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"HeartRate": lambda ms: f"{60_000 / ms:.0f}"},
        {"NominalInterval": str},
        {"NominalInterval": lambda _: "0", "HeartRate": lambda ms: f"{60_000 / ms:.0f}"},
    ],
    ids=["nothing", "rate", "interval", "rate alone"],
)
def test_a_slice_of_a_long_beat_stays_in_its_stack_and_its_beat_is_one(tmp_path, stated):
    study = read_study(write(tmp_path, slices_of(BEATS_MS, **stated)))
    assert study.cine.geometry.shape[0] == len(BEATS_MS)
    assert "beyond_one_beat" not in {note.key for note in study.notes}


@pytest.mark.parametrize("stated", [{}, {"HeartRate": lambda _: "70"}], ids=["nothing", "rate"])
def test_what_is_longer_than_any_beat_is_told_all_the_same(tmp_path, stated):
    frames = scan(write(tmp_path, slices_of((850,) * 4, **stated))).frames
    by_slice = [[one for one in frames if one.series_uid == uid] for uid in {f.series_uid for f in frames}]
    long = [one for row in images(stored(20, 1), Sheet(interval_ms=90.0), uid="1.2.88") for one in row]
    for one in long:
        del one.NominalInterval
        for keyword, value in stated.items():
            setattr(one, keyword, value(0))
    slices = [*by_slice, scan(write(tmp_path / "long", long)).frames]
    assert longer_than_a_beat(slices) == [False] * 4 + [True]
