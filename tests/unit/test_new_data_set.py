"""A new published data set is a descriptor and its name in the registry: recipes and studies run on it."""

from __future__ import annotations

import numpy as np
import pytest

from septum.core import VENTRICLES, RecipeError
from septum.datasets import (
    REGISTRY,
    Case,
    Dataset,
    Descriptor,
    PublishedFacts,
    load_split,
    make_split,
    published_keys,
)
from septum.datasets.splits import make_cross_validation
from septum.training.partition import partition_of
from septum.training.recipe_file import load_recipe
from septum.training.sources import dataset_of, split_of
from septum_study.cost import cost_of, forward_flop
from septum_study.declaration import load_study
from septum_study.estimate import case_numbers
from septum_study.miniature import data_below
from septum_study.robustness.perturbations import PERTURBATIONS, levels_of
from septum_study.robustness.report import levels_table
from septum_study.tables import table
from support.study_results import cells, result, save

KEY, TITLE, NOTE = "toy", "Toy hearts", "The hearts are toys."
PATIENTS = [f"p{number:02d}" for number in range(12)]
RECIPE = 'name = "a"\ntitle = "toys"\nextends = "production/cine-cpu"\ndataset = "toy"\n'
STUDY = """
name = "toys"
title = "Toys"
split = "published"
folds = 2
order = "folds"
presentation = ["a"]
tables = { one = { title = "Scores" }, two = { title = "Regions", kind = "localisation" } }

[[rows]]
key = "a"
recipe = "a.toml"
label = "ours"
dataset = "toy"
filters = 8
tables = ["one", "two"]
origin = "added"
"""


def load(root):
    cases = tuple(
        Case(patient, patient, "", "", root / f"{patient}.nii.gz", root / f"{patient}_mask.nii.gz")
        for patient in PATIENTS
    )
    return Dataset(KEY, VENTRICLES, {}, cases, "Toy et al.", "free", title=TITLE)


@pytest.fixture
def toy(monkeypatch, tmp_path):
    splits = tmp_path / "splits"
    splits.mkdir()
    groups = dict.fromkeys(PATIENTS, "")
    split = make_split(KEY, groups, test=3, folds=5, rng=np.random.default_rng(0))
    crossed = make_cross_validation(split, groups, parts=4, rng=np.random.default_rng(0))
    (splits / "toy.json").write_text(split.model_dump_json(), encoding="utf-8")
    (splits / "toy-cross-validation.json").write_text(crossed.model_dump_json(), encoding="utf-8")
    facts = PublishedFacts(splits, input="cine", most_slices=12, caveat="toys", note=NOTE)
    one = Descriptor(KEY, TITLE, load, facts)
    monkeypatch.setitem(REGISTRY, KEY, one)
    return one


@pytest.fixture
def recipe_file(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(RECIPE, encoding="utf-8")
    return file


@pytest.fixture
def study(toy, recipe_file, tmp_path):  # noqa: ARG001  # it names both
    file = tmp_path / "toys.toml"
    file.write_text(STUDY, encoding="utf-8")
    return load_study(str(file))


def test_a_recipe_trains_on_it_by_its_published_split(toy, recipe_file, tmp_path):
    recipe = load_recipe(recipe_file)
    dataset = dataset_of(recipe, tmp_path)
    split = split_of(recipe, dataset)
    assert (dataset.called, split) == (toy.title, load_split(KEY))
    partition = partition_of(dataset, split, 0, validate=True)
    assert {case.patient for case in partition.training}.isdisjoint(split.test)


@pytest.mark.usefixtures("toy")
def test_its_split_is_not_the_recipes_to_tell(recipe_file):
    recipe_file.write_text(f"{RECIPE}held_out = {{ share = 0.5 }}\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="split of toy are published"):
        load_recipe(recipe_file)


def test_a_recipe_transfers_from_it(toy, tmp_path):
    recipe = tmp_path / "b.toml"
    base = 'name = "b"\ntitle = "b"\nextends = "paper/lasc-yang-full"\n'
    recipe.write_text(f'{base}[refinements.transfer]\ndataset = "{KEY}"\n', encoding="utf-8")
    assert load_recipe(recipe).refinements.transfer.dataset == toy.key


@pytest.mark.parametrize("where", ["recipe", "study"])
def test_without_its_line_it_is_refused_with_the_names_that_there_are(where, recipe_file, tmp_path):
    file = tmp_path / "toys.toml"
    file.write_text(STUDY, encoding="utf-8")
    with pytest.raises(RecipeError) as refused:
        load_recipe(recipe_file) if where == "recipe" else load_study(str(file))
    message = str(refused.value)
    assert all(repr(name) in message for name in (KEY, *published_keys()))
    assert "Value error" not in message


def test_a_study_counts_its_cases_and_operations(toy, study, recipe_file):
    split, cases = load_split(KEY), case_numbers(study)
    assert cases[KEY] == (max(map(len, split.folds)), len(split.test))
    crossed = study.model_copy(update={"split": "cross_validation"})
    assert case_numbers(crossed)[KEY] == (0, 3)
    recipe = load_recipe(recipe_file)
    segmenter = cost_of(recipe, cases)[-1]
    assert recipe.segmenter.preprocessing.size is None
    size = (toy.facts.most_slices, *recipe.segmenter.patch.size)
    assert segmenter.forward_flop == forward_flop(recipe.segmenter.network, size)


def test_a_study_that_cross_validates_leaves_out_what_has_no_parts(study, toy):
    (toy.facts.splits / "toy-cross-validation.json").unlink()
    crossed = study.model_copy(update={"split": "cross_validation"})
    assert set(case_numbers(crossed)) == {"acdc", "lasc"}


def test_a_study_shows_its_scores_and_its_regions(study, tmp_path):
    save(tmp_path, [result("a", 0, "p01", "", "LV", 0.9), result("a", 0, "p02", "", "LV", 0.7)])
    scores, regions = (table(study, tmp_path, name) for name in ("one", "two"))
    assert cells(scores, "ours")["Dice: ours"].startswith("0.800")
    assert [section.title for section in regions.sections] == [TITLE]
    assert all(NOTE in shown.notes for shown in (scores, regions))


def test_its_robustness_is_measured_at_the_levels_of_its_kind_of_images(toy):
    assert all(levels_of(name, KEY) == levels_of(name, "acdc") for name in PERTURBATIONS)
    assert levels_table().columns[-1].title == toy.title
    assert toy.heading == f"{TITLE} (toys)"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return data_below(tmp_path_factory.mktemp("miniature"))


@pytest.mark.parametrize("key", published_keys())
def test_what_is_said_beforehand_agrees_with_what_the_folder_holds(key, data):
    dataset, facts = REGISTRY[key].load(data), REGISTRY[key].facts
    assert (dataset.name, dataset.called, dataset.input) == (key, REGISTRY[key].title, facts.input)
    assert len(dataset.cases) == facts.cases_per_patient * len(dataset.patients())
