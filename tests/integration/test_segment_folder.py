"""Folders of files: names, skips, reruns, one bad file among good ones, one model for all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from septum.core import InputError
from septum.workflows import case_steps, lazy_model
from septum.workflows.cases import plan_cases


@pytest.fixture
def loads(monkeypatch):
    """How often a model is loaded."""
    counted = []
    original = lazy_model.Model

    def load(*arguments, **options):
        counted.append(arguments)
        return original(*arguments, **options)

    monkeypatch.setattr(lazy_model, "Model", load)
    return counted


def names_of(inputs: list[Path], out: Path) -> dict[str, str]:
    """Source to name of the results, as planned."""
    return {case.source.name: case.name for case in plan_cases(inputs, out).cases}


def touch(*paths: Path) -> list[Path]:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return list(paths)


def test_a_folder_is_searched_masks_are_passed_over_and_the_model_is_loaded_once(
    septum, bundle, write_study, tmp_path, files_in, loads
):
    data, out = tmp_path / "data", tmp_path / "out"
    for i, name in enumerate(["a.nii.gz", "deep/er/b.nii.gz", "deep/c.nii", "deep/c_gt.nii.gz"]):
        write_study(data / name, seed=i)
    answer = septum("segment", data, "-o", out, "--model", bundle)
    assert (answer.code, len(loads)) == (0, 1)
    assert files_in(out) == [f"{n}_seg.{e}" for n in "abc" for e in ("json", "nii.gz")]
    assert "c_gt.nii.gz, which is a mask by its name" in answer.err
    assert "3 segmented" in answer.out
    assert all(str(out / f"{n}_seg.nii.gz") in answer.out for n in "abc")


def test_finished_cases_are_skipped_without_loading_a_model(septum, bundle, write_study, tmp_path, loads):
    write_study(tmp_path / "data/a.nii.gz")
    command = ("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle)
    assert septum(*command).code == 0
    mask, record = tmp_path / "out/a_seg.nii.gz", tmp_path / "out/a_seg.json"
    before = (mask.stat().st_mtime_ns, record.read_bytes())
    loads.clear()
    answer = septum(*command, "--threads", 1)
    assert (answer.code, loads) == (0, [])
    assert "1 already done" in answer.out
    assert (mask.stat().st_mtime_ns, record.read_bytes()) == before
    assert septum(*command, "--overwrite").code == 0
    assert len(loads) == 1
    assert mask.stat().st_mtime_ns != before[0]


@pytest.mark.parametrize("change", ["model", "spacing", "version", "mask", "form"])
def test_what_has_changed_is_done_anew(septum, bundle, write_study, tmp_path, loads, change):
    source, out = write_study(tmp_path / "a.nii.gz"), tmp_path / "out"
    command = ["segment", source, "-o", out, "--model", bundle]
    assert septum(*command).code == 0
    loads.clear()
    match change:
        case "model":
            manifest = json.loads((bundle / "model.json").read_text())
            (bundle / "model.json").write_text(json.dumps(manifest | {"title": "another"}))
        case "spacing":
            command += ["--spacing", "9,1.5,1.5"]
        case "version":
            told = json.loads((out / "a_seg.json").read_text())
            told["software"]["version"] = "0.0.1"
            (out / "a_seg.json").write_text(json.dumps(told))
        case "mask":
            (out / "a_seg.nii.gz").unlink()
        case "form":
            told = json.loads((out / "a_seg.json").read_text())
            (out / "a_seg.json").write_text(json.dumps(told | {"a field of a later version": 1}))
    answer = septum(*command)
    assert (answer.code, len(loads)) == (0, 1)
    assert "done anew" in answer.err
    assert septum(*command).code == 0
    assert len(loads) == 1


def test_a_bad_file_is_reported_and_the_rest_is_done(septum, bundle, write_study, tmp_path, files_in):
    write_study(tmp_path / "data/a.nii.gz")
    (tmp_path / "data/b.nii.gz").write_text("no image")
    write_study(tmp_path / "data/c.nii.gz")
    answer = septum(
        "segment", tmp_path / "data", tmp_path / "gone", "-o", tmp_path / "out", "--model", bundle
    )
    assert answer.code == 1
    assert [line for line in answer.err.splitlines() if "error" in line and "b.nii.gz" in line]
    assert [line for line in answer.err.splitlines() if "error" in line and "gone" in line]
    assert files_in(tmp_path / "out") == [f"{n}_seg.{e}" for n in "ac" for e in ("json", "nii.gz")]
    assert "2 segmented, 2 failed" in answer.out


def test_a_named_file_that_may_not_be_read_fails_alone(septum, bundle, write_study, tmp_path, monkeypatch):
    write_study(tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.gz").write_text("no image")
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "b.nii" not in os.fspath(path) and may(path, mode))
    inputs = (tmp_path / "a.nii.gz", tmp_path / "b.nii.gz")
    answer = septum("segment", *inputs, "-o", tmp_path / "out", "--model", bundle)
    assert (answer.code, (tmp_path / "out/a_seg.json").is_file()) == (1, True)


def test_a_folder_of_nothing_but_bad_files_has_their_exit_code(septum, bundle, tmp_path):
    (tmp_path / "data").mkdir()
    for name in "ab":
        (tmp_path / "data" / f"{name}.nii.gz").write_text("no image")
    answer = septum("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle)
    assert (answer.code, len(answer.err.splitlines())) == (3, 2)


def test_an_unforeseen_error_in_one_file_does_not_end_the_run(
    septum, bundle, write_study, tmp_path, monkeypatch
):
    for name in "ab":
        write_study(tmp_path / "data" / f"{name}.nii.gz")
    original = case_steps.read_study

    def fail_on_a(path, **settings):
        if path.name == "a.nii.gz":
            raise ZeroDivisionError("Somebody^Known")
        return original(path, **settings)

    monkeypatch.setattr(case_steps, "read_study", fail_on_a)
    answer = septum("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle)
    assert answer.code == 1
    assert "unexpected ZeroDivisionError" in answer.err
    assert "Traceback" not in answer.err
    assert "Somebody" not in answer.err
    assert (tmp_path / "out/b_seg.json").is_file()


def write_mask_without_a_word(path: Path) -> Path:
    """A mask whose name is an image's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.zeros((48, 44, 3), np.uint8)
    labels[10:30, 10:30] = 1
    nib.save(nib.Nifti1Image(labels, np.diag([1.5, 1.5, 8.0, 1.0])), path)
    return path


