"""One's own data in nnU-Net's layout: what is read of it, what is refused, who tests."""

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, RecipeError
from septum.datasets import HeldOut, by_patient, hold_out, nnunet
from support.nnunet_folder import LABELS, describe, write_empty

PAIRS = ("anna_ED", "anna_ES", "ben_ED", "ben_ES", "cleo_ED", "cleo_ES")


def test_cases_and_structures_are_those_of_the_folder(tmp_path):
    write_empty(tmp_path, "b_2", "a", name="Ours", licence="CC BY 4.0", reference="Doe 2020", release="1.0")
    (tmp_path / "imagesTr" / ".hidden_0000.nii.gz").touch()
    (tmp_path / "labelsTr" / "notes.txt").touch()
    dataset = nnunet(tmp_path)
    assert [(c.name, c.patient, c.group, c.phase) for c in dataset.cases] == [
        ("a", "a", "", ""), ("b_2", "b_2", "", ""),
    ]  # fmt: skip
    assert dataset.cases[1].image == tmp_path / "imagesTr" / "b_2_0000.nii.gz"
    assert dataset.cases[1].mask == tmp_path / "labelsTr" / "b_2.nii.gz"
    assert dataset.schema == VENTRICLES, "known names keep their meaning and colour"
    assert (dataset.called, dataset.terms, dataset.citation) == ("Ours", "CC BY 4.0", "Doe 2020")


@pytest.mark.parametrize(
    "licence",
    [None, "Whoever converted this dataset was lazy and didn't look it up!"],
    ids=["none", "default"],
)
def test_description_of_version_1_is_understood_and_what_it_does_not_state_is_empty(tmp_path, licence):
    labels = {"2": "scar", "1": "LA", "0": "background", "3": "RV"}
    write_empty(
        tmp_path, "a", channel_names=None, modality={"0": "MRI"}, labels=labels, licence=licence,
        ending=".nrrd",
    )  # fmt: skip
    dataset = nnunet(tmp_path)
    assert [(s.name, s.value) for s in dataset.schema.structures] == [("LA", 1), ("scar", 2), ("RV", 3)]
    assert dataset.schema.structures[0].meaning == LEFT_ATRIUM.structures[0].meaning
    assert len({s.colour for s in dataset.schema.structures}) == 3
    assert (dataset.terms, dataset.citation) == ("", "")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": {"background": 0, "whole": [1, 2], "core": 2}}, "got regions"),
        ({"labels": LABELS | {"ignore": 4}}, "no ignore label"),
        ({"labels": {"background": 0, "LV": 1, "RV": 3}}, r"expected the values 0 \(background\), 1, 2"),
        ({"labels": {"background": 0}}, "expected the values 0"),
        ({"labels": {"background": 0, "LV": "one"}}, "expected the values 0"),
        ({"labels": {"0": "background", "1": "LV", "2": "LV"}}, "a name of its own"),
        ({"labels": None}, "labels: expected a value"),
        ({"channel_names": {"0": "T1", "1": "T2"}}, "one channel, got 2"),
        ({"channel_names": None}, "channel_names: expected a value"),
        ({"file_ending": ".png"}, r"file_ending: expected one of .*\.nrrd.*, got '\.png'"),
        ({"file_ending": ".nrrd"}, "found none"),
        ({"channel_names": 3}, "channel_names: expected a table of settings or a list, got 3"),
        ({"numTraining": "two"}, "numTraining: expected a whole number, got 'two'"),
        ({"name": 7}, "name: expected text in quotes, got 7"),
        ({"numTraining": 3}, "numTraining: expected the number of images in imagesTr, 2, got 3"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_key(tmp_path, changes, told):
    write_empty(tmp_path, "a", "b")
    describe(tmp_path, **{"cases": 2, **changes})
    with pytest.raises(RecipeError, match=told) as refused:
        nnunet(tmp_path)
    assert str(refused.value).count(". ") == 0, "one sentence"


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("labelsTr/a.nii.gz", "imagesTr/a_0000.nii.gz: expected a.nii.gz in labelsTr"),
        ("imagesTr/b_0000.nii.gz", "labelsTr/b.nii.gz: expected b_0000.nii.gz in imagesTr"),
        ("dataset.json", "dataset.json: expected the description"),
    ],
)
def test_file_that_is_missing_is_named(tmp_path, gone, told):
    write_empty(tmp_path, "a", "b")
    (tmp_path / gone).unlink()
    with pytest.raises(RecipeError) as refused:
        nnunet(tmp_path)
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["c.nii.gz", "a_0001.nii.gz", "_0000.nii.gz"])
def test_image_without_the_number_of_its_only_channel_is_refused(tmp_path, name):
    write_empty(tmp_path, "a")
    (tmp_path / "imagesTr" / name).touch()
    with pytest.raises(RecipeError, match="NAME_0000") as refused:
        nnunet(tmp_path)
    assert str(tmp_path / "imagesTr" / name) in str(refused.value)


