"""The plan of a cohort, lists of studies, and what a message may tell."""

from __future__ import annotations

import json
import zipfile

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

import duckdb

from septum.cohort.beginning import begin, unfinished
from septum.cohort.folder import CohortFolder
from septum.cohort.lists import read_list
from septum.cohort.plan import (
    PlannedStudy,
    Source,
    chunk_of,
    chunks_of,
    every_study,
    extend_plan,
    size_of,
    studies_of,
)
from septum.cohort.rows import without_names
from septum.cohort.settings import CohortSettings
from septum.cohort.sources import find_sources
from septum.core import InputError
from septum.workflows.options import IndexSettings
from support.cohort_parts import write_phantoms
from support.dicom_study import write_cine


def sources(*names: str) -> list[Source]:
    return [Source(f"/data/{name}/cine.nii.gz", name, searched=True) for name in names]


def test_each_study_is_in_one_chunk_and_has_a_number_of_its_own(tmp_path):
    folder = CohortFolder(tmp_path)
    assert extend_plan(folder, sources(*"abcdefg"), names=False, chunk=3) == (7, 0)
    assert chunks_of(folder) == ["0001-00000", "0001-00001", "0001-00002"]
    assert [len(studies_of(folder, chunk)) for chunk in chunks_of(folder)] == [3, 3, 1]
    every = list(every_study(folder))
    assert [one.number for one in every] == [1, 2, 3, 4, 5, 6, 7]
    assert {one.source.name for one in every} == set("abcdefg")
    assert [one.study for one in every][:2] == ["study-000001", "study-000002"]


def test_a_source_that_has_grown_adds_what_is_new_and_moves_nothing(tmp_path):
    folder = CohortFolder(tmp_path)
    extend_plan(folder, sources(*"abcd"), names=False, chunk=3)
    before = list(every_study(folder))
    assert extend_plan(folder, sources(*"dxabc"), names=False, chunk=3) == (1, 0)
    after = list(every_study(folder))
    assert after[:4] == before
    assert (after[4].number, after[4].source.name) == (5, "x")
    assert chunks_of(folder) == ["0001-00000", "0001-00001", "0002-00000"]
    assert extend_plan(folder, sources(*"dxabc"), names=False, chunk=3) == (0, 0)


def test_what_a_list_tells_otherwise_now_is_counted_and_not_used(tmp_path):
    folder = CohortFolder(tmp_path)
    extend_plan(folder, [Source("/a", "a", given={"sex": "F"})], names=False)
    assert extend_plan(folder, [Source("/a", "a", given={"sex": "M"})], names=False) == (0, 1)
    assert next(every_study(folder)).source.given == {"sex": "F"}


def test_no_two_studies_have_one_name_whatever_a_list_calls_them(tmp_path):
    folder = CohortFolder(tmp_path)
    names = ("a", "A", "a-2", "a-3", "study-000005")
    extend_plan(folder, [Source(f"/{k}", name, named=True) for k, name in enumerate(names)], names=False)
    extend_plan(folder, sources(*"bcdefgh"), names=False)
    every = [one.study.casefold() for one in every_study(folder)]
    assert len(set(every)) == len(every) == 12


def test_shards_part_the_chunks_among_them(tmp_path):
    folder = CohortFolder(tmp_path)
    extend_plan(folder, sources(*"abcdefghij"), names=False, chunk=2)
    shards = [unfinished(folder, (number, 3)) for number in (1, 2, 3)]
    assert sorted(chunk for shard in shards for chunk in shard) == chunks_of(folder)
    assert list(map(len, shards)) == [2, 2, 1]


def test_a_list_gives_paths_names_and_what_is_known_of_each_patient(tmp_path):
    (tmp_path / "list.csv").write_text(
        "Path,name,sex,age,height_m,site\na.nii,A,f,54,,x\nsub/b.nii,,M,,1.8,y\n"
    )
    found, unused = read_list(tmp_path / "list.csv")
    assert unused == ["site"]
    assert [(one.path, one.name, one.named) for one in found] == [
        (str(tmp_path / "a.nii"), "A", True), (str(tmp_path / "sub" / "b.nii"), "b", False),
    ]  # fmt: skip
    assert [one.given for one in found] == [
        {"sex": "F", "age_years": 54.0}, {"sex": "M", "height_m": 1.8},
    ]  # fmt: skip
    case = PlannedStudy(1, "A", found[0]).case("0001-00000", IndexSettings(body_surface_area="mosteller"))
    assert case.indices == IndexSettings(body_surface_area="mosteller", sex="F", age_years=54)


def test_a_list_in_parquet_says_the_same(tmp_path):
    (tmp_path / "list.csv").write_text("path,name,weight\na.nii,A,70\nb.nii,B,\n")
    duckdb.read_csv(str(tmp_path / "list.csv")).write_parquet(str(tmp_path / "list.parquet"))
    assert read_list(tmp_path / "list.parquet") == read_list(tmp_path / "list.csv")


