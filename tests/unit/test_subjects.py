"""The table of subjects: what its cells give, and what is said of a table that somebody edited by hand."""

import pytest

from septum.core import InputError
from septum.workflows.options import IndexSettings
from septum.workflows.subjects import COLUMNS, NAME, read_subjects


def table(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "subjects.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_cell_comes_before_what_is_given_for_all_studies(tmp_path, mark):
    lines = ["name,sex,age,height,weight,heart_rate,ethnicity", "a,f,54,1.68,,66,South-Asian", "sub/b,,,,,,"]
    found = read_subjects(
        table(tmp_path, "\n".join(lines).replace(",", mark)), IndexSettings(weight_kg=70, sex="M")
    )
    assert found.of("a") == IndexSettings(
        sex="F", age_years=54, height_m=1.68, weight_kg=70, heart_rate_bpm=66, ethnicity="south-asian"
    )
    assert found.of("sub/b") == found.of("of no row") == IndexSettings(weight_kg=70, sex="M")


def test_columns_may_have_the_names_of_settings_as_in_the_list_of_a_cohort(tmp_path):
    text = "name,age_years,height_m,weight_kg,heart_rate_bpm\na,54,1.68,70,66\n"
    assert read_subjects(table(tmp_path, text)).of("a") == IndexSettings(
        age_years=54, height_m=1.68, weight_kg=70, heart_rate_bpm=66
    )


def test_what_a_spreadsheet_adds_is_no_fault(tmp_path):
    text = "\ufeffAge ,NAME,,\r\n 54 ,a,,\r\n,,,\r\n\r\n61,b,,\r\n"
    found = read_subjects(table(tmp_path, text))
    assert (found.of("a").age_years, found.of("b").age_years) == (54, 61)


def test_columns_are_named_as_the_options_are():
    fields = set(IndexSettings.model_fields)
    assert set(COLUMNS.values()) <= fields
    assert NAME not in COLUMNS


@pytest.mark.parametrize(
    ("text", "place", "got"),
    [
        ("name,sex\na,X\n", "row 2, column sex", "'X'"),
        ("name,age\na,54\nb,old\n", "row 3, column age", "'old'"),
        ("name,age\na,540\n", "row 2, column age", "540"),
        ("name,age\na,nan\n", "row 2, column age", "'nan'"),
        ("name;height\na;1,68\n", "row 2, column height", "'1,68'"),
        ("name,height\na,168\n", "row 2, column height", "168"),
        ("name,weight\na,inf\n", "row 2, column weight", "inf"),
        ("name,heart_rate\na,6\n", "row 2, column heart_rate", "6"),
        ("name,ethnicity\na,martian\n", "row 2, column ethnicity", "'martian'"),
        ("name,sex\n,F\n", "row 2, column name", "an empty cell"),
        ("name,sex\na,F\n\na,M\n", "row 4, column name", "row 2"),
        ("name,sex\na,F,54\n", "row 2", "3"),
        ("name,sex,age\na,F\n", "row 2", "2"),
        ("name,gender\na,F\n", "row 1", "'gender'"),
        ("name,sex,sex\na,F,F\n", "row 1", "sex twice"),
        ("name,age,age_years\na,54,54\n", "row 1", "age and age_years"),
        ("study,sex\na,F\n", "row 1", "name is not there"),
        ("", "row 1", "name is not there"),
        ('name,sex\n"a,F\n', "row 2", "unexpected end of data"),
    ],
)
def test_a_fault_is_named_by_file_row_and_column(tmp_path, text, place, got):
    path = table(tmp_path, text)
    with pytest.raises(InputError) as told:
        read_subjects(path)
    sentence = str(told.value)
    assert sentence.startswith(f"{path}, {place}")
    assert got in sentence
    assert sentence.count("\n") == 0


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    for path in (table(tmp_path, "name,sex\nä,F\n", "utf-16"), tmp_path / "missing.csv", tmp_path):
        with pytest.raises(InputError, match="expected a table of subjects"):
            read_subjects(path)


def test_studies_without_a_row_and_rows_without_a_study_are_told_without_names(tmp_path):
    found = read_subjects(table(tmp_path, "name,sex\nann,F\nheart,M\nbob,M\n"))
    told = list(found.unmatched(["heart", "other"]))
    assert "1 of 2 studies" in told[0]
    assert "rows 2, 4" in told[1]
    assert not any(name in line for line in told for name in ("ann", "bob"))
    assert list(found.unmatched(["ann", "heart", "bob"])) == []
