"""The groups of ACDC: criteria by hand, the regression by its coefficients, sets that may be empty."""

import json
import math
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import septum
from septum.core import Index, Indices, InputError, MeasuredError, Study, Subject, WallThickness
from septum.core.pattern import GROUP_TITLES, Met
from septum.indices.definitions import DEFINITIONS
from septum.interpretation.criteria import criteria_of
from septum.interpretation.features import FEATURES, features_of
from septum.interpretation.groups import load_groups, pattern_of
from septum.metrics.scores_file import read_rows
from septum.phantom import PhantomSettings, beating_heart
from septum.report import write_report
from septum.workflows.measuring import measured
from septum.workflows.options import IndexSettings
from septum.workflows.provenance import Provenance
from septum.workflows.record import Settings, read_record, write_record
from septum_study.pattern.evaluation import nested, patients_of
from septum_study.pattern.fit import Patient, fit_groups

ROOT = Path(__file__).parents[2]
UNITS = {one.key: one.unit for one in DEFINITIONS}
BODY = Subject.of(height_m=1.75, weight_kg=75.0)
HEALTHY = {
    "lv_edv_ml": 140.0, "lv_esv_ml": 55.0, "lv_ef_percent": 60.7, "lv_mass_ed_g": 110.0,
    "rv_edv_ml": 150.0, "rv_esv_ml": 63.0, "rv_ef_percent": 58.0,
}  # fmt: skip
WALL = WallThickness((*[8.0, 7.0] * 8, None), (*[11.0, 10.5] * 8, None), (*[40.0, 50.0] * 8, None))


def indices(wall=WALL, **changed):
    values = {**HEALTHY, **changed}
    return Indices(None, {}, None, tuple(Index(k, k, v, UNITS[k]) for k, v in values.items()), wall=wall)


def keys(pattern):
    return {note.key for note in pattern.notes}


def manual():
    return patients_of(read_rows(ROOT / "studies" / "pattern" / "manual.csv"))


def test_features_are_as_by_hand():
    found = features_of(indices(), 2.0)
    assert tuple(found) == FEATURES
    assert found["lv_edv_ml_m2"] == 70.0
    assert found["mass_to_volume_g_ml"] == pytest.approx(110 / 140)
    assert found["rv_to_lv_volume"] == pytest.approx(150 / 140)
    assert (found["thickest_wall_mm"], found["weak_segments"]) == (8.0, 0.0)
    assert found["thickening_sd_percent"] == pytest.approx(np.std([40.0, 50.0] * 8, ddof=1))


@pytest.mark.parametrize(
    ("changed", "met"),
    [
        ({}, {"NOR"}),
        ({"lv_ef_percent": 30.0, "weak_segments": 5.0}, {"MINF"}),
        ({"lv_ef_percent": 30.0, "lv_edv_ml_m2": 120.0}, {"DCM"}),
        ({"lv_mass_g_m2": 120.0, "thick_segments": 3.0}, {"HCM"}),
        ({"lv_mass_g_m2": 120.0, "thick_segments": 3.0, "lv_ef_percent": 50.0}, {"NOR"}),
        ({"rv_edv_ml_m2": 115.0}, {"RV"}),
        ({"rv_ef_percent": 35.0}, {"RV"}),
    ],
)
def test_the_published_criteria_put_a_patient_where_they_say(changed, met):
    features = {**features_of(indices(), 1.9), "thick_segments": 0.0, **changed}
    _, groups = criteria_of(features, {}, 1.9)
    assert {name for name, one in groups.items() if one is Met.MET} == met
    assert set(groups) == set(GROUP_TITLES)


def test_a_value_near_a_limit_cannot_be_told_and_one_that_is_missing_neither():
    features = {**features_of(indices(), 1.9), "thick_segments": 0.0, "rv_ef_percent": 38.0}
    errors = {"rv_ef_percent": MeasuredError("difference", -4.5, 8.0, 20)}
    criteria, groups = criteria_of(features, errors, 1.9)
    (near,) = [one for one in criteria if one.text.startswith("RV ejection")]
    assert (near.met, groups["RV"], groups["NOR"]) == (Met.CANNOT_TELL, Met.CANNOT_TELL, Met.CANNOT_TELL)
    assert near.probability == pytest.approx(0.38, abs=0.05)
    criteria, groups = criteria_of({**features, "lv_mass_g_m2": None}, {}, 1.9)
    assert groups["HCM"] is Met.NOT_MET, "no segment is thick, whatever the mass"
    assert [one.met for one in criteria if one.value is None] == [Met.CANNOT_TELL]


def test_probabilities_are_those_of_the_coefficients_in_the_package():
    document = json.loads(files("septum.interpretation").joinpath("tables/acdcgroups.json").read_bytes())
    features = {name: 1.1 * c for name, c in zip(document["features"], document["centre"], strict=True)}
    z = [
        (features[n] - c) / s
        for n, c, s in zip(document["features"], document["centre"], document["scale"], strict=True)
    ]
    scores = [
        (sum(a * b for a, b in zip(row, z, strict=True)) + intercept) / document["temperature"]
        for row, intercept in zip(document["coefficients"], document["intercepts"], strict=True)
    ]
    total = sum(map(math.exp, scores))
    found = load_groups().probabilities(features)
    assert list(found.values()) == pytest.approx([math.exp(score) / total for score in scores])
    assert sum(found.values()) == pytest.approx(1.0)