@pytest.mark.parametrize(
    "text",
    [
        "name\nA\n", "path\n", "path,name\na.nii,secret/name\n", "path,name\na,same-secret\nb,Same-secret\n",
        "path,sex\na,secret.nii,F\n", "path,height\na.nii,1764711\n", "path,sex\na.nii,secret\n",
        "path\n\xff\xfe",
    ],
)  # fmt: skip
def test_a_list_that_is_none_is_refused_and_no_cell_is_told(tmp_path, text):
    (tmp_path / "list.csv").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"list\.csv") as told:
        read_list(tmp_path / "list.csv")
    assert "secret" not in str(told.value)
    assert "1764711" not in str(told.value)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_list_has_semicolons_or_tabs_as_a_table_of_subjects_has(tmp_path, mark):
    text = "path,age,weight_kg,heart_rate_bpm\na.nii,54,70,66\n\nb.nii,,71.5,\n,,,\n"
    (tmp_path / "list.csv").write_text(text.replace(",", mark))
    found, _ = read_list(tmp_path / "list.csv")
    assert [one.given for one in found] == [
        {"age_years": 54.0, "weight_kg": 70.0, "heart_rate_bpm": 66.0}, {"weight_kg": 71.5},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("path,age\na,54\n\nb,4711\n", "row 4, column age", "expected 0 to 120 years"),
        ("path,height_m\na,4711\n", "row 2, column height_m", "expected 0.3 to 2.6 m"),
        ("path,sex\na,4711\n", "row 2, column sex", "expected one of F, M"),
        ("path;height\na;4711,0\n", "row 2, column height", "expected 0.3 to 2.6 m"),
        ("path,name\na,4711/\n", "row 2, column name", "expected a name"),
        ("path,sex\na,F,4711\n", "row 2", "expected 2 cells"),
        ("path,height_cm\na,4711\n", "row 1", "'height_m'"),
        ("path,wieght\na,4711\n", "row 1", "'weight'"),
        ("path,age,age_years\na,4711,4711\n", "row 1", "age and age_years"),
    ],
)
def test_a_fault_of_a_list_is_named_by_row_and_column_and_the_cell_is_not_told(
    tmp_path, text, place, expected
):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(InputError) as told:
        read_list(tmp_path / "list.csv")
    assert str(told.value).startswith(f"{tmp_path / 'list.csv'}, {place}")
    assert expected in str(told.value)
    assert "4711" not in str(told.value)


def biobank(folder, *names: str) -> None:
    made = write_cine(folder.parent / "made")
    for name in names:
        with zipfile.ZipFile(folder / name, "w") as archive:
            for file in sorted(made.iterdir()):
                archive.write(file, file.name)


def test_of_uk_biobank_the_archives_of_the_short_axis_are_studies_and_no_name_is_told(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    biobank(source, "1234567_20209_2_0.zip", "1234567_20208_2_0.zip", "1234568_20209_3_0.zip")
    (source / "7654321_20209_2_0.zip").write_bytes(b"half of one")
    (source / "notes.zip").write_bytes(b"nothing")
    found = find_sources([source], tmp_path / "out", "cine")
    assert sorted(one.name for one in found.sources) == [
        "1234567_20209_2_0", "1234568_20209_3_0", "7654321_20209_2_0",
    ]  # fmt: skip
    assert len(found.notices) == 2
    assert "20208" in found.notices[0]
    assert not [text for text in found.notices if "1234567" in text or "notes" in text]
    assert "notes.zip" in found.named[0]


def test_a_message_tells_neither_path_nor_name_of_a_study_or_its_files(tmp_path):
    source = tmp_path / "DOE^JANE" / "19600102"
    write_cine(source)
    member = min(source.iterdir()).name
    study = PlannedStudy(3, "study-000003", Source(str(source), "19600102"))
    text = f"{source}/{member} is damaged, as {member} of DOE^JANE; see {source.parent}: nothing."
    told = without_names(text, study)
    assert told == "the study is damaged, as the study of the study; see the study: nothing."


def test_a_cohort_goes_on_only_with_the_settings_that_it_was_begun_with(tmp_path):
    write_phantoms(tmp_path / "in", ["a", "b"])
    begin([tmp_path / "in"], tmp_path / "out", CohortSettings())
    assert begin([], tmp_path / "out", CohortSettings(threads=2)).studies == 2
    with pytest.raises(InputError, match="flips"):
        begin([], tmp_path / "out", CohortSettings(flips=True))
    told = json.loads((tmp_path / "out" / "cohort.json").read_text())
    assert told["settings"]["threads"] == 2
    assert str(tmp_path / "in") not in (tmp_path / "out" / "cohort.json").read_text()


def test_nothing_is_begun_where_no_study_is(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError):
        begin([tmp_path / "in"], tmp_path / "out", CohortSettings())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_only_its_owner_may_look_into_the_private_folder(tmp_path):
    write_phantoms(tmp_path / "in", ["a"])
    begin([tmp_path / "in"], tmp_path / "out", CohortSettings())
    assert (tmp_path / "out" / "private").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("studies", "chunks", "largest"), [(3, 3, 1), (40, 20, 2), (100, 17, 6), (2000, 42, 48)]
)
def test_a_small_cohort_has_chunks_enough_for_several_processes(tmp_path, studies, chunks, largest):
    folder = CohortFolder(tmp_path)
    extend_plan(folder, sources(*map(str, range(studies))), names=False)
    assert len(chunks_of(folder)) == chunks
    assert len(studies_of(folder, chunks_of(folder)[0])) == largest
    assert size_of(folder, chunks_of(folder)) == studies
    assert {chunk_of(folder, one.number) for one in studies_of(folder, chunks_of(folder)[-1])} == {
        chunks_of(folder)[-1]
    }
