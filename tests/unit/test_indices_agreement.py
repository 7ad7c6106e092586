"""The tables of the page on clinical indices, by hand."""

from septum_study.documentation.indices_agreement import agreement_table, spacing_table


def row(patient, index, predicted, true):
    return {"patient": patient, "index": index, "predicted": predicted, "true": true}


def test_differences_are_automatic_minus_manual_with_their_limits():
    # Differences 2 and 6: mean 4, SD 2.83; limits 4 -+ 5.54.
    rows = [row("a", "lv_edv_ml", "102", "100"), row("b", "lv_edv_ml", "86", "80")]
    rows += [row("a", "rv_edv_ml", "102", ""), row("b", "rv_edv_ml", "", "")]
    made = agreement_table(rows)
    assert made.sections[0].lines == (
        ("LV end-diastolic volume", "ml", "2", "2", "90.0", "4.0", "+4.0", "-1.5 to +9.5"),
    )
    assert made.notes[1].endswith(": 1.")


def test_segments_stand_in_one_line():
    rows = [row("a", "wall_ed_mm_1", "9", "10"), row("a", "wall_ed_mm_16", "9", "8")]
    (line,) = agreement_table(rows).sections[0].lines
    assert line[:7] == ("Wall thickness at end-diastole", "mm", "2", "1", "9.0", "1.0", "+0.0")


def test_errors_by_distance_of_slices_are_relative_but_for_the_ejection_fraction():
    rows = [
        {"slice_spacing_mm": mm, "index": index, "counted": counted, "analytic": analytic}
        for mm, index, counted, analytic in (
            ("5.0", "lv_esv_ml", "51", "50"),
            ("10.0", "lv_esv_ml", "55", "50"),
            ("10.0", "lv_esv_ml", "48", "50"),
            ("10.0", "lv_ef_percent", "58", "60"),
            ("5.0", "lv_ef_percent", "60", "60"),
            ("10.0", "lv_ef_percent", "60", "60"),
        )
    ]
    made = spacing_table(rows)
    assert [column.title for column in made.columns[1:]] == [
        "LV end-systolic volume (%)",
        "LV ejection fraction (points)",
    ]
    assert made.sections[0].lines == (("10", "7.0 (10.0)", "1.0 (2.0)"), ("5", "2.0 (2.0)", "0.0 (0.0)"))
