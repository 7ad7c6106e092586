"""Tables of hearts from elsewhere: means by source, readers with each other, and what intervals hold."""

from septum_study.documentation.elsewhere_tables import fraction_table, overlap_table


def line(table, first):
    heads = [column.heading for column in table.columns]
    found = [cells for section in table.sections for cells in section.lines if cells[0] == first]
    return dict(zip(heads, found[0], strict=True))


def overlap(reader, dice, **more):
    row = {"source": "A", "patient": "p", "reader": reader, "phase": "ED", "structure": "LV", "dice": dice}
    return row | more


def test_dice_is_the_mean_over_readers_and_that_between_them_has_a_line_of_its_own():
    rows = [overlap("1", "0.9"), overlap("2", "0.8"), overlap("between", "0.95")]
    table = overlap_table([*rows, overlap("1", "0.5", patient="q", phase="ES")])
    ours = line(table, "A")
    assert (ours["Patients"], ours["LV: ED"], ours["LV: ES"], ours["RV: ED"]) == ("2", "0.850", "0.500", "-")
    assert line(table, "A, between its readers")["LV: ED"] == "0.950"


def test_bias_is_ours_less_the_readers_and_a_reading_without_an_interval_holds_nothing():
    base = {"source": "A", "patient": "p", "reader": "1", "ventricle": "RV", "verdict": "fine"}
    rows = [
        base | {"predicted": "40", "true": "50", "low": "30", "high": "49"},
        base | {"predicted": "60", "true": "56", "low": "50", "high": "70", "verdict": "review"},
        base | {"predicted": "60", "true": "60", "low": "", "high": ""},
    ]
    found = line(fraction_table(rows), "A, RV")
    assert found["Bias (points)"] == "-2.0"
    assert found["Mean absolute error (points)"] == "4.7"
    assert (found["Readings"], found["Interval holds"], found["Stopped"]) == ("3", "1 of 2", "1")
