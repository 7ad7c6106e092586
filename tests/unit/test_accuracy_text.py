"""What documents say about accuracy: short first, then from every side, and only what the results hold."""

import pytest

from septum.metrics.accuracy import accuracy_summary, accuracy_text
from septum.metrics.dice_tables import dice_table, group_table, level_table, low_sentence, low_table

LEVELS = {"dice_basal": "0.9", "dice_middle": "0.8", "dice_apical": "0.7", "beyond_ml": "0.0"}


def row(case, structure, dice, phase="ED", group="NOR", **changes):
    known = {
        "case": f"{case}_{phase}", "patient": case, "group": group, "phase": phase, "structure": structure,
        "dice": str(dice), "missed": str(dice == 0), "hausdorff_mm": "4", "asd_mm": "1",
        "hausdorff_voxels": "3", "asd_voxels": "1", "predicted_ml": "90", "true_ml": "100",
        "diagonal_mm": "300", "diagonal_voxels": "200", "foreground_inside": "1.0", "localisation": "map",
        "enlarged": "False", "seconds": "1.0",
    }  # fmt: skip
    return known | changes


def cells(table):
    """Lines of a Markdown table, cell by cell, by the first of them."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return lines[0], {line[0]: line[1:] for line in lines[2:]}


@pytest.fixture
def beats():
    """Two patients with both phases and all structures; patient b's RV goes wrong at ES."""
    dice = {("a", "RV"): (0.9, 0.8), ("a", "MYO"): (0.8, 0.8), ("a", "LV"): (0.9, 0.9)}
    dice |= {("b", "RV"): (0.7, 0.4), ("b", "MYO"): (0.8, 0.6), ("b", "LV"): (0.9, 0.9)}
    return [
        row(case, structure, d, phase, {"a": "NOR", "b": "DCM"}[case])
        for (case, structure), both in dice.items()
        for phase, d in zip(("ED", "ES"), both, strict=True)
    ]


@pytest.fixture
def atria():
    """Single volumes of one structure, without groups."""
    levels = {"dice_first": "0.9", "dice_middle": "", "dice_last": "0.7", "beyond_ml": "0.5"}
    return [row(case, "LA", dice, "", "", **levels) for case, dice in (("a", 0.8), ("b", 0.9))]


def test_summary_by_structure_and_phase_by_hand(beats):
    heads, lines = cells(dice_table(beats))
    assert heads == ["structure", "ED", "ES", "all phases"]
    assert lines["RV"] == ["0.800 (2)", "0.600 (2)", "0.700 (4)"]
    assert lines["all"][2] == "0.783 (12)"


@pytest.mark.parametrize(("patients", "shown"), [(1, False), (2, False), (5, False), (6, True)])
def test_mean_has_an_interval_from_six_patients_on(patients, shown):
    rows = [row(f"p{i}", "LA", 0.8, "") for i in range(patients)]
    cell = cells(dice_table(rows))[1]["LA"][0]
    assert cell == f"0.800{' [0.800, 0.800]' if shown else ''} ({patients})"
    assert ("2000 draws" in dice_table(rows)) == shown
    assert ("There is no interval" in dice_table(rows)) != shown


def test_groups_by_structure(beats):
    heads, lines = cells(group_table(beats))
    assert heads == ["group", "patients", "RV", "MYO", "LV", "all"]
    assert lines["DCM"][:3] == ["1", "0.550 ± 0.212 (2)", "0.700 ± 0.141 (2)"]
    assert list(lines) == ["DCM", "NOR"]


def test_levels_by_structure_and_phase():
    rows = [
        row("a", "LV", 0.8, **LEVELS),
        row("b", "LV", 0.8, **LEVELS | {"dice_middle": "", "beyond_ml": "3"}),
    ]
    heads, lines = cells(level_table(rows))
    assert heads == ["structure", "phase", "basal", "middle", "apical", "beyond (ml)", "beyond (masks)"]
    assert lines["LV"] == ["ED", "0.900 ± 0.000 (2)", "0.800 (1)", "0.700 ± 0.000 (2)", "1.5", "1 of 2"]


def test_low_scores_are_counted_and_named_by_structure_lowest_first(beats):
    _, lines = cells(low_table([*beats, row("c", "RV", 0.0)]))
    assert lines["RV"] == ["5", "2", "2", "c_ED (0.00), b_ES (0.40)"]
    assert lines["MYO"] == ["4", "1", "0", "b_ES (0.60)"]
    assert lines["LV"] == ["4", "0", "0", "-"]
    assert low_sentence(beats) == "Masks with a Dice below 0.7: 2 of 12; below 0.5: 1."


def test_what_is_in_neither_mask_is_not_scored():
    assert low_sentence([row("a", "RV", ""), row("a", "LV", 0.9)]).endswith("0 of 1; below 0.5: 0.")


def test_results_without_levels_make_a_text_without_their_table(beats):
    text = accuracy_text(beats)
    assert text.startswith(accuracy_summary(beats))
    assert text.startswith("**Mean Dice**")
    assert "slice level" not in text
    assert "pathology group" in text
    assert "slice level" in accuracy_text([line | LEVELS for line in beats])


def test_text_about_single_volumes_of_one_structure_has_no_empty_column_and_no_phase(atria):
    text = accuracy_text(atria)
    for absent in ("phase", "pathology", "ejection", "| all ", "basal", "Masks with a Dice below 0.7**"):
        assert absent not in text
    assert "| LA volume (ml) | 2 | 100.0 | -10.0 ± 0.0 | 10.0 | -10.0 |" in text
    assert "| LA | 0.900 ± 0.000 (2) | - | 0.700 ± 0.000 (2) | 0.5 | 2 of 2 |" in text
    assert "| LA | 2 | 0.850 ± 0.071 | - |" in text
    assert "in the order of the file" in text