def test_what_looks_like_a_mask_is_passed_over_in_a_folder_and_refused_by_name(
    septum, bundle, write_study, tmp_path, files_in
):
    write_study(tmp_path / "data/a.nii.gz")
    mask = write_mask_without_a_word(tmp_path / "data/truth_in_disguise.nii.gz")
    command = ("-o", tmp_path / "out", "--model", bundle)
    answer = septum("segment", tmp_path / "data", *command)
    assert answer.code == 0
    assert f"septum: {mask}: passed over, since it looks like a mask." in answer.err.splitlines()
    assert "error" not in answer.err
    assert files_in(tmp_path / "out") == ["a_seg.json", "a_seg.nii.gz"]
    assert septum("segment", mask, *command).code == 3
    both = septum("segment", tmp_path / "data", mask, *command)
    assert both.code == 1
    assert "looks like a mask" in both.err


def test_a_subfolder_that_cannot_be_read_is_reported_and_the_rest_is_done(
    septum, bundle, write_study, tmp_path, monkeypatch
):
    write_study(tmp_path / "data/a/x.nii.gz")
    write_study(tmp_path / "data/b/y.nii.gz")
    list_folder = os.scandir

    def forbid(path):
        if Path(path) == tmp_path / "data/b":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", forbid)
    answer = septum("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle)
    assert answer.code == 1
    (line,) = [line for line in answer.err.splitlines() if "error" in line]
    assert f"{tmp_path / 'data/b'} cannot be read (Permission denied)" in line
    assert (tmp_path / "out/x_seg.json").is_file()


def test_equal_names_go_into_their_folders(tmp_path):
    data = tmp_path / "data"
    touch(data / "x/heart.nii.gz", data / "y/z/heart.nii", data / "lone.nii.gz", data / "x/other.nrrd")
    cases = plan_cases([data], tmp_path / "out").cases
    assert [case.name for case in cases] == ["lone", "x/heart", "other", "y/z/heart"]


def test_equal_names_of_files_are_counted_from_their_common_folder(tmp_path):
    sources = touch(tmp_path / "x/heart.nii.gz", tmp_path / "y/heart.nii.gz")
    names = [case.name for case in plan_cases(sources, tmp_path / "out").cases]
    assert names == ["x/heart", "y/heart"]


def test_equal_names_in_one_folder_are_told_apart_by_their_ending(tmp_path):
    touch(tmp_path / "d/a.nii.gz", tmp_path / "d/a.nrrd", tmp_path / "d/b.nii")
    assert names_of([tmp_path / "d"], tmp_path / "out") == {
        "a.nii.gz": "a_nii_gz",
        "a.nrrd": "a_nrrd",
        "b.nii": "b",
    }


def test_names_that_cannot_be_told_apart_are_refused(tmp_path):
    touch(tmp_path / "a.nii.gz", tmp_path / "a.nrrd", tmp_path / "a_nrrd.nii")
    with pytest.raises(InputError, match="separate runs"):
        plan_cases([tmp_path], tmp_path / "out")


def test_a_file_named_twice_is_one_case(tmp_path):
    touch(tmp_path / "d/a.nii.gz")
    cases = plan_cases([tmp_path / "d", tmp_path / "d/a.nii.gz"], tmp_path / "out").cases
    assert len(cases) == 1


def test_an_archive_beside_images_is_told(tmp_path, write_study):
    write_study(tmp_path / "a.nii.gz")
    (tmp_path / "b.tar.gz").touch()
    plan = plan_cases([tmp_path], tmp_path / "out")
    assert [case.name for case in plan.cases] == ["a"]
    assert plan.passed_over == (f"{tmp_path}: passed over the archive b.tar.gz: unpack what holds images.",)


def test_an_image_of_another_format_beside_images_is_told(tmp_path, write_study):
    write_study(tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.bz2").touch()
    plan = plan_cases([tmp_path], tmp_path / "out")
    assert [case.name for case in plan.cases] == ["a"]
    (told,) = plan.passed_over
    assert "b.nii.bz2" in told


def test_results_below_the_input_folder_are_no_input(septum, bundle, write_study, tmp_path, files_in):
    write_study(tmp_path / "a.nii.gz")
    write_study(tmp_path / "out/leftover.nii.gz")
    plan = plan_cases([tmp_path], tmp_path / "out")
    assert [case.name for case in plan.cases] == ["a"]
    assert plan.passed_over == ()
    # Results beside their images, too: what they are is plain from their names.
    beside = tmp_path / "beside"
    write_study(beside / "a.nii.gz")
    for _ in range(2):
        assert septum("segment", beside, "-o", beside, "--model", bundle).code == 0
    assert files_in(beside) == ["a.nii.gz", "a_seg.json", "a_seg.nii.gz"]


def test_a_full_disk_ends_the_run_and_leaves_nothing_half_written(
    septum, bundle, write_study, tmp_path, monkeypatch, files_in
):
    for name in "abc":
        write_study(tmp_path / "data" / f"{name}.nii.gz")
    original, written = Path.write_bytes, []

    def fill(path, content):
        if len(written) == 1:
            original(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        return original(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    answer = septum("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle)
    assert answer.code == 4
    assert len([line for line in answer.err.splitlines() if "No space left" in line]) == 1
    assert "Traceback" not in answer.err
    assert files_in(tmp_path / "out") == ["a_seg.json", "a_seg.nii.gz"]
