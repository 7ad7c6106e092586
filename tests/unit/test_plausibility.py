"""Flags of numbers that no heart gives, and none about those of hearts."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, CardiacPhases, Geometry, Indices
from septum.quality.rules import plausibility_flags

SCORES = Path(__file__).parents[2] / "studies" / "production" / "cine" / "test_scores.csv"
HEART = Geometry((10, 216, 256), (10.0, 1.4, 1.4))


def keys(volumes_ml, geometry=HEART, *, schema=VENTRICLES, phases=None):
    return [flag.key for flag in plausibility_flags(Indices(phases, volumes_ml, None, ()), schema, geometry)]


@pytest.mark.parametrize("column", ["true_ml", "predicted_ml"])
def test_no_heart_of_the_test_set_is_flagged(column):
    cases: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
    with SCORES.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            cases[row["case"]][row["structure"]] = (float(row[column]),)
    assert len(cases) == 40
    assert {case: keys(volumes) for case, volumes in cases.items() if keys(volumes)} == {}


@pytest.mark.parametrize(
    ("myo", "lv", "key"),
    [
        (34.0, 100.0, "little_myocardium"),
        (35.0, 100.0, None),
        (30.0, 14.9, "small_lv"),
        (30.0, 15.0, None),
        (19.9, 50.0, "small_myo"),
        (20.0, 50.0, None),
        (0.0, 100.0, None),  # missing structures have a flag of their own
        (30.0, 0.0, None),
    ],
)
def test_volumes_of_no_heart(myo, lv, key):
    assert keys({"RV": (100.0,), "MYO": (myo,), "LV": (lv,)}) == ([] if key is None else [key])


def test_end_diastole_counts():
    volumes = {"MYO": (10.0, 100.0), "LV": (40.0, 100.0)}
    assert keys(volumes, phases=CardiacPhases(1, 0, 1.0)) == []
    assert keys(volumes, phases=CardiacPhases(0, 1, 1.0)) == ["little_myocardium", "small_myo"]


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "key"),
    [
        ((3, 216, 256), (8.0, 1.4, 1.4), "few_slices"),
        ((1, 216, 256), (1.0, 1.4, 1.4), "few_slices"),
        ((4, 216, 256), (8.0, 1.4, 1.4), None),
        ((216, 256, 6), (1.4, 1.4, 15.1), "slice_distance"),
        ((6, 216, 256), (15.0, 1.4, 1.4), None),
        ((20, 216, 256), (2.9, 1.4, 1.4), "slice_distance"),
        ((20, 216, 256), (3.0, 1.4, 1.4), None),
    ],
)
def test_stacks_of_no_short_axis_cine(shape, spacing_mm, key):
    found = keys({"RV": (100.0,), "MYO": (100.0,), "LV": (100.0,)}, Geometry(shape, spacing_mm))
    assert found == ([] if key is None else [key])


def test_a_model_of_other_structures_is_not_judged():
    assert keys({"LA": (1.0,)}, Geometry((2, 216, 256), (20.0, 1.4, 1.4)), schema=LEFT_ATRIUM) == []
