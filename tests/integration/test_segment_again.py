"""A case that is done once more: its mask is kept where it can be, and nothing of another one stays."""

from __future__ import annotations

import json
import re
import sys

import nibabel as nib
import nrrd
import numpy as np
import pytest

from septum.core.files import sha256_of
from septum.inference import ModelOptions
from septum.workflows import lazy_model, saving
from septum.workflows.case_steps import CaseSteps
from septum.workflows.cases import plan_cases
from septum.workflows.lazy_model import LazyModel
from septum.workflows.outputs import requested

ALL = ("--report", "--mesh", "stl", "--all-frames")


@pytest.fixture(scope="module")
def model(made_bundle):
    """The bundle, loaded once."""
    return LazyModel(made_bundle, ModelOptions(threads=1))


@pytest.fixture
def case(septum, bundle, write_study, tmp_path):
    """A function that segments one cine of three frames: ``case("--report")``; its ``out`` is the folder."""
    source = write_study(tmp_path / "a.nii.gz", frames=3)

    def segment(*options, out=tmp_path / "out", source=source):
        return septum("segment", source, "-o", out, "--model", bundle, *options)

    segment.source, segment.out = source, tmp_path / "out"
    return segment


@pytest.fixture
def no_model(monkeypatch):
    """A function after which no model can be loaded."""
    return lambda: monkeypatch.setattr(lazy_model, "Model", None)


