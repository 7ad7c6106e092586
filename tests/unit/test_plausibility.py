"""Flags of numbers that no heart gives, and none about those of hearts."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from septum.core import Geometry, VolumeCurve
from septum.quality.plausibility import plausibility_flags

SCORES = Path(__file__).parents[2] / "studies" / "production" / "cine" / "test_scores.csv"
HEART = Geometry((10, 216, 256), (10.0, 1.4, 1.4))


def told(
    volumes_ml: dict[str, tuple[float, ...]], geometry: Geometry = HEART, end_diastole: int = 0
) -> list[str]:
    curve = VolumeCurve(volumes_ml, end_diastole, end_diastole, {})
    return [flag.reason for flag in plausibility_flags(curve, geometry)]


@pytest.mark.parametrize("column", ["true_ml", "predicted_ml"])
def test_no_heart_of_the_test_set_is_told(column):
    cases: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
    with SCORES.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            cases[row["case"]][row["structure"]] = (float(row[column]),)
    assert len(cases) == 40
    assert {case: told(volumes) for case, volumes in cases.items() if told(volumes)} == {}


@pytest.mark.parametrize(
    ("myo", "lv", "words"),
    [
        (34.0, 100.0, "MYO is 0.34 times as large as LV"),
        (35.0, 100.0, None),
        (30.0, 14.9, "LV has 14.9 ml"),
        (30.0, 15.0, None),
        (19.9, 50.0, "MYO has 19.9 ml"),
        (20.0, 50.0, None),
        (0.0, 100.0, None),  # missing structures have their own warning
        (30.0, 0.0, None),
    ],
)
def test_volumes_of_no_heart(myo, lv, words):
    found = told({"RV": (100.0,), "MYO": (myo,), "LV": (lv,)})
    assert len(found) == (words is not None)
    assert all(words in sentence for sentence in found)


def test_end_diastole_counts():
    volumes = {"MYO": (10.0, 100.0), "LV": (40.0, 100.0)}
    assert told(volumes, end_diastole=1) == []
    assert len(told(volumes, end_diastole=0)) == 2


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "words"),
    [
        ((3, 216, 256), (8.0, 1.4, 1.4), "The number of slices is 3"),
        ((1, 216, 256), (1.0, 1.4, 1.4), "The number of slices is 1"),
        ((4, 216, 256), (8.0, 1.4, 1.4), None),
        ((216, 256, 6), (1.4, 1.4, 15.1), "The slices are 15.1 mm apart"),
        ((6, 216, 256), (15.0, 1.4, 1.4), None),
        ((20, 216, 256), (2.9, 1.4, 1.4), "The slices are 2.9 mm apart"),
        ((20, 216, 256), (3.0, 1.4, 1.4), None),
    ],
)
def test_stacks_of_no_short_axis_cine(shape, spacing_mm, words):
    found = told({"MYO": (100.0,), "LV": (100.0,)}, Geometry(shape, spacing_mm))
    assert len(found) == (words is not None)
    assert all(words in sentence for sentence in found)


def test_a_model_of_other_structures_is_not_judged():
    assert told({"LA": (1.0,)}, Geometry((2, 216, 256), (20.0, 1.4, 1.4))) == []
