import importlib.util
import sys
from pathlib import Path

import pytest

from septum.reporting.score_table import mean_dice, read_results, region_sentence, score_table

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
    return read_results(path)


def rebuild_tables():
    spec = importlib.util.spec_from_file_location("rebuild_tables", ROOT / "tools" / "rebuild_tables.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_missed_structure_counts_as_zero_in_dice_and_is_named_where_distances_leave_it_out(rows):
    lines = {tuple(line.split(" | ")[:2]): line for line in score_table(rows).splitlines()}
    assert lines["| LV", "ED"] == ("| LV | ED | 2 | 0.450 ± 0.636 | 4.0 | 1.00 | 3.0 | 0.50 | 1 |")
    assert lines["| all", "all"].startswith("| all | all | 3 | 0.533 ± 0.473 | 6.0 ± 2.8 |")
    assert mean_dice(rows) == pytest.approx(1.6 / 3)


def test_a_second_line_has_the_diagonal_as_the_distance_of_a_missed_structure(rows):
    lines = {tuple(line.split(" | ")[:2]): line for line in score_table(rows).splitlines()}
    # 4 and 300 mm, 1 and 300 mm, 3 and 200 voxels, 0.5 and 200 voxels.
    assert lines["| LV", "ED, penalised"] == (
        "| LV | ED, penalised | 2 |  | 152.0 ± 209.3 | 150.50 ± 211.42 | 101.5 ± 139.3 | 100.25 ± 141.07 |  |"
    )
    assert ("| LV", "ES, penalised") not in lines, "none was missed"


def test_regions_are_counted_by_case(rows):
    assert region_sentence(rows) == (
        "The region of interest held all true foreground in 2 of 3 cases (lowest share 0.9800); "
        "1 cases needed a fallback, 1 regions were widened."
    )


def test_tables_in_the_documents_are_those_of_the_committed_results():
    tables = rebuild_tables()
    for document in tables.DOCUMENTS:
        assert document.read_text(encoding="utf-8") == tables.rebuilt(document), (
            f"{document}: run make tables"
        )
