"""Paired tests over patients, from made-up results."""

import pytest

from septum_study.comparison_table import MEASURES, patient_means
from septum_study.tables import table
from support.study_results import cells, missed, result, save, small_study

STUDY = small_study()
CONTRASTS = small_study(
    contrasts=[
        {"title": "Region", "pairs": [["oracle", "other"], ["other", "reference"]]},
        {"title": "Truth", "pairs": [["oracle", "reference"]]},
    ]
)
DICE, HAUSDORFF, _ = (value for _, _, value in MEASURES)


def lines(row, fold, dices, hausdorff=4.0):
    """One line a patient, ED, LV."""
    return [
        result(row, fold, f"p{i:02d}", "ED", "LV", dice, hausdorff + i / 100) for i, dice in enumerate(dices)
    ]


def test_a_patient_counts_once_whatever_the_number_of_its_phases_structures_and_models():
    rows = [
        result("r", 0, "a", "ED", "LV", 0.9),
        result("r", 0, "a", "ES", "LV", 0.7),
        result("r", 1, "a", "ED", "RV", 0.5),
        result("r", 1, "b", "ED", "LV", 0.6),
        result("r", 1, "b", "ED", "RV", 0.0) | {"dice": ""},  # both masks empty: not scored
    ]
    assert patient_means(rows, DICE) == pytest.approx({"a": 0.7, "b": 0.6})


def test_a_missed_structure_counts_with_the_diagonal():
    rows = [result("r", 0, "a", "ED", "LV", 0.9, 4.0), missed("r", 0, "a", "ED", "RV")]
    assert patient_means(rows, HAUSDORFF) == {"a": 202.0}


def test_twenty_patients_of_five_models_are_twenty_pairs(tmp_path):
    # Differences .01, .02, ..., .20, all positive: p = 2 / 2^20; Walsh averages symmetric around .105.
    for fold in range(2):
        save(tmp_path, lines("reference", fold, [0.5] * 20))
        save(tmp_path, lines("other", fold, [0.51 + i / 100 for i in range(20)]))
    line = cells(table(STUDY, tmp_path, "tests"), "Other", "Table 3")
    assert (line["Patients"], line["Models in common"]) == ("20", "2")
    assert line["Dice: p"] == "< 0.001"
    assert line["Dice: shift [95 % interval]"].startswith("+0.105 [+0.0")


def test_shift_is_method_less_reference_with_what_interval_few_patients_allow(tmp_path):
    # Differences -.01, -.02, -.06: median of Walsh averages -.0275; the range holds it at 75 %; p = 2/8.
    save(tmp_path, lines("reference", 0, [0.8, 0.8, 0.8]))
    save(tmp_path, lines("other", 0, [0.79, 0.78, 0.74], hausdorff=5.0))
    line = cells(table(STUDY, tmp_path, "tests"), "Other")
    assert line["Dice: shift [95 % interval]"] == "-0.028 [-0.060, -0.010] at 75 %"
    assert (line["Dice: p"], line["Dice: p, Holm"]) == ("0.250", "0.250")
    assert line["HD (mm): shift [95 % interval]"] == "+1.00 [+1.00, +1.00] at 75 %"
    assert line["Models in common"] == "1 (fold 0)"


def test_holm_is_over_the_rows_that_have_run(tmp_path):
    save(tmp_path, lines("reference", 0, [0.8, 0.8, 0.8, 0.8, 0.8]))
    save(tmp_path, lines("other", 0, [0.81, 0.82, 0.83, 0.84, 0.85]))  # p = 2 / 32
    save(tmp_path, lines("oracle", 0, [0.81, 0.82, 0.83, 0.84, 0.75]))  # the largest is negative: 14 / 32
    shown = table(STUDY, tmp_path, "tests")
    other, oracle = cells(shown, "Other"), cells(shown, "Oracle")
    # T = 5 has P(T <= 5) = 10/32: ranks summing to 0..5: 1, 1, 1, 2, 2, 3.
    assert (other["Dice: p"], oracle["Dice: p"]) == ("0.062", "0.625")
    assert (other["Dice: p, Holm"], oracle["Dice: p, Holm"]) == ("0.125", "0.625")