def test_other_folder_and_damaged_description_are_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"dataset\.json.*cannot be read"):
        nnunet(tmp_path)
    describe(tmp_path, 1)
    with pytest.raises(RecipeError, match="imagesTr: expected a folder"):
        nnunet(tmp_path)
    (tmp_path / "dataset.json").write_text("{", encoding="utf-8")
    with pytest.raises(RecipeError, match="not valid JSON"):
        nnunet(tmp_path)


def test_pattern_tells_the_patient_and_fits_every_name(tmp_path):
    write_empty(tmp_path, *PAIRS)
    dataset = by_patient(nnunet(tmp_path), "([a-z]+)_")
    assert dataset.patients() == {"anna": "", "ben": "", "cleo": ""}
    assert [c.name for c in dataset.of({"ben"})] == ["ben_ED", "ben_ES"]
    with pytest.raises(RecipeError, match="got 'ben_ED'"):
        by_patient(dataset, "(anna)_")
    with pytest.raises(RecipeError, match="got 'anna_ED'"):
        by_patient(dataset, "(x?)")


def held_out(folder, settings, seed=0, pattern="([a-z]+)_"):
    return hold_out(by_patient(nnunet(folder), pattern), settings, np.random.default_rng(seed))


def test_a_share_is_drawn_by_the_seed_and_at_least_one_patient_tests(tmp_path):
    write_empty(tmp_path / "few", *PAIRS)
    write_empty(tmp_path / "many", *(f"{letter}_1" for letter in "abcdefghijklmno"))
    few = held_out(tmp_path / "few", HeldOut())
    assert (len(few.test), len(few.development), len(few.folds)) == (1, 2, 2)
    assert len(held_out(tmp_path / "few", HeldOut(share=0.9)).test) == 1, "two are left to train"
    many = held_out(tmp_path / "many", HeldOut())
    assert (len(many.test), len(many.development), len(many.folds)) == (3, 12, 5)
    assert held_out(tmp_path / "many", HeldOut()) == many
    assert len({held_out(tmp_path / "many", HeldOut(), seed).test for seed in range(5)}) > 1


def test_named_patients_test_and_all_others_train(tmp_path):
    write_empty(tmp_path, *PAIRS)
    split = held_out(tmp_path, HeldOut(patients=("ben",)))
    assert (split.test, split.development) == (("ben",), ("anna", "cleo"))
    with pytest.raises(RecipeError, match="such as 'anna', got 'dora'"):
        held_out(tmp_path, HeldOut(patients=("ben", "dora")))
    with pytest.raises(RecipeError, match="at least 2 patients that do not test, got 1 of 3"):
        held_out(tmp_path, HeldOut(patients=("ben", "anna")))


def test_two_patients_are_too_few_and_it_is_told_what_is_needed(tmp_path):
    write_empty(tmp_path, *PAIRS[:4])
    with pytest.raises(
        RecipeError, match="at least 3 patients, 2 to train and one to test, got 2 with 4 images"
    ):
        held_out(tmp_path, HeldOut())
