"""The bundle that ships, on what it has not seen: the phantom, and patients of the test set."""

import csv
from pathlib import Path

import numpy as np
import pytest

from septum.core import Verdict
from septum.datasets import REGISTRY, load_split
from septum.inference import ModelOptions, load_model, open_bundle
from septum.metrics import score, summarise
from septum.phantom import PhantomSettings, beating_heart
from septum.training.assessment import assess
from septum.workflows.lazy_model import LazyModel
from septum.workflows.segment import segment_file

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ROOT / "studies" / "production"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def model():
    return load_model("cine", threads=2)


def committed_rows(name):
    with (PRODUCTION / name / "test_scores.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("name", "terms", "doi_or_journal"),
    [("cine", "non-commercial", "10.1109/TMI.2018.2837502"), ("la", "research use only", "Xiong et al.")],
)
def test_a_bundle_is_small_and_carries_its_terms(name, terms, doi_or_journal):
    bundle = open_bundle(name)
    assert sum(file.stat().st_size for file in bundle.folder.iterdir()) <= 8 * MEGABYTE
    assert terms in (bundle.folder / "LICENSE.md").read_text(encoding="utf-8")
    assert terms in bundle.manifest.licence
    assert doi_or_journal in (bundle.folder / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", [0, 1])
def test_the_phantom_is_segmented_by_a_model_that_has_seen_patients_only(model, seed):
    phantom = beating_heart(np.random.default_rng(seed), PhantomSettings(frames=2))
    scores = []
    for t in (phantom.end_diastole, phantom.end_systole):
        found = model.segment_volume(phantom.cine.frame(t))
        truth = phantom.truth
        scores += score(found.labels, truth.labels[t], truth.schema, truth.geometry)
    assert summarise(scores).dice.mean >= 0.8
    assert not any(one.missed for one in scores)


@pytest.mark.parametrize(("name", "dataset", "masks"), [("cine", "acdc", 20 * 2 * 3), ("la", "lasc", 16)])
def test_committed_results_cover_exactly_the_published_test_patients(name, dataset, masks):
    rows = committed_rows(name)
    assert {row["patient"] for row in rows} == set(load_split(dataset).test)
    assert len(rows) == masks
    assert np.mean([float(row["dice"]) for row in rows]) == pytest.approx(
        open_bundle(name).manifest.accuracy["mean_dice"], abs=1e-4
    )


@pytest.mark.parametrize(("name", "least"), [("cine", 0.89), ("la", 0.905)])
def test_committed_results_are_good_enough_to_ship(name, least):
    rows = committed_rows(name)
    assert np.mean([float(row["dice"]) for row in rows]) >= least
    assert {float(row["foreground_inside"]) for row in rows} == {1.0}


@pytest.mark.parametrize("name", ["cine", "la"])
def test_committed_results_come_out_again(name, data_folder):
    dataset = REGISTRY[str(open_bundle(name).manifest.provenance["dataset"])].load(data_folder)
    patients = load_split(dataset.name).test[:2]
    committed = {(row["case"], row["structure"]): float(row["dice"]) for row in committed_rows(name)}
    for result in assess(load_model(name, threads=2), dataset, patients):
        assert result.score.dice == pytest.approx(committed[result.case, result.score.structure], abs=0.005)


@pytest.mark.parametrize(("name", "other"), [("cine", "lasc"), ("la", "acdc")])
def test_an_image_of_the_other_kind_is_warned_of_and_its_own_is_not(name, other, data_folder, tmp_path):
    own = str(open_bundle(name).manifest.provenance["dataset"])
    for dataset, warned in ((own, False), (other, True)):
        case = next(iter(REGISTRY[dataset].load(data_folder).of(set(load_split(dataset).test))))
        result = segment_file(case.image, LazyModel(name, ModelOptions(threads=2)), tmp_path / dataset)
        assert ("unlike_training_images" in [flag.key for flag in result.record.quality.flags]) == warned
        assert (result.record.quality.verdict is Verdict.REJECT) == warned
