"""The bundle that ships, on what it has not seen: the phantom, and patients of the test set."""

import csv
from pathlib import Path

import numpy as np
import pytest

from septum.datasets import acdc, load_split
from septum.inference import load_model, open_bundle
from septum.metrics import score, summarise
from septum.phantom import beating_heart
from septum.training.assessment import assess

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "studies" / "production" / "cine" / "test_scores.csv"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def model():
    return load_model("cine", threads=2)


def committed_rows():
    with RESULTS.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_bundle_is_small_and_carries_its_terms():
    bundle = open_bundle("cine")
    assert sum(file.stat().st_size for file in bundle.folder.iterdir()) <= 15 * MEGABYTE
    assert "non-commercial" in (bundle.folder / "LICENSE.md").read_text(encoding="utf-8")
    assert "non-commercial" in bundle.manifest.licence
    assert "10.1109/TMI.2018.2837502" in (bundle.folder / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", [0, 1])
def test_the_phantom_is_segmented_by_a_model_that_has_seen_patients_only(model, seed):
    phantom = beating_heart(np.random.default_rng(seed))
    scores = []
    for t in (phantom.end_diastole, phantom.end_systole):
        found = model.segment_volume(phantom.cine.frame(t))
        truth = phantom.truth
        scores += score(found.labels, truth.labels[t], truth.schema, truth.geometry)
    assert summarise(scores).dice.mean >= 0.8
    assert not any(one.missed for one in scores)


def test_committed_results_cover_exactly_the_published_test_patients():
    rows = committed_rows()
    assert {row["patient"] for row in rows} == set(load_split("acdc").test)
    assert len(rows) == 20 * 2 * 3
    assert np.mean([float(row["dice"]) for row in rows]) == pytest.approx(
        open_bundle("cine").manifest.accuracy["mean_dice"], abs=1e-4
    )


def test_committed_results_are_good_enough_to_ship():
    rows = committed_rows()
    assert np.mean([float(row["dice"]) for row in rows]) >= 0.85
    assert {float(row["foreground_inside"]) for row in rows} == {1.0}


def test_committed_results_come_out_again(model, data_folder):
    patients = load_split("acdc").test[:2]
    committed = {(row["case"], row["structure"]): float(row["dice"]) for row in committed_rows()}
    for result in assess(model, acdc(data_folder), patients):
        assert result.score.dice == pytest.approx(committed[result.case, result.score.structure], abs=0.005)
