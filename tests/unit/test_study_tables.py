"""Tables from made-up results, each number worked by hand."""

import subprocess
import sys

import pytest

from septum.core import InputError, RecipeError
from septum_study.declaration import load_study
from septum_study.tables import table, table_names
from support.study_results import cells, missed, result, save, small_study

STUDY = small_study()


def reference_lines(fold=0):
    return [
        result("reference", fold, "a", "ED", "LV", 0.9, 4.0),
        result("reference", fold, "a", "ED", "RV", 0.7, 6.0),
        result("reference", fold, "b", "ED", "LV", 0.8, 8.0),
        missed("reference", fold, "b", "ED", "RV"),
    ]


@pytest.fixture
def one_fold(tmp_path):
    save(tmp_path, reference_lines())
    return tmp_path


def test_a_row_is_the_mean_of_all_its_structures_beside_the_published_value(one_fold):
    line = cells(table(STUDY, one_fold, "3"), "Reference")
    assert (line["Models"], line["Cases"], line["n"]) == ("1 (fold 0)", "2", "4")
    # .9, .7, .8, 0: mean .6, squares of deviations .5 over 3; means of cases .8 and .4, SD .4 / sqrt 2.
    assert line["Dice: native grid"] == "0.600 ± 0.408 (0.283)"
    assert line["Dice: published"] == "0.800 ± 0.100"
    assert line["Dice: native less published"] == "-0.200"
    # On the study's grid .8, .6, .7, 0: mean .525.
    assert line["Dice: study's grid"].startswith("0.525 ±")
    assert line["Dice: study's grid less published"] == "-0.275"


def test_distances_leave_out_the_missed_and_a_second_line_has_the_diagonal_for_it(one_fold):
    shown = table(STUDY, one_fold, "3")
    (section,) = [s for s in shown.sections if s.title == "32 filters"]
    names = [line[0] for line in section.lines]
    assert names == ["Other", "Reference", "Reference, missed at the diagonal"]
    headings = [column.heading for column in shown.columns]
    found, penalised = (dict(zip(headings, line, strict=True)) for line in section.lines[1:])
    # 4, 6, 8 mm: 6 ± 2; means of cases 5 and 8. Half that in voxels; a quarter on the study's grid.
    assert found["HD, native grid: mm"] == "6.00 ± 2.00 (2.12)"
    assert found["HD, native grid: voxels"].startswith("3.00 ± 1.00")
    assert found["HD, study's grid: voxels"].startswith("1.50 ± 0.50")
    assert found["HD, study's grid: published"] == "5.00 ± 1.00"
    assert found["HD, study's grid: difference"] == "-3.50"
    assert found["ASD, native grid: mm"].startswith("0.600 ± 0.200")
    assert found["ASD, study's grid: difference"] == "-0.350"
    assert (found["Missed: native grid"], found["Missed: study's grid"]) == ("1", "1")
    # 4, 6, 8, 400 mm; 2, 3, 4, 200 voxels; 1, 1.5, 2, 300 on the study's grid.
    assert penalised["HD, native grid: mm"] == "104.50 ± 197.01"
    assert penalised["HD, native grid: voxels"].startswith("52.25 ±")
    assert penalised["HD, study's grid: voxels"].startswith("76.12 ±")
    assert penalised["n"] == "4"
    assert penalised["Dice: native grid"] == penalised["HD, study's grid: published"] == ""


def test_a_row_that_has_not_run_says_so_and_still_shows_what_is_published(tmp_path):
    line = cells(table(STUDY, tmp_path, "3"), "Reference")
    assert line["Models"] == "not run"
    assert line["Dice: published"] == "0.800 ± 0.100"
    assert line["Dice: native grid"] == line["HD, native grid: mm"] == line["n"] == ""


def test_models_are_pooled_and_counted(one_fold):
    save(one_fold, [result("reference", 1, "a", "ED", "LV", 0.6)])
    line = cells(table(STUDY, one_fold, "3"), "Reference")
    assert (line["Models"], line["Cases"], line["n"]) == ("2", "2", "5")
    assert line["Dice: native grid"].startswith("0.600 ±")  # 3.0 / 5


def test_rows_that_were_cut_short_are_marked_and_explained(tmp_path):
    for fold in (0, 1):
        save(tmp_path, reference_lines(fold), capped=["segmenter"])
    save(tmp_path, [result("other", 0, "a", "ED", "LV", 0.9)])
    shown = table(STUDY, tmp_path, "3")
    assert cells(shown, "Reference †")["n"] == "8"
    assert cells(shown, "Other")["Method"] == "Other"
    (note,) = [note for note in shown.notes if note.startswith("†")]
    assert "Reference, 32 filters: preliminary" in note
    assert note.endswith("the training of folds 0, 1 was cut short (segmenter after 9 epochs).")


