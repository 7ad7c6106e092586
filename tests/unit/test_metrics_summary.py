"""Means with their denominators, worked by hand."""

import pytest

from septum.core import Score
from septum.metrics import summarise, summarise_by_structure


def found(structure: str, dice: float, hausdorff_mm: float) -> Score:
    return Score(
        structure=structure,
        dice=dice,
        missed=False,
        hausdorff_mm=hausdorff_mm,
        asd_mm=hausdorff_mm / 4,
        hausdorff_voxels=hausdorff_mm / 2,
        asd_voxels=hausdorff_mm / 8,
        predicted_ml=90.0,
        true_ml=100.0,
        diagonal_mm=300.0,
        diagonal_voxels=150.0,
    )


def without_distance(structure: str, *, missed: bool) -> Score:
    return Score(
        structure=structure,
        dice=0.0 if missed else None,
        missed=missed,
        hausdorff_mm=None,
        asd_mm=None,
        hausdorff_voxels=None,
        asd_voxels=None,
        predicted_ml=0.0,
        true_ml=100.0 if missed else 0.0,
        diagonal_mm=300.0,
        diagonal_voxels=150.0,
    )


MIXED = [
    found("LV", 0.9, 4.0),
    found("LV", 0.7, 8.0),
    without_distance("LV", missed=True),
    without_distance("LV", missed=False),
]


def test_a_missed_structure_counts_zero_dice_and_an_unscored_one_does_not_count():
    summary = summarise(MIXED, "LV")
    assert summary.structure == "LV"
    assert summary.dice.n == 3
    assert summary.dice.mean == pytest.approx(1.6 / 3)
    # Deviations from 0.5333: 0.3667, 0.1667, -0.5333; squares add to 0.446667, over n - 1 = 2.
    assert summary.dice.sd == pytest.approx((0.446666667 / 2) ** 0.5)
    assert (summary.missed, summary.not_scored) == (1, 1)


def test_distances_have_a_mean_without_and_one_with_the_missed():
    summary = summarise(MIXED)
    assert (summary.hausdorff_mm.mean, summary.hausdorff_mm.n) == (6.0, 2)
    assert summary.hausdorff_mm.sd == pytest.approx(8**0.5)
    assert (summary.penalised_hausdorff_mm.mean, summary.penalised_hausdorff_mm.n) == (104.0, 3)
    assert (summary.asd_mm.mean, summary.penalised_asd_mm.mean) == (1.5, 101.0)
    assert (summary.hausdorff_voxels.mean, summary.penalised_hausdorff_voxels.mean) == (3.0, 52.0)
    assert (summary.asd_voxels.mean, summary.penalised_asd_voxels.mean) == (0.75, 50.5)


def test_one_value_has_no_deviation_and_none_has_no_mean():
    one = summarise([found("RV", 0.8, 5.0)])
    assert (one.dice.mean, one.dice.sd, one.dice.n) == (0.8, None, 1)
    none = summarise([without_distance("RV", missed=True)])
    assert (none.hausdorff_mm.mean, none.hausdorff_mm.sd, none.hausdorff_mm.n) == (None, None, 0)
    assert none.penalised_hausdorff_mm.mean == 300.0
    assert summarise([]).dice.n == 0


def test_the_overall_mean_is_over_entries_not_over_the_means_of_structures():
    rv, lv, overall = summarise_by_structure(
        [found("RV", 0.5, 2.0), found("LV", 0.8, 2.0), found("LV", 0.9, 2.0), found("LV", 1.0, 2.0)]
    )
    assert (rv.structure, lv.structure, overall.structure) == ("RV", "LV", "all")
    assert lv.dice.mean == pytest.approx(0.9)
    assert overall.dice.mean == pytest.approx(3.2 / 4)
    assert overall.dice.n == 4
