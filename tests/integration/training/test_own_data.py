"""Somebody's own folder, a recipe of ten lines, ``septum train``, ``septum segment``."""

import json
import logging
import re
import shutil

import numpy as np
import pytest

from septum.core import Cine
from septum.datasets import HeldOut
from septum.inference import open_bundle
from septum.io import read_mask, write_image
from septum.metrics import dice
from septum.training import command
from septum.training.recipe_file import load_recipe
from septum.training.seen_images import read_seen
from support.nnunet_folder import LABELS, describe, small_heart, write_phantoms
from support.pages import ROOT, blocks

#: The recipe of the page, and ways to say who tests.
DOCUMENTED, *HELD_OUT = blocks(ROOT / "docs/how-to/train-on-your-own-data.md", "toml")
#: The same, shortened.
RECIPE = """
extends = "documented"
localiser_folds = 2
localiser = { optimisation = { epochs = 1, steps_per_epoch = 1 } }
segmenter = { optimisation = { epochs = 1, steps_per_epoch = 2 } }
"""


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Four patients in nnU-Net's layout, which states no terms."""
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    write_phantoms(folder, 4, np.random.default_rng(3), name="Four phantoms")
    return folder


@pytest.fixture
def folder(phantoms, tmp_path):
    """A copy of them in data/, and the recipe."""
    shutil.copytree(phantoms, tmp_path / "data")
    (tmp_path / "mine.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "documented.toml").write_text(DOCUMENTED, encoding="utf-8")
    return tmp_path


@pytest.fixture
def train(septum, folder, monkeypatch):
    """The command line; called without standard logging, which would outlive the test."""
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)

    def run():
        words = ("train", folder / "mine.toml", "--data", folder / "data", "--threads", 1)
        return septum(*words, "--run", folder / "run")

    return run


def test_own_folder_and_a_short_recipe_make_a_bundle_that_segments(septum, train, folder):
    answer = train()
    assert answer.code == 0, answer.err
    assert "on 1 test patient; bundle in" in answer.out
    run, bundle = folder / "run", folder / "run" / "bundle"

    split = json.loads((run / "split.json").read_text(encoding="utf-8"))
    (tested,) = split["test"]
    scores = (run / "test_scores.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {line.split(",")[0] for line in scores} == {f"{tested}_ED", f"{tested}_ES"}
    regions = json.loads((run / "regions.json").read_text(encoding="utf-8"))["regions"]
    everyone = {f"patient{n:02d}_{phase}" for n in range(1, 5) for phase in ("ED", "ES")}
    assert set(regions) == everyone - {f"{tested}_ED", f"{tested}_ES"}

    card, licence = ((bundle / name).read_text("utf-8") for name in ("MODEL_CARD.md", "LICENSE.md"))
    assert "3 patients (6 volumes) of Four phantoms" in card
    assert "measured on 1 test patient (2 volumes) drawn by the recipe's seed" in card
    assert "published" not in card
    assert re.search(r"patient\d", card) is None, "no case of the data is named"
    assert "| LV volume (ml) | 2 |" in card
    # Of one patient there is a comparison with the start, and no interval.
    assert "Compared with cine, from which training started" in card
    assert "There is no interval of one patient" in card
    assert "Compared with cine" in answer.out
    start = (run / "test_scores_start.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[0] for line in start] == [line.split(",")[0] for line in scores]
    assert "were in the training" not in card
    assert len(read_seen(bundle)) == len(read_seen(open_bundle("cine").folder)) + 6
    log = (run / "train.log").read_text(encoding="utf-8")
    assert "segmenter epoch 1/1 loss" in log
    assert "mean Dice" in log.splitlines()[-1]
    assert (run / "segmenter" / "learning_curve.svg").is_file()
    assert "**not stated** with it" in licence
    # It started from weights that were learnt from ACDC, whose terms go along.
    assert "**free for research, non-commercial use only, citation mandatory**" in licence
    assert "Bernard" in licence
    assert open_bundle(bundle).manifest.licence.startswith("not stated with the data; and those of cine")

    heart = small_heart(np.random.default_rng(11))
    write_image(folder / "new.nii.gz", Cine(heart.cine.array, heart.cine.geometry))
    answer = septum("segment", folder / "new.nii.gz", "-o", folder, "--model", bundle)
    assert answer.code == 0, answer.err
    mask = read_mask(folder / "new_seg.nii.gz").cine.array
    assert dice(mask == LABELS["LV"], heart.truth.labels == LABELS["LV"]) > 0.8


def test_patients_that_chose_the_epoch_count_as_seen(train, folder):
    optimisation = "optimisation = { epochs = 1, steps_per_epoch = 2, patience = 1, ema = 0 }"
    recipe = RECIPE.replace("optimisation = { epochs = 1, steps_per_epoch = 2 }", optimisation)
    (folder / "mine.toml").write_text(f"fold = 0\n{recipe}", encoding="utf-8")
    answer = train()
    assert answer.code == 0, answer.err
    bundle = open_bundle(folder / "run" / "bundle")
    assert bundle.manifest.provenance["training_volumes"] == 4
    assert len(read_seen(bundle.folder)) == len(read_seen(open_bundle("cine").folder)) + 6


@pytest.mark.parametrize("who", HELD_OUT)
def test_ways_to_say_who_tests_are_valid_as_documented(tmp_path, who):
    (tmp_path / "mine.toml").write_text(DOCUMENTED + who, encoding="utf-8")
    assert load_recipe(tmp_path / "mine.toml").held_out != HeldOut()


def test_run_that_was_begun_with_other_patients_is_refused(train, folder):
    (folder / "run").mkdir()
    (folder / "run" / "split.json").write_text("{}", encoding="utf-8")
    answer = train()
    assert answer.code == 5, answer.err
    assert "this run was begun with other patients or another split" in answer.err


def test_bad_file_and_unfit_recipe_are_told_before_anything_is_trained(train, folder, monkeypatch):
    monkeypatch.setattr(command, "MultiStageRun", None)  # training would fail
    labels = folder / "data" / "labelsTr" / "patient04_ES.nii.gz"
    labels.write_bytes(b"no mask")
    answer = train()
    assert answer.code == 3, answer.err
    assert str(labels) in answer.err
    describe(folder / "data", 8, labels=LABELS | {"LA": 4})
    answer = train()
    assert answer.code == 5, answer.err
    assert "the data has 4 structures, so the segmenter needs out_channels = 5, got 4" in answer.err