def test_results_without_an_entry_in_the_ledger_have_not_run(one_fold):
    (one_fold / "reference" / "fold0.json").unlink()
    assert cells(table(STUDY, one_fold, "3"), "Reference")["Models"] == "not run"


def test_rows_left_out_by_the_paper_stand_under_a_heading_of_their_own(tmp_path):
    shown = table(STUDY, tmp_path, "3")
    assert [(s.title, [line[0] for line in s.lines]) for s in shown.sections] == [
        ("32 filters", ["Other", "Reference"]),
        ("added, 32 filters", ["Oracle"]),
    ]


def test_table_4_has_each_structure_beside_its_published_value(one_fold):
    shown = table(STUDY, one_fold, "4")
    lv, myo = (cells(shown, "Reference", section) for section in ("LV", "MYO"))
    assert lv["Dice: native grid"] == "0.850 ± 0.071"  # .9 and .8; no means over structures to bracket
    assert lv["Dice: native less published"] == "+0.050"
    assert (myo["Dice: published"], myo["Dice: native grid"]) == ("-", ""), "neither printed nor scored"
    assert [s.title for s in shown.sections] == ["LV, 32 filters", "RV, 32 filters", "MYO, 32 filters"]


def test_lasc_is_compared_in_voxels_and_said_to_be_cropped(tmp_path):
    save(tmp_path, [result("atrium", 0, p, "", "LA", d, h) for p, d, h in (("a", 0.9, 10), ("b", 0.7, 14))])
    shown = table(STUDY, tmp_path, "2")
    line = cells(shown, "Atrium")
    assert line["Dice: ours"] == "0.800 ± 0.141"
    assert line["Dice: difference"] == "+0.000"
    assert (line["HD: mm"], line["HD: voxels"]) == ("12.00 ± 2.83", "6.00 ± 1.41")
    assert line["HD: difference"] == "+1.00"  # voxels, 6 less 5
    assert any("cropped around the atrium" in note for note in shown.notes)
    assert not any("cropped" in note for note in table(STUDY, tmp_path, "3").notes)


def test_regions_are_counted_once_a_model_and_case(tmp_path):
    region = {
        "foreground_inside": 0.98,
        "centre_error_mm": 4.0,
        "localisation": "image_centre",
        "seconds": 1.5,
    }
    save(
        tmp_path,
        [
            *[result("reference", 0, "a", "ED", s, 0.9) for s in ("LV", "RV")],
            *[result("reference", 0, "b", "ED", s, 0.8, **region) for s in ("LV", "RV")],
        ],
    )
    save(tmp_path, [result("reference", 1, "a", "ED", "LV", 0.1)])
    save(tmp_path, [result("oracle", 0, "a", "ED", s, 0.95, centre_error_mm="") for s in ("LV", "RV")])
    shown = table(STUDY, tmp_path, "localisation")
    line = cells(shown, "Reference")
    assert (line["Models"], line["Cases"], line["n"]) == ("2", "2", "3")
    assert line["Foreground inside: mean (%)"] == "99.33"  # 100, 98, 100
    assert line["Foreground inside: lowest (%)"] == "98.00"
    assert line["Foreground inside: cases under 100 %"] == "1"
    assert line["Found by"] == "map 2, image_centre 1"
    assert line["Centre error: mean ± SD (mm)"] == "2.7 ± 1.2"  # 2, 4, 2
    assert line["Centre error: largest (mm)"] == "4.0"
    assert line["Seconds a case"] == "0.83 ± 0.58"  # .5, 1.5, .5
    assert line["Dice: ours"].startswith("0.700 ±")  # all five structures
    # The oracle has fold 0 only: .95 against .85 there.
    assert (line["Dice: region from the truth"], line["Dice: difference"]) == ("0.950", "-0.100")
    oracle = cells(shown, "Oracle")
    assert (oracle["Dice: region from the truth"], oracle["Dice: difference"]) == ("0.950", "-")
    assert oracle["Centre error: mean ± SD (mm)"] == "-"


def test_every_table_of_the_paper_renders_from_nothing(tmp_path):
    paper = load_study("paper")
    assert table_names(paper) == ("2", "3", "4", "localisation", "ablation", "tests")
    for name in table_names(paper):
        shown = table(paper, tmp_path, name)
        assert "not run" in shown.markdown()
        assert shown.csv().count("not run") == shown.latex().count("not run") > 0


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="no table '9'"):
        table(STUDY, tmp_path, "9")
    path = save(tmp_path, reference_lines())
    path.write_text(path.read_text().replace("0.9", "0.99"))
    with pytest.raises(InputError, match=r"fold0\.csv: expected the results that fold0\.json vouches for"):
        table(STUDY, tmp_path, "3")


def test_tables_and_figures_are_made_without_torch_and_load_matplotlib_only_to_draw():
    code = (
        "import sys, septum_study.tables, septum_study.figures\n"
        "print(*{'torch', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
