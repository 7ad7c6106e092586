"""The table of rows that nobody has published, from made-up results, each number worked by hand."""

import pytest

from septum_study.tables import table
from support.study_results import cells, missed, result, save, small_study

STUDY = small_study(
    split="cross_validation",
    tables={name: {"title": name, "kind": "summary"} for name in ("2", "3", "4", "localisation")},
)


@pytest.fixture
def results(tmp_path):
    """Patient a is tested by the model of fold 0, patient b by that of fold 1."""
    of_a = [
        result("other", 0, "a", "ED", "LV", 0.9, 4.0, predicted_ml=100, true_ml=100),
        result("other", 0, "a", "ES", "LV", 0.8, 6.0, predicted_ml=50, true_ml=40),
        result("other", 0, "a", "ED", "MYO", 0.4, 10.0, predicted_ml=90, true_ml=100),
    ]
    of_b = [
        result("other", 1, "b", "ED", "LV", 0.9, 4.0, predicted_ml=100, true_ml=100),
        result("other", 1, "b", "ES", "LV", 0.7, 8.0, predicted_ml=50, true_ml=54),
        missed("other", 1, "b", "ED", "MYO"),
    ]
    save(tmp_path, of_a, data="of a")
    save(tmp_path, of_b, data="of b")
    return tmp_path


def test_a_line_pools_the_patients_of_all_folds(results):
    line = cells(table(STUDY, results, "3"), "Other")
    assert (line["Models"], line["Patients"], line["n"]) == ("2", "2", "6")
    # (.9 + .8 + .4 + .9 + .7 + 0) / 6; the bootstrap stays between the means of a, .7, and b, .533.
    assert line["Dice: mean [95 % interval]"] == "0.617 [0.533, 0.700]"
    assert line["Dice: by structure"] == "LV 0.825, MYO 0.200"
    # 4, 6, 10, 4, 8 and the diagonal of 400 mm.
    assert line["HD (mm): mean ± SD"].startswith("72.00 ±")
    assert (line["Missed"], line["Dice < 0.5"]) == ("1", "2")


def test_errors_of_indices_are_those_of_patients(results):
    line = cells(table(STUDY, results, "3"), "Other")
    # Ejection fractions 50 for 60, and 50 for 46.
    assert line["Mean absolute error: LV ejection fraction (points)"] == "7.0"


def test_a_row_that_has_not_run_is_named(results):
    assert cells(table(STUDY, results, "3"), "Reference")["Models"] == "not run"
