"""Paths as nobody would choose them: each gets a result or one true sentence, and never code 70."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.full_disk import full_disk


@pytest.fixture
def one(septum, bundle, write_study, tmp_path):
    """A function that segments one volume: ``one("--report", source=..., out=...)``."""
    here = write_study(tmp_path / "one.nii.gz")

    def segment(*options, source=here, out=tmp_path / "out"):
        return septum("segment", *(source if isinstance(source, list) else [source]), "-o", out,
                      "--model", bundle, *options)  # fmt: skip

    segment.source, segment.out = here, tmp_path / "out"
    return segment


@pytest.fixture
def loop(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return tmp_path / "loop"


def test_a_name_that_is_no_text_can_be_reported_and_listed(one, tmp_path):
    odd = os.fsdecode(bytes(tmp_path) + b"/odd\xff.nii.gz")
    one.source.rename(odd)
    answer = one("--report", "--csv", one.out / "all.csv", source=odd)
    assert answer.code == 0, answer.err
    assert "odd\\udcff," in (one.out / "all.csv").read_text(encoding="utf-8")
    (page,) = one.out.glob("*.html")
    assert "odd\\udcff" in page.read_text(encoding="utf-8")


def test_a_name_never_speaks_to_the_terminal(one, tmp_path):
    odd = tmp_path / "a\x1b[2J\nb  c\u202e.nii.gz"
    one.source.rename(odd)
    answer = one("--report", "--csv", one.out / "all\x1b.csv", source=odd)
    assert answer.code == 0, answer.err
    assert "a\\x1b[2J\\nb  c\\u202e_seg.nii.gz" in answer.out
    odd.write_bytes(b"no image")
    failed = one("--overwrite", source=odd)
    assert "b  c\\u202e.nii.gz" in failed.err
    told = answer.out + answer.err + failed.out + failed.err
    assert not set(told) & set("\x1b\u202e")


def test_an_input_beyond_a_loop_of_links_fails_alone(one, loop):
    answer = one(source=[loop / "x.nii.gz", one.source])
    assert answer.code == 1
    assert f"{loop / 'x.nii.gz'} is missing" in answer.err
    assert len(list(one.out.rglob("one_seg.nii.gz"))) == 1


def test_results_beyond_a_loop_of_links_are_refused(one, loop, septum):
    answer = one(out=loop / "out")
    assert (answer.code, f"{loop} is a link to nothing" in answer.err) == (4, True)
    answer = septum("convert", one.source, "-o", loop / "c.nii.gz")
    assert (answer.code, "Too many levels of symbolic links" in answer.err) == (4, True)


def test_a_folder_that_may_not_be_looked_into_is_refused_for_results(one, tmp_path, monkeypatch):
    closed, stat = tmp_path / "closed", os.stat

    def refuse(path, *arguments, **options):
        if isinstance(path, str | os.PathLike) and str(path).startswith(f"{closed}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *arguments, **options)

    closed.write_text("no folder")  # whoever runs this may look into any
    monkeypatch.setattr(os, "stat", refuse)
    answer = one(out=closed / "deeper")
    assert (answer.code, f"{closed / 'deeper'} cannot be used for results" in answer.err) == (4, True)


def test_an_input_in_a_closed_folder_fails_alone(one, septum, tmp_path, monkeypatch):
    closed, stat = tmp_path / "closed", os.stat

    def refuse(path, *arguments, **options):
        if isinstance(path, str | os.PathLike) and str(path).startswith(f"{closed}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refuse)
    for name in ("x.nii.gz", "study"):
        answer = one(source=[closed / name, one.source])
        assert (answer.code, f"{closed / name} cannot be read" in answer.err) == (1, True)
        answer = septum("info", closed / name)
        assert (answer.code, f"{closed / name} cannot be read" in answer.err) == (3, True)


def test_a_run_from_a_folder_that_is_gone(one, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    answer = one(out="out")
    assert (answer.code, "the folder that it is counted from is gone" in answer.err) == (4, True)
    answer = one(source="one.nii.gz")
    assert (answer.code, "one.nii.gz is missing" in answer.err) == (3, True)
    assert one().code == 0
    monkeypatch.chdir(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("log", ["2>/dev/full", "2>&-"])
def test_a_log_that_cannot_be_written_ends_no_run_and_changes_no_code(one, bundle, log):
    def code_of(*command):
        script = f'exec "$@" {log}'
        return subprocess.run(
            ["sh", "-c", script, "sh", sys.executable, "-m", "septum", *map(str, command)], check=False
        ).returncode

    assert code_of("segment", one.source, "-o", one.out, "--model", bundle, "--report") == 0
    assert (one.out / "one_report.html").is_file()
    assert code_of("segment", one.out / "none.nii.gz", "-o", one.out, "--model", bundle) == 3
    assert code_of("segment", "--none") == 2


def test_a_json_without_end_is_told_to_be_none(one):
    one.out.mkdir()
    (one.out / "one_seg.json").write_text("[" * 100_000)
    answer = one()
    assert (answer.code, "one_seg.json is not recognised as a result of Septum" in answer.err) == (4, True)


@pytest.mark.parametrize("linked", [False, True])
def test_an_input_is_never_replaced_by_the_result_of_another(one, write_study, tmp_path, linked):
    other = write_study(tmp_path / "one_seg.nii.gz", seed=1)
    named = tmp_path / "other.nii.gz" if linked else other
    if linked:
        named.symlink_to(other)
    before = other.read_bytes()
    answer = one("--overwrite", source=[one.source, named], out=tmp_path)
    assert answer.code == 1
    assert f"{other} is an input, and would be replaced by the result of one" in answer.err
    assert other.read_bytes() == before


def test_a_pipe_is_not_waited_for(one, tmp_path):
    os.mkfifo(tmp_path / "pipe.nii.gz")
    os.mkfifo(tmp_path / "pipe.csv")
    answer = one(source=tmp_path / "pipe.nii.gz")
    assert (answer.code, "is no file but a pipe or a device" in answer.err) == (3, True)
    answer = one("--csv", tmp_path / "pipe.csv")
    assert (answer.code, "is not recognised as a table of Septum" in answer.err) == (4, True)


def test_a_file_in_the_place_of_the_folder_of_meshes_is_known_before_anything_is_done(one, files_in):
    one.out.mkdir()
    (one.out / "one_mesh").write_text("the user's")
    answer = one("--mesh", "stl")
    assert (answer.code, "one_mesh is not recognised as a result of Septum" in answer.err) == (4, True)
    assert files_in(one.out) == ["one_mesh"]


def test_meshes_without_room_leave_the_mask_and_no_empty_folder(one):
    assert one().code == 0
    with full_disk(15_000):
        answer = one("--mesh", "stl")
    assert answer.code == 4
    assert "finished before it stay" in answer.err
    assert sorted(path.name for path in one.out.iterdir()) == ["one_seg.json", "one_seg.nii.gz"]
    assert json.loads((one.out / "one_seg.json").read_text())["outputs"]["mesh"] == {
        "format": "stl",
        "all_frames": False,
    }
    assert one("--mesh", "stl").code == 0
