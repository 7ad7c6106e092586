"""Descriptors of data sets, and splits by patient."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from septum.core import LEFT_ATRIUM, VENTRICLES, RecipeError
from septum.datasets import (
    REGISTRY,
    Split,
    acdc,
    lasc,
    load_cross_validation,
    load_split,
    make_split,
    published_keys,
    read_info,
)
from septum.datasets.splits import make_cross_validation


def write_patient(root, number, *, ed=1, es=9, group="NOR"):
    patient = f"patient{number:03d}"
    folder = root / patient
    folder.mkdir(parents=True)
    (folder / "Info.cfg").write_text(f"ED: {ed}\nES: {es}\nGroup: {group}\nHeight: 180.0\n", encoding="utf-8")
    for frame in (ed, es):
        for end in (".nii.gz", "_gt.nii.gz"):
            (folder / f"{patient}_frame{frame:02d}{end}").touch()
    return folder


def write_atrium(root, name):
    (root / name).mkdir(parents=True)
    for file in ("lgemri.nrrd", "laendo.nrrd"):
        (root / name / file).touch()
    return root / name


@pytest.mark.parametrize("below", ["", "acdc/training"])
def test_acdc_finds_both_phases_of_each_patient(tmp_path, below):
    for number, group in ((2, "DCM"), (1, "NOR")):
        write_patient(tmp_path / below, number, group=group, es=12)
    dataset = acdc(tmp_path)
    assert dataset.name == "acdc"
    assert dataset.schema == VENTRICLES
    assert [c.name for c in dataset.cases] == [
        "patient001_ED", "patient001_ES", "patient002_ED", "patient002_ES",
    ]  # fmt: skip
    case = dataset.cases[1]
    assert (case.patient, case.phase, case.group) == ("patient001", "ES", "NOR")
    assert case.image.name == "patient001_frame12.nii.gz"
    assert case.mask.name == "patient001_frame12_gt.nii.gz"
    assert dataset.patients() == {"patient001": "NOR", "patient002": "DCM"}
    assert {c.patient for c in dataset.of({"patient002"})} == {"patient002"}
    assert "Bernard" in dataset.citation


@pytest.mark.parametrize("end", [".nii.gz", "_gt.nii.gz"])
def test_acdc_with_a_missing_file_names_it(tmp_path, end):
    missing = write_patient(tmp_path, 7) / f"patient007_frame09{end}"
    missing.unlink()
    with pytest.raises(RecipeError, match="ES") as refused:
        acdc(tmp_path)
    assert str(missing) in str(refused.value)


@pytest.mark.parametrize("text", ["ED: 1\n", "ED: 1\nES: last\n", "ES: 3\n", ""])
def test_acdc_without_the_frame_of_a_phase_names_the_file(tmp_path, text):
    info = write_patient(tmp_path, 7) / "Info.cfg"
    info.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match="frame number") as refused:
        acdc(tmp_path)
    assert str(info) in str(refused.value)


def test_empty_folders_are_refused_with_what_was_expected(tmp_path):
    with pytest.raises(RecipeError, match=r"Info\.cfg"):
        acdc(tmp_path)
    with pytest.raises(RecipeError, match=r"lgemri\.nrrd"):
        lasc(tmp_path / "nowhere")


def test_info_file_by_hand(tmp_path):
    (tmp_path / "Info.cfg").write_text("ED: 1\nGroup : HCM\n\nNote: a: b\n", encoding="utf-8")
    assert read_info(tmp_path / "Info.cfg") == {"ED": "1", "Group": "HCM", "Note": "a: b"}


@pytest.mark.parametrize("below", ["", "lasc/training"])
def test_lasc_counts_each_volume_as_a_patient_and_maps_255_to_1(tmp_path, below):
    for name in ("B", "A"):
        write_atrium(tmp_path / below, name)
    dataset = lasc(tmp_path)
    assert [(c.name, c.patient) for c in dataset.cases] == [("A", "A"), ("B", "B")]
    assert dataset.schema == LEFT_ATRIUM
    assert dataset.mask_values == {255: 1}


def test_lasc_with_a_missing_mask_names_it(tmp_path):
    missing = write_atrium(tmp_path, "A") / "laendo.nrrd"
    missing.unlink()
    with pytest.raises(RecipeError) as refused:
        lasc(tmp_path)
    assert str(missing) in str(refused.value)


def test_split_of_too_few_patients_is_refused():
    with pytest.raises(RecipeError, match="need 13 patients, got 12"):
        make_split("any", {f"p{i}": "A" for i in range(12)}, test=7, folds=6, rng=np.random.default_rng(0))


@given(
    st.lists(st.sampled_from("ABCDE"), min_size=12, max_size=60), st.integers(1, 10), st.integers(2, 6),
    st.integers(0, 2**31),
)  # fmt: skip
def test_drawn_split_uses_each_patient_once_and_spreads_each_group(groups, test, folds, seed):
    assume(test + folds <= len(groups))
    patients = {f"p{i:02d}": group for i, group in enumerate(groups)}
    split = make_split("any", patients, test=test, folds=folds, rng=np.random.default_rng(seed))
    assert sorted([*split.test, *split.development]) == sorted(patients)
    assert len(split.test) == test
    assert len(split.folds) == folds
    sizes = [len(fold) for fold in split.folds]
    assert max(sizes) - min(sizes) <= 1
    for group in set(groups):
        of_group = [sum(patients[p] == group for p in fold) for fold in split.folds]
        assert max(of_group) - min(of_group) <= 1
        share = test * groups.count(group) / len(groups)
        assert abs(sum(patients[p] == group for p in split.test) - share) < 2
    for fold, held_out in enumerate(split.folds):
        assert set(split.training(fold)) == set(split.development) - set(held_out)
    again = make_split("any", patients, test=test, folds=folds, rng=np.random.default_rng(seed))
    assert again == split


@pytest.mark.parametrize(
    "split",
    [
        {"test": ["a"], "folds": [["a"], ["b"]]},
        {"test": ["a"], "folds": [["b"], ["b"]]},
        {"test": ["a", "a"], "folds": [["b"]]},
    ],
)
def test_split_with_a_patient_in_two_places_is_refused(split):
    with pytest.raises(ValidationError, match="not in both"):
        Split.model_validate({"dataset": "any", **split})


@pytest.mark.parametrize(("name", "test", "fold"), [("acdc", 20, 16), ("lasc", 16, (12, 13))])
def test_published_split_has_the_sizes_of_the_method(name, test, fold):
    split = load_split(name)
    assert split.dataset == name
    assert len(split.test) == test
    assert len(split.folds) == 5
    assert {len(f) for f in split.folds} == (set(fold) if isinstance(fold, tuple) else {fold})
    assert not set(split.test) & set(split.development)


def test_published_split_of_acdc_holds_all_its_patients():
    split = load_split("acdc")
    assert sorted([*split.test, *split.development]) == [f"patient{i:03d}" for i in range(1, 101)]


def test_published_split_of_acdc_has_four_test_patients_a_group():
    # The challenge numbers its patients by group: 20 DCM, 20 HCM, 20 MINF, 20 NOR, 20 RV.
    split = load_split("acdc")

    def block(patient):
        return (int(patient.removeprefix("patient")) - 1) // 20

    assert Counter(map(block, split.test)) == dict.fromkeys(range(5), 4)
    for fold in split.folds:
        counts = Counter(map(block, fold))
        assert set(counts) == set(range(5))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_unknown_split_is_refused():
    with pytest.raises(RecipeError, match="'mnm'"):
        load_split("mnm")


def test_published_splits_are_those_of_the_registry():
    assert set(published_keys()) == set(REGISTRY) - {"nnunet", "reviewed"}
    for name in published_keys():
        load_split(name)


@pytest.mark.skipif("SEPTUM_DATA" not in os.environ, reason="needs SEPTUM_DATA, the folder of ACDC and LASC")
@pytest.mark.parametrize("name", published_keys())
def test_real_data_set_is_complete_and_split_by_group(name):
    dataset, split = REGISTRY[name].load(Path(os.environ["SEPTUM_DATA"])), load_split(name)
    groups = dataset.patients()
    assert sorted(groups) == sorted([*split.test, *split.development])
    if name == "acdc":
        assert len(dataset.cases) == 200
        assert set(Counter(groups[p] for p in split.test).values()) == {4}
    json.dumps([c.name for c in dataset.cases])  # names are plain text


@pytest.mark.parametrize(("name", "patients", "part"), [("acdc", 100, 20), ("lasc", 80, 16)])
def test_cross_validation_tests_each_patient_once_the_published_ones_first(name, patients, part):
    crossed, published = load_cross_validation(name), load_split(name)
    splits = [crossed.split(fold) for fold in range(5)]
    assert splits[0].test == published.test
    assert all(len(split.test) == part for split in splits)
    tested = [patient for split in splits for patient in split.test]
    assert len(set(tested)) == patients
    assert set(tested) == {*published.test, *published.development}
    assert all(set(s.development) == set(tested) - set(s.test) for s in splits)


def test_published_parts_are_those_that_the_documented_draw_gives():
    split = load_split("lasc")
    groups = dict.fromkeys((*split.test, *split.development), "")
    drawn = make_cross_validation(split, groups, parts=5, rng=np.random.default_rng(2020))
    assert drawn == load_cross_validation("lasc")


def test_a_part_that_there_is_not_is_refused():
    with pytest.raises(RecipeError, match="expected a fold from 0 to 4"):
        load_cross_validation("acdc").split(5)
