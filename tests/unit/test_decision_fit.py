"""Fitting of the decision on slices: each patient's probability comes from the others."""

from pathlib import Path

import numpy as np
import pytest

from septum.core import VENTRICLES
from septum.inference import load_model, open_bundle
from septum.phantom import PhantomSettings, beating_heart
from septum_study.calibration.decision import (
    RecordingDecider,
    SliceRow,
    agreements,
    decide_by,
    fit_slices,
    left_out,
    probability_of,
    read_slices,
    without,
)

SLICES = Path(__file__).resolve().parents[2] / "studies" / "production" / "cine" / "slices.csv"


def row(patient, z, sure, true, drawn=10):
    """A slice whose largest probability says what is there, or not."""
    signs = (sure, sure, 1.0, 1.0, 0.0, 0.0, 0.0)
    return SliceRow(patient, "ED", "LV", z, signs, 1.0, drawn, true, min(true, drawn))


def patients(names, sign=1.0):
    return [row(name, z, sign * (z - 2.5), 10 * (z > 2)) for name in names for z in range(6)]


def test_weights_follow_the_sign_that_tells():
    weights = fit_slices(patients("abc"))["LV"]
    assert probability_of(row("d", 0, 4.0, 0), weights) > 0.8
    assert probability_of(row("d", 0, -4.0, 0), weights) < 0.2


def test_the_signs_that_weights_are_fitted_on_are_those_of_a_model():
    cine = beating_heart(np.random.default_rng(1), PhantomSettings(frames=1, matrix=(144, 144))).cine
    model, taken = load_model("cine"), []
    decide_by(model, RecordingDecider.of(VENTRICLES, {"MYO": -0.2}, lambda *signs: taken.append(signs)))
    found = model.segment_volume(cine.frame(0))
    ((signs, areas),) = taken
    assert signs.shape == (3, len(found.labels), 7)
    assert (areas > 0).tolist() == [(found.labels == v).any(axis=(1, 2)).tolist() for v in VENTRICLES.values]
    own = load_model("cine").segment_volume(cine.frame(0)).evidence.presence
    weights = open_bundle("cine").manifest.decision.slices["LV"]
    told = [1 / (1 + np.exp(-(one @ np.array(weights.weights) + weights.intercept))) for one in signs[2]]
    assert own[2] == pytest.approx(told, abs=1e-3)


def test_a_patient_has_no_part_in_its_own_probability():
    contrary = patients("z", sign=-1.0)
    alone, among = left_out(patients("abc")), left_out([*patients("abc"), *contrary])
    own = [one.probability for one in among if one.patient == "z"]
    by_others = fit_slices(patients("abc"))["LV"]
    assert own == [pytest.approx(probability_of(one, by_others), abs=1e-4) for one in contrary]
    assert [one.probability for one in alone] != [one.probability for one in among if one.patient != "z"]


def test_agreement_counts_slices_and_voxels_before_and_after():
    rows = [
        SliceRow("a", "ES", "LV", z, (0.0,) * 7, 1.0, drawn, true, common, probability)
        for z, (drawn, true, common, probability) in enumerate(
            [(4, 0, 0, 0.2), (8, 8, 8, 0.9), (0, 6, 0, 0.3), (4, 4, 2, 0.6)]
        )
    ]
    (before,), (after,) = (agreements(rows, decided=decided) for decided in (False, True))
    assert (before.too_many, before.missed, before.excess) == (1, 1, -2)
    assert before.dice == pytest.approx(20 / 34)
    assert (after.too_many, after.missed, after.excess) == (0, 1, -6)
    assert after.dice == pytest.approx(20 / 30)


def test_the_shipped_decision_is_the_one_of_the_committed_cases():
    decision = open_bundle("cine").manifest.decision
    rows = read_slices(SLICES)
    assert decision.patients == len({one.patient for one in rows})
    for name, weights in fit_slices(rows).items():
        assert weights.weights == pytest.approx(decision.slices[name].weights, abs=2e-3)
        assert weights.intercept == pytest.approx(decision.slices[name].intercept, abs=1e-2)
    first = rows[0].patient
    assert without(decision, rows, first).patients == decision.patients - 1
    assert without(decision, rows, first).logit_shift == decision.logit_shift


def test_committed_probabilities_leave_the_patient_out():
    rows = read_slices(SLICES)
    patient = rows[-1].patient
    weights = fit_slices(one for one in rows if one.patient != patient)
    for one in rows:
        if one.patient == patient:
            assert one.probability == pytest.approx(probability_of(one, weights[one.structure]), abs=2e-3)