def written(path):
    """Which file this is, and when it was written."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def record_in(folder):
    return {k: v for k, v in json.loads((folder / "a_seg.json").read_text()).items() if k != "timings_s"}


def report_in(folder):
    """The report without the seconds that its mask took, and without the moment of its writing."""
    changing = r'\d+\.\d s|<time .*?</time>|"written":".*?"'
    return re.sub(changing, "", (folder / "a_report.html").read_text())


@pytest.mark.parametrize(
    ("first", "then"),
    [((), ALL), ((*ALL,), (*ALL, "--ed", 1, "--es", 2, "--height", 1.8, "--weight", 80)), (ALL[:1], ALL)],
)
def test_what_is_made_of_a_mask_that_is_there_is_what_a_run_in_one_go_makes(
    case, no_model, files_in, tmp_path, first, then
):
    assert case(*then, out=tmp_path / "whole").code == 0
    assert case(*first).code == 0
    mask = written(case.out / "a_seg.nii.gz")
    no_model()
    answer = case(*then)
    assert (answer.code, "mask kept" in answer.out) == (0, True)
    assert "done anew" not in answer.err
    assert written(case.out / "a_seg.nii.gz") == mask
    assert record_in(case.out) == record_in(tmp_path / "whole")
    assert report_in(case.out) == report_in(tmp_path / "whole")
    assert files_in(case.out) == files_in(tmp_path / "whole")
    assert "already done" in case(*then).out


def test_what_shows_other_indices_goes_and_meshes_of_the_mask_stay(case, no_model, files_in):
    case(*ALL)
    no_model()
    answer = case("--es", 1)
    assert re.search(r"a_seg\.nii\.gz: removed .*a_report\.html", answer.err)
    assert not (case.out / "a_report.html").exists()
    assert len([name for name in files_in(case.out) if name.startswith("a_mesh/")]) == 9
    assert record_in(case.out)["indices"]["end_systole_frame"] == 1
    assert record_in(case.out)["outputs"]["mesh"] == {"format": "stl", "all_frames": True}
    assert "already done" in case("--es", 1, "--mesh", "stl").out


def test_meshes_are_of_the_phases_that_are_shown(case, no_model, files_in):
    def meshes():
        return [name[-7:-4] for name in files_in(case.out) if name.startswith("a_mesh/a_LV")]

    case("--mesh", "stl", "--ed", 0, "--es", 2)
    assert meshes() == ["000", "002"]
    no_model()
    case("--mesh", "stl", "--ed", 0, "--es", 1)
    assert meshes() == ["000", "001"]
    assert "mask kept" in case("--ed", 0, "--es", 1, "--heart-rate", 60).out
    assert meshes() == ["000", "001"]
    answer = case("--ed", 0, "--es", 2)
    assert ("removed with the earlier indices: a_mesh" in answer.err, meshes()) == (True, [])
    assert "mask kept" in case("--ed", 0, "--es", 2, "--mesh", "stl", "--all-frames").out
    assert meshes() == ["000", "001", "002"]
    assert "already done" in case("--ed", 0, "--es", 2, "--mesh", "stl").out


def test_meshes_of_detected_phases_stay_until_other_frames_are_given(case, no_model, files_in):
    case("--mesh", "stl")
    no_model()
    before = files_in(case.out)
    indices = record_in(case.out)["indices"]
    found = indices["end_diastole_frame"], indices["end_systole_frame"]
    assert None not in found
    case("--heart-rate", 60)
    case("--ed", found[0])
    case("--ed", found[0], "--es", found[1])
    assert (files_in(case.out), record_in(case.out)["outputs"]["mesh"]["all_frames"]) == (before, False)
    assert "removed with the earlier indices: a_mesh" in case("--ed", found[1], "--es", found[0]).err


def test_what_is_missing_is_written_again_of_the_mask(case, no_model, files_in):
    case(*ALL)
    before = files_in(case.out)
    no_model()
    (case.out / "a_mesh/a_LV_001.stl").unlink()
    assert "mask kept" in case(*ALL).out
    assert files_in(case.out) == before


@pytest.mark.parametrize("how", [("--overwrite",), ("--spacing", "9,1.5,1.5")])
def test_what_an_earlier_run_wrote_beside_a_mask_goes_with_it_and_nothing_else_does(case, files_in, how):
    case(*ALL)
    for own in ("a_mesh/a_LV.stl", "a_seg.dcm", "a_sr.dcm", "b_report.html"):
        (case.out / own).write_text("the user's")
    answer = case(*how)
    assert answer.code == 0
    assert re.search(r"removed .*a_report\.html, a_mesh", answer.err)
    assert files_in(case.out) == [
        "a_mesh/a_LV.stl", "a_seg.dcm", "a_seg.json", "a_seg.nii.gz", "a_sr.dcm", "b_report.html",
    ]  # fmt: skip


def test_a_file_that_no_record_knows_is_neither_removed_nor_replaced_unasked(case):
    case()
    (case.out / "a_report.html").write_text("the user's")
    assert case("--overwrite").code == 0
    answer = case("--report")
    assert (answer.code, "a_report.html" in answer.err) == (4, True)
    assert (case.out / "a_report.html").read_text() == "the user's"
    assert case("--report", "--overwrite").code == 0
    assert "the user's" not in (case.out / "a_report.html").read_text()


def test_a_mask_that_was_drawn_over_is_neither_replaced_nor_reported_unasked(case):
    case()
    path = case.out / "a_seg.nii.gz"
    mask = nib.load(path)
    labels = np.asarray(mask.dataobj).copy()
    labels[20:24, 20:24] = 3
    nib.save(nib.Nifti1Image(labels, mask.affine, mask.header), path)
    drawn = path.read_bytes()
    for options in (("--report",), ("--spacing", "9,1.5,1.5")):
        answer = case(*options)
        assert answer.code == 4
        assert f"{path} was changed" in answer.err
    assert path.read_bytes() == drawn
    assert case("--report", "--overwrite").code == 0
    assert path.read_bytes() != drawn


class Killed(BaseException):
    """The process is gone."""


STEPS = ("remove_outputs", "remove_file", "staged_mask", "write_record", "write_outputs")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_nothing_of_an_earlier_mask_beside_a_later_record(
    model, write_study, tmp_path, monkeypatch, files_in, step, after
):
    out = tmp_path / "out"
    (case,) = plan_cases([write_study(tmp_path / "a.nii.gz")], out).cases

    def run(slice_mm, outputs=()):
        steps = CaseSteps(model, out, spacing_mm=(slice_mm, 1.5, 1.5), outputs=requested(outputs))
        steps.write(steps.segment(steps.open(case), lambda _: None))

    original = getattr(saving, step)

    def killed(*arguments):
        if after:
            original(*arguments)
        raise Killed

    run(8.0, ["report", "mesh"])
    old = {name: written(out / name) for name in files_in(out)}
    monkeypatch.setattr(saving, step, killed)
    with pytest.raises(Killed):
        run(9.0, {"report": {}, "mesh": {"format": "ply"}})
    monkeypatch.undo()
    stays = [name for name in files_in(out) if old.get(name) == written(out / name)]
    assert stays == [] or "a_seg.json" in stays
    if (out / "a_seg.nii.gz").exists():  # one without its own JSON could not be told from a user's
        told = json.loads((out / "a_seg.json").read_text())
        assert told["mask_sha256"] == sha256_of(out / "a_seg.nii.gz")
    run(10.0)
    assert files_in(out) == ["a_seg.json", "a_seg.nii.gz"]


def test_files_beside_a_mask_and_the_table_are_told(case, tmp_path):
    answer = case(*ALL, "--csv", tmp_path / "all.csv")
    assert all(name in answer.out for name in ("a_report.html", "a_mesh/", str(tmp_path / "all.csv")))
    (result,) = json.loads(case(*ALL, "--json").out)["results"]
    quality = result["record"]["quality"]
    assert f"  {quality['verdict']}" in answer.out
    assert f": {', '.join(flag['key'] for flag in quality['flags'])}  (" in answer.out
    assert result["outputs"] == [str(case.out / "a_report.html"), str(case.out / "a_mesh")]
    assert (result["skipped"], result["mask_kept"]) == (True, True)


@pytest.mark.parametrize("table", ["taken.csv", "file/all.csv"])
def test_a_table_that_cannot_be_written_is_known_before_anything_is_done(case, tmp_path, table):
    (tmp_path / "taken.csv").mkdir()
    (tmp_path / "file").write_text("no folder")
    answer = case("--csv", tmp_path / table)
    assert answer.code == 4
    assert not case.out.exists()


@pytest.mark.parametrize("own", ["patient,ef\n1,60\n", "study\n", "\n"])
def test_a_table_that_septum_did_not_write_is_not_replaced_unasked(case, tmp_path, own):
    table = tmp_path / "all.csv"
    table.write_text(own)
    answer = case("--csv", table)
    assert answer.code == 4
    assert str(table) in answer.err
    assert not case.out.exists()
    assert table.read_text() == own
    assert case("--csv", table, "--overwrite").code == 0
    written = table.read_text()
    table.write_text(written.replace("\na,", "\nb,"))
    assert case("--csv", table).code == 0
    assert table.read_text() == written
    table.write_text("")
    assert case("--csv", table).code == 0


@pytest.mark.parametrize("drawn_over", [False, True])
def test_the_mask_of_an_earlier_format_goes_with_it_unless_somebody_changed_it(case, files_in, drawn_over):
    case()
    if drawn_over:
        (case.out / "a_seg.nii.gz").write_bytes(b"drawn")
    image = nib.load(case.source)
    fields = {"kinds": ["domain"] * 3 + ["time"], "space": "left-posterior-superior"}
    fields["space directions"] = [*np.diag(image.header.get_zooms()[:3]).tolist(), [np.nan] * 3]
    nrrd.write(str(case.source.with_name("a.nrrd")), np.asarray(image.dataobj), fields)
    answer = case("--overwrite", source=case.source.with_name("a.nrrd"))
    assert answer.code == 0, answer.err
    assert (re.search(r"removed .*a_seg\.nii\.gz", answer.err) is not None) is not drawn_over
    kept = ["a_seg.nii.gz"] if drawn_over else []
    assert files_in(case.out) == ["a_seg.json", *kept, "a_seg.nrrd"]


def test_an_engine_that_is_not_there_is_refused_before_anything_is_said_of_the_case(
    case, files_in, monkeypatch
):
    case("--report")
    before = {name: written(case.out / name) for name in files_in(case.out)}
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    answer = case("--engine", "onnxruntime")
    assert answer.code == 6
    (line,) = answer.err.splitlines()
    assert line.startswith("septum: error: ")
    assert {name: written(case.out / name) for name in files_in(case.out)} == before


def test_a_patient_that_no_file_names_is_told_once(case):
    answer = case("--report", "--identify")
    assert (answer.code, answer.err.count("does not show who the patient is")) == (0, 1)
    assert "already done" in case("--report").out
