import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from septum.inference import open_bundle
from septum.metrics.score_table import mean_dice, region_sentence, score_table
from septum.metrics.scores_file import read_rows
from septum.metrics.table import Column, Section, Table
from septum.metrics.volume_table import volume_table
from septum_study.tables import table_names
from support.robustness import made_up
from support.study_results import result, save, small_study

ROOT = Path(__file__).resolve().parents[2]
HEAD = (
    "case,patient,group,phase,structure,dice,missed,hausdorff_mm,asd_mm,hausdorff_voxels,asd_voxels,"
    "predicted_ml,true_ml,diagonal_mm,diagonal_voxels,foreground_inside,localisation,enlarged,seconds\n"
)
ROWS = (
    "a_ED,a,NOR,ED,LV,0.9,False,4.0,1.0,3.0,0.5,100,110,300,200,1.0,map,False,1.0\n"
    "a_ES,a,NOR,ES,LV,0.7,False,8.0,2.0,5.0,1.5,50,60,300,200,0.98,map,True,1.0\n"
    "b_ED,b,DCM,ED,LV,0.0,True,,,,,0,60,300,200,1.0,image_centre,False,1.0\n"
)


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(HEAD + ROWS)
    return read_rows(path)


def rebuild_tables():
    spec = importlib.util.spec_from_file_location("rebuild_tables", ROOT / "tools" / "rebuild_tables.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_missed_structure_counts_as_zero_in_dice_and_is_named_where_distances_leave_it_out(rows):
    lines = {tuple(line.split(" | ")[:2]): line for line in score_table(rows).splitlines()}
    assert lines["| LV", "ED"] == "| LV | ED | 2 | 0.450 ± 0.636 | - | 4.0 | 1.00 | 3.0 | 0.50 | 1 |"
    assert lines["| LV", "all"].startswith("| LV | all | 3 | 0.533 ± 0.473 | - | 6.0 ± 2.8 |")
    assert ("| all", "all") not in lines, "one structure is all there is"
    assert mean_dice(rows) == pytest.approx(1.6 / 3)


def test_a_second_line_has_the_diagonal_as_the_distance_of_a_missed_structure(rows):
    lines = {tuple(line.split(" | ")[:2]): line for line in score_table(rows).splitlines()}
    # 4 and 300 mm, 1 and 300 mm, 3 and 200 voxels, 0.5 and 200 voxels.
    assert lines["| LV", "ED, penalised"] == (
        "| LV | ED, penalised | 2 |  |  | 152.0 ± 209.3 | 150.50 ± 211.42 "
        "| 101.5 ± 139.3 | 100.25 ± 141.07 |  |"
    )
    assert ("| LV", "ES, penalised") not in lines, "none was missed"


def test_regions_are_counted_by_case(rows):
    assert region_sentence(rows) == (
        "The region of interest held all true foreground in 2 of 3 cases (lowest share 0.9800); "
        "1 cases needed a fallback, 1 regions were widened."
    )


def beats(patient, lv, rv, myo):
    """Rows of one patient: (automatic, manual) at ED and at ES for each structure, in ml."""
    return [
        {"patient": patient, "structure": name, "phase": phase, "predicted_ml": str(a), "true_ml": str(m)}
        for name, pairs in (("LV", lv), ("RV", rv), ("MYO", myo))
        for phase, (a, m) in zip(("ED", "ES"), pairs, strict=True)
    ]


def test_errors_of_volumes_and_ejection_fractions_by_hand():
    # LV EF: 60 against 50, then 50 against 50: errors +10 and 0, mean 5, SD 7.07. Mass: 1.05 g/ml.
    rows = beats("a", [(100, 100), (40, 50)], [(100, 120), (50, 60)], [(100, 80), (90, 90)])
    rows += beats("b", [(200, 180), (100, 90)], [(100, 100), (50, 50)], [(100, 100), (90, 90)])
    lines = {line.split(" | ")[0].strip("| "): line for line in volume_table(rows).splitlines()}
    assert lines["LV ejection fraction (points)"].endswith("| 2 | 50.0 | +5.0 ± 7.1 | 5.0 | +10.0 |")
    assert lines["LV end-diastolic volume (ml)"].endswith("| 2 | 140.0 | +10.0 ± 14.1 | 10.0 | +20.0 |")
    assert lines["LV mass at end-diastole (g)"].endswith("| 2 | 94.5 | +10.5 ± 14.8 | 10.5 | +21.0 |")
    assert lines["RV end-systolic volume (ml)"].endswith("| 2 | 55.0 | -5.0 ± 7.1 | 5.0 | -10.0 |")


def test_single_volumes_have_a_volume_and_no_ejection_fraction():
    pairs = (("a", 90, 100), ("b", 70, 50))
    rows = [
        {"patient": p, "case": p, "structure": "LA", "phase": "", "predicted_ml": str(a), "true_ml": str(m)}
        for p, a, m in pairs
    ]
    _, _, *lines = volume_table(rows).splitlines()
    assert lines == ["| LA volume (ml) | 2 | 75.0 | +5.0 ± 21.2 | 15.0 | +20.0 |"]


def test_tables_in_the_documents_are_those_of_the_committed_results():
    tables = rebuild_tables()
    for document in tables.DOCUMENTS:
        assert document.read_text(encoding="utf-8") == tables.rebuilt(document), (
            f"{document}: run make tables"
        )


def page_of(study, names=None):
    blocks = [*(f"table {name}" for name in table_names(study)), "units"] if names is None else names
    return "\n".join(f"<!-- study {name}: begin -->\nstale\n<!-- study {name}: end -->" for name in blocks)


def test_blocks_of_the_study_are_made_from_its_results(tmp_path):
    tables, study = rebuild_tables(), small_study()
    save(tmp_path, [result("reference", 1, "a", "ED", "LV", 0.9)], capped=["segmenter"])
    made = tables.with_study(page_of(study), study, tmp_path)
    assert "stale" not in made
    assert made == tables.with_study(made, study, tmp_path)
    assert "**1 of 8 units have run** (4 rows, 2 folds), 1 of them preliminary (†)." in made
    assert "| Reference, 32 filters | ACDC | fold 1 | fold 1 | cpu | 0.0 |" in made
    three = made.split("<!-- study table 3: begin -->")[1].split("<!-- study table 3: end -->")[0]
    assert "\n- Not run: Other" in three
    assert "| Other |" not in three
    assert "0.900" in three


def test_units_of_a_study_that_has_not_run_are_told_in_a_sentence(tmp_path):
    said = rebuild_tables().units_text(small_study(), tmp_path)
    assert said == "**0 of 8 units have run** (4 rows, 2 folds).\n"


def shown_table(*lines):
    columns = tuple(map(Column, ("Method", "Models", "Dice", "published")))
    notes = ("A note.", "† One: cut short.", "† Two: cut short.", "† Three: stopped.")
    return Table("Scores", columns, (Section("ACDC", lines), Section("LASC", ())), notes)


def test_rows_that_have_not_run_become_one_line_below_their_table():
    page = rebuild_tables().folded(
        shown_table(("One", "1", "0.9", ""), ("Two", "not run", "", "-"), ("Three", "none", "-", "-"))
    )
    assert page.splitlines()[2:6] == [
        "| Method | Models | Dice |",
        "|---|--:|--:|",
        "| **ACDC** |  |  |",
        "| One | 1 | 0.9 |",
    ]
    assert page.splitlines()[7:] == [
        "- Not run: Two; Three.",
        "- A note.",
        "- † One; Two: cut short.",
        "- † Three: stopped.",
    ]


def test_a_row_with_a_published_value_stays_and_a_table_without_any_value_is_one_line():
    tables = rebuild_tables()
    assert "| One | not run | 0.8 |" in tables.folded(shown_table(("One", "not run", "", "0.8")))
    assert tables.folded(shown_table(("One", "not run", "", "-"))) == (
        "**Scores**: none of the 1 rows has run.\n"
    )


@pytest.mark.parametrize("change", ["without", "twice", "unclosed", "unknown"])
def test_a_page_of_the_study_that_lacks_a_table_or_a_mark_is_refused(tmp_path, change):
    study = small_study()
    page = page_of(study)
    units = page_of(study, ["units"])
    changed = {
        "without": page.replace(units, ""),
        "twice": page + units,
        "unclosed": page.replace("<!-- study units: end -->", ""),
        "unknown": page + page_of(study, ["table 9"]),
    }[change]
    with pytest.raises(SystemExit, match="expected one pair of marks for each of table 2, table 3"):
        rebuild_tables().with_study(changed, study, tmp_path)


def test_curves_of_robustness_are_drawn_and_shown_for_the_shipped_bundle_alone(tmp_path, monkeypatch):
    tables = rebuild_tables()
    monkeypatch.setattr(tables, "PICTURES", tmp_path)
    picture = tmp_path / "robustness-cine.svg"
    page = "<!-- robustness cine: begin -->\nstale\n<!-- robustness cine: end -->\n"
    made_up(tmp_path, "cine", open_bundle("cine").sha256)
    tables.draw_robustness(page, tmp_path)
    assert picture.is_file()
    shown = tables.with_robustness(page, tmp_path)
    assert "(../pictures/robustness-cine.svg)" in shown
    assert "| Every n-th slice | 2 |" in shown
    assert tables.with_robustness(shown, tmp_path) == shown
    made_up(tmp_path, "cine", "f" * 64)
    tables.draw_robustness(page, tmp_path)
    assert not picture.exists()
    assert tables.with_robustness(shown, tmp_path) == page.replace("stale", "\nNot measured yet.\n")
    with pytest.raises(SystemExit, match="each mark"):
        tables.with_robustness(page.replace("cine: end", "la: end"), tmp_path)


def test_tables_of_the_study_are_made_without_torch():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import rebuild_tables as tables\n"
        "assert all(tables.rebuilt(document) for document in tables.DOCUMENTS)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
