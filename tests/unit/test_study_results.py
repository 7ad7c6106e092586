"""Result files: what is written is read back, and becomes scores on either grid."""

import pytest

from septum.core import InputError, Score
from septum.metrics import summarise
from septum_study.results import (
    COLUMNS,
    grid_scores,
    native_scores,
    read_results,
    result_rows,
    results_path,
    write_results,
)
from support.study_results import missed, result

FOUND = Score("LV", 0.9123456, False, 4.0, 0.5, 3.0, 0.25, 101.25, 100.0, 400.0, 200.0)
COARSE = Score("LV", 0.85, False, None, None, 2.0, 0.125, 99.0, 98.0, 0.0, 362.4)
KEYS = {"row": "r", "fold": 1, "case": "p_ED", "patient": "p", "group": "NOR", "phase": "ED"}
CASE = {"foreground_inside": 1.0, "localisation": "map", "centre_error_mm": 1.5, "seconds": 0.25}


def test_scores_of_both_grids_survive_the_file(tmp_path):
    path = results_path(tmp_path, "r", 1)
    write_results(path, result_rows(KEYS, [FOUND], [COARSE], CASE))
    assert path == tmp_path / "r" / "fold1.csv"
    rows = read_results(path)
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["peak_memory_mb"] == "", "what was not measured is empty"
    assert rows[0]["centre_error_mm"] == "1.5"
    (native,) = native_scores(rows)
    assert native == Score("LV", 0.91235, False, 4.0, 0.5, 3.0, 0.25, 101.25, 100.0, 400.0, 200.0)
    (grid,) = grid_scores(rows)
    assert (grid.dice, grid.hausdorff_voxels, grid.asd_voxels, grid.diagonal_voxels) == (
        0.85,
        2.0,
        0.125,
        362.4,
    )
    assert (grid.predicted_ml, grid.true_ml) == (101.25, 100.0), "volumes are those of the native grid"


def test_the_papers_grid_has_distances_in_voxels_only():
    rows = [result("r", 0, "p", "ED", "LV", 0.9, 4.0), missed("r", 0, "q", "ED", "LV")]
    summary = summarise(grid_scores(rows))
    assert (summary.hausdorff_mm.n, summary.asd_mm.n, summary.hausdorff_voxels.n) == (0, 0, 1)
    assert summary.penalised_hausdorff_voxels.mean == 150.5  # 1 and the diagonal, 300
    assert (summary.missed, summary.penalised_hausdorff_voxels.n) == (1, 2)


def test_rows_without_that_grid_have_no_scores_on_it():
    rows = [result("r", 0, "p", "", "LA", 0.9), result("r", 0, "q", "ED", "LV", 0.9)]
    assert len(native_scores(rows)) == 2
    assert [score.structure for score in grid_scores(rows)] == ["LV"]


def test_structures_must_be_the_same_on_both_grids():
    with pytest.raises(ValueError, match="same structures"):
        result_rows(KEYS, [FOUND], [], CASE)


def test_an_unknown_column_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="contains fields not in"):
        write_results(tmp_path / "a.csv", [{"sort": "1"}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"row,fold\nr,0\n", r"got 2, without case, patient, group\. Score it again"),
        (b"", "got 0, without row, fold, case"),
        (b"\xff\xfe", "cannot be read as per-case results"),
        (None, "cannot be read as per-case results"),
    ],
)
def test_a_file_that_holds_no_results_is_refused_by_its_name(tmp_path, content, said):
    path = tmp_path / "fold0.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as refusal:
        read_results(path)
    assert str(path) in str(refusal.value)
