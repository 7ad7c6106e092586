"""Which patients train and which validate."""

from pathlib import Path

import pytest

from septum.core import VENTRICLES, RecipeError
from septum.datasets import Case, Dataset, Split, load_split
from septum.training.partition import cases_of, partition_of

SPLIT = Split(dataset="acdc", test=("p6",), folds=(("p1", "p2"), ("p3",), ("p4", "p5")))


def dataset_of(*patients):
    cases = [
        Case(f"{p}_{phase}", p, "NOR", phase, Path(p), Path(p)) for p in patients for phase in ("ED", "ES")
    ]
    return Dataset("acdc", VENTRICLES, {}, tuple(cases), "", "")


ALL = dataset_of("p1", "p2", "p3", "p4", "p5", "p6")


def patients(cases):
    return sorted({case.patient for case in cases})


def test_fold_validates_and_the_others_train_by_patient():
    found = partition_of(ALL, SPLIT, 0, validate=True)
    assert patients(found.validation) == ["p1", "p2"]
    assert patients(found.training) == ["p3", "p4", "p5"]
    assert [case.name for case in found.validation] == ["p1_ED", "p1_ES", "p2_ED", "p2_ES"]


def test_each_patient_validates_once_and_never_where_it_trains_and_no_test_patient_is_seen():
    seen = []
    for fold in range(3):
        found = partition_of(ALL, SPLIT, fold, validate=True)
        assert not set(patients(found.training)) & set(patients(found.validation))
        assert patients((*found.training, *found.validation)) == ["p1", "p2", "p3", "p4", "p5"]
        seen += patients(found.validation)
    assert sorted(seen) == ["p1", "p2", "p3", "p4", "p5"]


def test_fold_is_left_out_of_training_even_if_nothing_validates():
    found = partition_of(ALL, SPLIT, 1, validate=False)
    assert found.validation == ()
    assert patients(found.training) == ["p1", "p2", "p4", "p5"]


def test_without_a_fold_all_that_do_not_test_train():
    found = partition_of(ALL, SPLIT, None, validate=True)
    assert patients(found.training) == ["p1", "p2", "p3", "p4", "p5"]
    assert found.validation == ()


def test_fold_that_a_small_data_set_has_not_is_refused():
    with pytest.raises(RecipeError, match=r"expected a fold from 0 to 2, since .* got 3"):
        partition_of(ALL, SPLIT, 3, validate=True)


def test_missing_patient_is_named():
    with pytest.raises(RecipeError) as refused:
        partition_of(dataset_of("p1", "p2", "p3", "p4", "p6"), SPLIT, 0, validate=True)
    assert str(refused.value) == (
        "acdc: the split needs 3 patients here, but the data folder lacks p5; restore their folders."
    )
    with pytest.raises(RecipeError, match="lacks p1, p2, p3 and 2 more; restore"):
        cases_of(dataset_of("p6"), ["p1", "p2", "p3", "p4", "p5", "p6"])


@pytest.mark.parametrize(("name", "test", "rest"), [("acdc", 20, 80), ("lasc", 16, 64)])
def test_published_folds_are_disjoint_by_patient_and_hold_everyone_once(name, test, rest):
    split = load_split(name)
    folds = [patient for fold in split.folds for patient in fold]
    assert len(split.folds) == 5
    assert (len(set(split.test)), len(split.test)) == (test, test)
    assert (len(set(folds)), len(folds)) == (rest, rest)
    assert not set(folds) & set(split.test)
    for fold, held_out in enumerate(split.folds):
        assert set(split.training(fold)) == set(folds) - set(held_out)
