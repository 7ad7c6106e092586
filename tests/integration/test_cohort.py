"""``septum cohort``: one table of many studies, the same whoever makes it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

import duckdb

from septum.cohort.beginning import unfinished
from septum.cohort.ends import StudyEnded
from septum.cohort.journal import Journal
from septum.cohort.looking import CSV_COLUMNS, failures, status, write_table
from septum.cohort.parts import write_part
from septum.cohort.plan import chunk_of, studies_of
from septum.cohort.retry import retry
from septum.cohort.rows import TYPES, State, other_row
from septum.cohort.running import Progress
from septum.cohort.summary import write_page
from septum.cohort.work import forgive
from septum.core import InputError
from septum.core.errors import NameTakenError
from septum.workflows.record import Record
from support.cohort_parts import begun, phantom, run, write_phantoms, write_some
from support.dicom_study import SECRETS, write_cine
from support.full_disk import full_disk

if TYPE_CHECKING:
    from septum.cohort.folder import CohortFolder

NAMES = [f"DOE^JANE_{number}" for number in range(1, 8)]


@pytest.fixture
def cohort(tmp_path) -> CohortFolder:
    write_phantoms(tmp_path / "in", NAMES)
    (tmp_path / "in" / NAMES[2] / "cine.nii.gz").unlink()
    (tmp_path / "in" / NAMES[2] / "cine.nii.gz").write_bytes(b"secret words")
    return begun(tmp_path / "in", tmp_path / "out", chunk=3).folder


def table(folder: CohortFolder) -> list[dict[str, str]]:
    write_table(folder, folder.path / "table.csv")
    with (folder.path / "table.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_study_has_one_row_with_its_numbers_or_the_reason(cohort):
    end, seen = run(cohort)
    assert (end.done, end.stop, len(seen.ended)) == (3, None, 7)
    rows = table(cohort)
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["number"] for row in rows] == list("1234567")
    done = [row for row in rows if row["state"] == "done"]
    assert len(done) == 6
    assert all(float(row["lv_edv_ml"]) > float(row["lv_esv_ml"]) > 0 for row in done)
    (failed,) = failures(cohort)
    assert (failed["state"], failed["error"]) == ("failed", "InputError")
    assert "the study" in failed["reason"]
    found = status(cohort)
    assert (found["studies"], found["left"], found["states"]) == (7, 0, {"done": 6, "failed": 1})
    assert [worker["studies"] for worker in found["workers"]] == [7]


def test_the_row_holds_the_json_of_its_study(cohort):
    run(cohort)
    write_table(cohort, cohort.path / "table.parquet")
    found = duckdb.read_parquet(str(cohort.path / "table.parquet")).filter("state = 'done'")
    for study, percent, text in found.select("study, lv_ef_percent, record").fetchall():
        record = Record.model_validate_json(text)
        assert record.indices.items["lv_ef_percent"].value == percent
        assert study.startswith("study-")


def test_two_shards_make_the_same_bytes_as_one_process(cohort, tmp_path):
    run(cohort)
    other = begun(tmp_path / "in", tmp_path / "other", chunk=3).folder
    run(other, (2, 2))
    assert status(other)["chunks_done"] == 1
    run(other, (1, 2))
    for part in sorted(cohort.parts.iterdir()):
        assert part.read_bytes() == (other.parts / part.name).read_bytes()
    assert table(cohort) == table(other)


def test_nothing_but_the_private_folder_tells_whose_the_studies_are(tmp_path, capfd):
    source = tmp_path / "in"
    write_cine(source / "Known^Somebody" / "ID4711")
    (source / "Known^Somebody" / "19600102_seg.nii.gz").write_bytes(b"mask")
    bad = source / "Saint Nowhere"
    bad.mkdir()
    (bad / "20200304.nii.gz").write_bytes(b"secret words")
    started = begun(source, tmp_path / "out", masks=True, outputs={"report": {"identify": False}})
    run(started.folder)
    table(started.folder)
    write_table(started.folder, started.folder.path / "table.parquet")
    rows = failures(started.folder)
    told = capfd.readouterr()
    texts = [told.out, told.err, *started.notices, json.dumps(rows), json.dumps(status(started.folder))]
    files = [path for path in started.folder.path.rglob("*") if path.is_file()]
    public = [path for path in files if started.folder.private not in path.parents]
    assert {path.suffix for path in public} >= {".json", ".csv", ".parquet", ".gz", ".html"}
    parts = [path for path in public if path.suffix == ".parquet"]
    texts += [json.dumps(duckdb.read_parquet(str(path)).fetchall(), default=str) for path in parts]
    texts += [path.read_bytes().decode("latin-1") for path in public]
    texts += [str(path.relative_to(tmp_path)) for path in public]
    for secret in SECRETS:
        assert not [text[:200] for text in texts if secret in text]
    assert (started.folder.private.stat().st_mode & 0o077) == 0


def test_masks_and_pages_are_written_where_they_are_asked_for(tmp_path):
    write_phantoms(tmp_path / "in", NAMES[:2])
    folder = begun(
        tmp_path / "in", tmp_path / "full", chunk=3, names=True, outputs={"report": {"identify": False}}
    ).folder
    run(folder)
    pages = sorted(path.name for path in folder.studies.rglob("*_report.html"))
    assert len(pages) == 2
    assert f"{NAMES[0]}_cine_report.html" in pages
    assert len(list(folder.studies.rglob("*_seg.nii.gz"))) == 2


def test_a_list_brings_sex_and_age_to_each_study(tmp_path):
    write_phantoms(tmp_path / "in", ["a", "b"])
    (tmp_path / "list.csv").write_text("path,name,sex,age\nin/a/cine.nii.gz,A,F,50\nin/b/cine.nii.gz,B,,\n")
    folder = begun(tmp_path / "list.csv", tmp_path / "out").folder
    run(folder)
    rows = {row["study"]: row for row in table(folder)}
    assert rows["A"]["reference_group"].startswith("women")
    assert rows["B"]["reference"] == ""


def test_what_failed_is_done_again_when_asked_and_nothing_else(cohort, tmp_path):
    run(cohort)
    before = table(cohort)
    (failed,) = failures(cohort)
    bad = tmp_path / "in" / NAMES[2] / "cine.nii.gz"
    bad.unlink()
    os.link(tmp_path / "phantom.nii.gz", bad)
    assert run(cohort)[0].done == 0
    assert retry(cohort, [failed["study"]]) == [failed["study"]]
    assert status(cohort)["left"] == 1
    end, seen = run(cohort)
    assert (end.done, [one.number for one in seen.ended]) == (1, [failed["number"]])
    after = table(cohort)
    for rows in (before, after):
        del rows[failed["number"] - 1]
        for row in rows:
            row.pop("duplicate_of")  # all images are alike, and the first one may be that which had failed
    assert after == before
    assert failures(cohort) == []


def test_what_is_the_name_of_a_study_is_not_taken_for_the_number_of_another(tmp_path):
    names = list("654321")  # their numbers are in the order of a hash, which is hardly that of the names
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / f"{name}.nii.gz").write_bytes(b"no image")
    cohort = begun(tmp_path / "in", tmp_path / "out", names=True).folder
    run(cohort)
    for name in names:
        assert retry(cohort, [name]) == [name]
        if int(name) in {row["number"] for row in failures(cohort)}:
            with pytest.raises(InputError):  # it is asked for once more, and is no number
                retry(cohort, [name])


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_retry_that_is_killed_at_any_step_loses_no_row(cohort, monkeypatch, crash):
    run(cohort)
    rows = table(cohort)
    unlink = Path.unlink

    def killed(path, **kwargs):
        if path.suffix == ".parquet" and path.parent == cohort.parts:
            if crash == "after":
                unlink(path, **kwargs)
            raise KeyboardInterrupt
        unlink(path, **kwargs)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        retry(cohort, every=True)
    monkeypatch.undo()
    run(cohort)
    assert table(cohort) == rows


def test_a_study_that_failed_in_a_chunk_in_work_is_done_again_too(cohort):
    run(cohort)
    (failed,) = failures(cohort)
    chunk = chunk_of(cohort, failed["number"])
    done = retry(cohort, [failed["study"]])
    with Journal(cohort.journal(chunk)) as journal:
        before = set(journal.rows)
        journal.add({**dict.fromkeys(TYPES), **failed})
    assert retry(cohort, every=True) == done == [failed["study"]]
    with Journal(cohort.journal(chunk)) as journal:
        assert set(journal.rows) == before


def test_a_name_that_is_no_text_stands_in_the_table_escaped(cohort):
    chunk = unfinished(cohort)[0]
    one = replace(studies_of(cohort, chunk)[0], study=os.fsdecode(b"Sch\xe9fer"))
    with Journal(cohort.journal(chunk)) as journal:
        journal.add(other_row(one, State.FAILED, "InputError", "it is damaged"))
    assert [row["study"] for row in table(cohort)] == [r"Sch\udce9fer"]
    write_part(cohort.part(chunk), journal.rows.values())
    assert [row["study"] for row in table(cohort)] == [r"Sch\udce9fer"]


def test_a_run_that_is_ended_on_purpose_blames_no_study(cohort):
    chunk = unfinished(cohort)[0]
    with Journal(cohort.journal(chunk)) as journal:
        journal.begin(studies_of(cohort, chunk)[0].number)
    forgive(cohort, unfinished(cohort))
    with Journal(cohort.journal(chunk)) as journal:
        assert not journal.lost


def test_a_line_that_a_kill_has_cut_is_cut_off(cohort):
    chunk = unfinished(cohort)[0]
    with Journal(cohort.journal(chunk)) as journal:
        journal.begin(1)
        journal.add({"number": 1})
    whole = cohort.journal(chunk).read_bytes()
    cohort.journal(chunk).write_bytes(whole + b'{"row":{"number":2,')
    with Journal(cohort.journal(chunk)) as journal:
        assert list(journal.rows) == [1]
        journal.add({"number": 3})
    with Journal(cohort.journal(chunk)) as journal:
        assert list(journal.rows) == [1, 3]


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(cohort):
    with full_disk(30_000):
        end, _ = run(cohort)
    assert end.stop is not None
    assert end.stop.exit_code == 4
    assert end.done < 3
    end, _ = run(cohort)
    assert end.stop is None
    assert [row["number"] for row in table(cohort)] == list("1234567")


def test_a_folder_that_goes_away_ends_the_run_and_fails_no_study(cohort, tmp_path):
    _, seen = run(cohort, (1, 3))
    (tmp_path / "in").rename(tmp_path / "away")
    end, _ = run(cohort)
    assert end.stop is not None
    assert end.stop.exit_code == 3
    (tmp_path / "away").rename(tmp_path / "in")
    end, again = run(cohort)
    assert len(seen.ended) + len(again.ended) == 7
    assert len(failures(cohort)) == 1


def test_a_folder_that_goes_away_ends_the_run_where_each_chunk_is_one_study(tmp_path):
    folder = begun(write_some(tmp_path / "in", 3), tmp_path / "out", chunk=1).folder
    (tmp_path / "in").rename(tmp_path / "away")
    end, seen = run(folder)
    assert (end.stop is not None, seen.ended) == (True, [])


def test_one_study_that_is_gone_fails_alone(cohort, tmp_path):
    (tmp_path / "in" / NAMES[5] / "cine.nii.gz").unlink()
    end, _ = run(cohort)
    assert end.stop is None
    assert len(failures(cohort)) == 2


def test_a_chunk_that_another_process_works_on_is_left_to_it(cohort):
    chunk = unfinished(cohort)[0]
    with cohort.lock(chunk) as held:
        assert held
        end, _ = run(cohort)
    assert (end.busy, end.done) == (1, 2)


def test_the_rate_is_that_of_late_and_each_worker_has_its_own():
    now = [0.0]
    progress = Progress(10, 2, clock=lambda: now[0])
    for number, worker in enumerate("aab"):
        now[0] += 30.0
        progress.note(StudyEnded(number, "", "done", worker))
    assert (progress.done, progress.rate_per_minute, progress.left_s) == (5, 2.0, 150.0)
    assert progress.by_worker() == {"a": pytest.approx(4 / 3), "b": pytest.approx(2 / 3)}


def test_the_command_makes_the_numbers_that_segment_makes(septum, tmp_path, monkeypatch):
    from septum.io import write_image

    for name in "ab":
        (tmp_path / "in" / name).mkdir(parents=True)
        write_image(tmp_path / "in" / name / f"{name}.nii.gz", phantom().cine)
    (tmp_path / "cine").mkdir()  # no model, though one that is shipped has this name
    monkeypatch.chdir(tmp_path)
    said = septum("cohort", tmp_path / "in", "-o", tmp_path / "out", "--shard", "1/1", "--names")
    assert said.code == 0
    assert septum("cohort", "table", tmp_path / "out").code == 0
    septum("segment", tmp_path / "in", "-o", tmp_path / "seg", "--csv", tmp_path / "seg.csv")
    with (tmp_path / "seg.csv").open() as one, (tmp_path / "out" / "table.csv").open() as other:
        expected, found = list(csv.DictReader(one)), list(csv.DictReader(other))
    found = [{name: row[name] for name in expected[0]} for row in found]
    assert sorted(found, key=lambda row: row["study"]) == expected
    assert septum("cohort", "status", tmp_path / "out", "--json").code == 0
    assert json.loads(septum("cohort", "failures", tmp_path / "out", "--json").out) == []


def test_without_a_source_a_cohort_goes_on_as_it_was_begun(septum, tmp_path):
    write_phantoms(tmp_path / "in", ["a", "b"])
    out = tmp_path / "out"
    assert septum("cohort", "plan", tmp_path / "in", "-o", out, "--masks", "--chunk", 1).code == 0
    assert septum("cohort", "run", "-o", out, "--shard", "1/2", "--names").code == 2
    assert septum("cohort", "run", tmp_path / "in", "-o", out, "--shard", "1/2").code == 3
    assert septum("cohort", "run", "-o", out, "--shard", "1/2").code == 0
    assert len(list((out / "studies").rglob("*_seg.nii.gz"))) == 1
    assert septum("cohort", "run", "-o", tmp_path / "none", "--shard", "1/2").code == 3


def test_a_file_of_somebody_else_is_never_replaced(cohort):
    run(cohort)
    for name in ("table.csv", "table.parquet"):
        write_table(cohort, cohort.path / name)
        write_table(cohort, cohort.path / name)
        (cohort.path / f"mine-{name}").write_text("my notes")
        with pytest.raises(NameTakenError):
            write_table(cohort, cohort.path / f"mine-{name}")
    write_page(cohort, cohort.path / "report.html")
    write_page(cohort, cohort.path / "report.html")
    (cohort.path / "mine.html").write_text("<html>my notes</html>")
    with pytest.raises(NameTakenError):
        write_page(cohort, cohort.path / "mine.html")
    assert (cohort.path / "mine.html").read_text() == "<html>my notes</html>"


def test_an_archive_of_uk_biobank_is_segmented_and_its_number_stands_in_the_private_folder_alone(tmp_path):
    made = write_cine(tmp_path / "made")
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "1234567_20209_2_0.zip", "w") as archive:
        archive.writestr("manifest.cvs", "filename,patientid,date\n1.dcm,1234567,Mar 4, 2020\n")
        for file in sorted(made.iterdir()):
            archive.write(file, f"1.3.12.{file.name}.dcm")
    folder = begun(tmp_path / "in", tmp_path / "out", masks=True).folder
    run(folder)
    (row,) = table(folder)
    assert (row["state"], row["frames"]) == ("done", "5")
    assert [one["source"] for one in failures(folder, sources=True)] == []
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    holding = {path.parent for path in files if b"1234567" in path.read_bytes() or "1234567" in path.name}
    assert holding == {folder.plans / "0001"}


def test_shards_without_work_are_told_and_how_to_have_more_chunks(septum, tmp_path):
    source, out = write_some(tmp_path / "in", 6), tmp_path / "out"
    planned = septum("cohort", "plan", source, "-o", out, "--chunk", "3")
    assert (planned.code, "2 chunks" in planned.out, "--chunk" in planned.out) == (0, True, True)
    idle = septum("cohort", "run", "-o", out, "--shard", "6/6")
    assert (idle.code, "4 of 6 shards" in idle.err, "--chunk 1 " in idle.err) == (0, True, True)
    every = septum("cohort", "plan", source, "-o", tmp_path / "other", "--chunk", "1")
    assert "--chunk" not in every.out
    idle = septum("cohort", "run", "-o", tmp_path / "other", "--shard", "9/9")
    assert ("3 of 9 shards" in idle.err, "--chunk" in idle.err) == (True, False)


def test_a_shard_loads_no_engine():
    modules = ", ".join(f"septum.cohort.{name}" for name in ("running", "looking", "beginning"))
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dask", "distributed", "torch", "pandas", "pyarrow"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "options",
    [
        ["--shard", "0/3"], ["--shard", "4/3"], ["--shard", "1/2", "--workers", "2"],
        ["--walltime", "1:00:00"], ["--slurm", "--memory", "much"], ["--slurm", "--shard", "1/2"],
        ["--heart-rate", "60"],
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(septum, tmp_path, options):
    (tmp_path / "in").mkdir()
    assert septum("cohort", "run", tmp_path / "in", "-o", tmp_path / "out", *options).code == 2


def test_a_folder_that_is_no_cohort_is_refused_in_a_sentence(septum, tmp_path):
    for command in ("status", "table", "failures"):
        said = septum("cohort", command, tmp_path)
        assert said.code == 3
        assert "cohort.json" in said.err