def test_only_folds_that_both_rows_have_are_compared(tmp_path):
    save(tmp_path, lines("reference", 0, [0.8, 0.8, 0.8]))
    save(tmp_path, lines("other", 0, [0.9, 0.9, 0.9]), capped=["segmenter"])
    save(tmp_path, lines("other", 1, [0.1, 0.1, 0.1]))
    save(tmp_path, lines("oracle", 1, [0.9, 0.9, 0.9]))
    shown = table(STUDY, tmp_path, "tests")
    assert cells(shown, "Other, 32 filters †")["Dice: shift [95 % interval]"].startswith("+0.100")
    assert cells(shown, "Oracle")["Models in common"] == "none"
    assert any("preliminary" in note for note in shown.notes)


def test_rows_that_have_not_run_are_named(tmp_path):
    line = cells(table(STUDY, tmp_path, "tests"), "Other")
    assert (line["Models in common"], line["Dice: p"]) == ("not run", "-")


def test_a_contrast_tests_its_own_pairs_whatever_the_reference_of_the_table_is(tmp_path):
    # Oracle less other: .01, .02, .03, .04, .05: Walsh averages symmetric around .03; p = 2 / 2^5.
    save(tmp_path, lines("other", 0, [0.8] * 5, hausdorff=6.0))
    save(tmp_path, lines("oracle", 0, [0.81, 0.82, 0.83, 0.84, 0.85], hausdorff=5.0))
    save(tmp_path, lines("oracle", 1, [0.1] * 5))  # a fold that the other row has not
    shown = table(CONTRASTS, tmp_path, "tests")
    line = cells(shown, "ACDC: Oracle, 32 filters, against Other, 32 filters", "Contrast: Region")
    assert (line["Patients"], line["Models in common"]) == ("5", "1 (fold 0)")
    assert line["Dice: shift [95 % interval]"] == "+0.030 [+0.010, +0.050] at 94 %"
    assert (line["Dice: p"], line["Dice: p, Holm"]) == ("0.062", "0.062")
    assert line["HD (mm): shift [95 % interval]"] == "-1.00 [-1.00, -1.00] at 94 %"
    against_what_has_not_run = cells(shown, "ACDC: Other", "Contrast: Region")
    assert (against_what_has_not_run["Models in common"], against_what_has_not_run["Dice: p"]) == (
        "none",
        "-",
    )
    assert cells(shown, "Other", "Table 3")["Models in common"] == "none"


def test_holm_is_over_the_pairs_of_one_contrast(tmp_path):
    save(tmp_path, lines("reference", 0, [0.8, 0.8, 0.8, 0.8, 0.8]))
    save(tmp_path, lines("other", 0, [0.81, 0.82, 0.83, 0.84, 0.75]))  # the largest is negative: p = 20 / 32
    save(tmp_path, lines("oracle", 0, [0.9, 0.92, 0.94, 0.96, 0.98]))  # above both throughout: p = 2 / 32
    shown = table(CONTRASTS, tmp_path, "tests")
    first, second = (cells(shown, f"ACDC: {row}", "Contrast: Region") for row in ("Oracle", "Other"))
    assert (first["Dice: p"], second["Dice: p"]) == ("0.062", "0.625")
    assert (first["Dice: p, Holm"], second["Dice: p, Holm"]) == ("0.125", "0.625")
    alone = cells(shown, "ACDC: Oracle, 32 filters, against Reference", "Contrast: Truth")
    assert (alone["Dice: p"], alone["Dice: p, Holm"]) == ("0.062", "0.062")
    # Against the reference of the table the same pair is one of two.
    assert cells(shown, "Oracle", "Table 3")["Dice: p, Holm"] == "0.125"


def test_a_row_that_others_are_contrasted_with_is_marked_if_preliminary(tmp_path):
    save(tmp_path, lines("other", 0, [0.8, 0.8, 0.8]), capped=["segmenter"])
    save(tmp_path, lines("oracle", 0, [0.9, 0.9, 0.9]))
    study = small_study(
        contrasts=[{"title": "Region", "pairs": [["oracle", "other"]]}],
        tables={name: {"title": name} for name in ("2", "3", "4", "localisation")},
    )
    shown = table(study, tmp_path, "tests")
    assert [section.title for section in shown.sections] == ["Contrast: Region"]
    assert cells(shown, "ACDC: Oracle, 32 filters, against Other, 32 filters †")["Patients"] == "3"
    assert any("Other, 32 filters: preliminary" in note for note in shown.notes)