def test_a_healthy_heart_is_like_the_healthy_and_an_impossible_one_like_none():
    usual = pattern_of(indices(), BODY, {})
    assert (usual.most_like, usual.likely) == ("NOR", ("NOR",))
    assert {"pattern_no_diagnosis", "pattern_of_manual_masks"} <= keys(usual)
    odd = pattern_of(indices(lv_mass_ed_g=600.0, rv_edv_ml=40.0, lv_edv_ml=400.0), BODY, {})
    assert (odd.most_like, odd.likely) == (None, ())
    assert odd.probabilities


@pytest.mark.parametrize(
    ("found", "subject", "refused", "key"),
    [
        (indices(), Subject(), False, "pattern_without_body_size"),
        (indices(wall=None), BODY, False, "pattern_incomplete"),
        (indices(rv_edv_ml=None), BODY, False, "pattern_incomplete"),
        (indices(), BODY, True, "pattern_rejected"),
    ],
)
def test_there_is_no_group_where_something_is_missing_and_a_note_says_so(found, subject, refused, key):
    pattern = pattern_of(found, subject, {}, refused=refused)
    assert (pattern.probabilities, pattern.most_like, pattern.likely) == ({}, None, ())
    assert keys(pattern) == {key}
    assert bool(pattern.criteria) is not refused


def test_the_shipped_regression_is_that_of_the_committed_features():
    shipped = load_groups()
    assert (shipped.masks, shipped.patients) == ("manual", 100)
    again = fit_groups(manual(), "manual")
    assert again.penalty == shipped.penalty
    for one in manual()[::9]:
        assert list(again.probabilities(one.features).values()) == pytest.approx(
            list(shipped.probabilities(one.features).values()), abs=1e-3
        )
    assert again.least_probability == pytest.approx(shipped.least_probability, abs=1e-3)


def test_a_fit_finds_groups_that_lie_apart_and_its_sets_hold_them():
    rng = np.random.default_rng(0)
    patients = []
    for k, name in enumerate(GROUP_TITLES):
        for i in range(20):
            values = rng.normal(0.0, 1.0, len(FEATURES))
            values[k] += 6.0
            patients.append(Patient(f"{name}{i}", name, dict(zip(FEATURES, map(float, values), strict=True))))
    folds = [frozenset(p.name for p in patients[k::5]) for k in range(5)]
    answers = nested(patients, folds)
    assert len(answers) == 100
    assert np.mean([one.most_probable == one.patient.group for one in answers]) > 0.95
    assert np.mean([one.patient.group in one.likely for one in answers]) > 0.8


def test_a_patient_without_a_feature_is_left_out():
    rows = read_rows(ROOT / "studies" / "pattern" / "manual.csv")
    rows[0] = {**rows[0], "wall_sd_mm": ""}
    assert len(patients_of(rows)) == 99


def test_files_have_a_pattern_only_where_it_is_wanted(tmp_path):
    settings = PhantomSettings(frames=3, slices=8, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=11.0)
    heart = beating_heart(np.random.default_rng(0), settings)
    study = Study(heart.cine, "a" * 64, subject=BODY)
    for wanted in (False, True):
        given = Provenance.of_given_mask(Settings(indices=IndexSettings(pattern=wanted)))
        result = measured(study, heart.truth, given, None, name="heart")
        if result.verdict == "reject":
            result = replace(result, pattern=pattern_of(result.indices, BODY, {}) if wanted else None)
        write_record(tmp_path / "a_seg.json", result.record())
        write_report(tmp_path / "a.html", result, title="a")
        document = json.loads((tmp_path / "a_seg.json").read_text())
        assert ("pattern" in document) is wanted
        assert ('id="pattern"' in (tmp_path / "a.html").read_text()) is wanted
        assert read_record(tmp_path / "a_seg.json") == result.record()
    assert len(document["pattern"]["criteria"]) == 9
    text = re.sub(r"<[^>]*>", " ", (tmp_path / "a.html").read_text())
    assert "no diagnosis" in text


def test_python_takes_the_wish_and_refuses_another_word():
    assert septum.IndexSettings(pattern=True).pattern
    with pytest.raises(InputError, match="pattern"):
        septum.IndexSettings(pattern="yes please")


def test_sets_of_other_hospitals_are_counted_over_body_sizes():
    from septum_study.pattern.evaluation import USUAL_AREAS_M2, elsewhere_table

    model = load_groups()
    middle = dict(zip(model.features, model.centre, strict=True))
    whole = {name: str(v * 1.9 if name.endswith("_m2") else v) for name, v in middle.items()}
    far = dict.fromkeys(model.features, "100000")
    rows = [
        {"source": "a", "patient": "1", **whole},
        {"source": "a", "patient": "2", **far},
        {"source": "b", "patient": "3", **whole, "wall_sd_mm": ""},
    ]
    first, second, third = elsewhere_table(rows, model).sections[0].lines
    sets = [
        model.likely({n: float(v) / (a if n.endswith("_m2") else 1) for n, v in whole.items()})
        for a in USUAL_AREAS_M2
    ]
    assert first[2:5] == tuple(
        str(sum(test(len(one)) for one in sets))
        for test in (lambda n: n == 0, lambda n: n == 1, lambda n: n > 1)
    )
    assert second[2:] == (str(len(USUAL_AREAS_M2)), "0", "0", "none")
    assert third[5] == "a feature is missing"
