"""End-diastole and end-systole in two files: one case of two frames, with an ejection fraction."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

import septum as package
from septum.core import InputError
from septum.workflows.cases import plan_cases
from septum.workflows.options import IndexSettings


@pytest.fixture
def phases(write_study, tmp_path):
    return [write_study(tmp_path / f"p01_frame{n:02}.nii.gz", seed=n) for n in (1, 12)]


@pytest.fixture
def command(septum, bundle, phases, tmp_path):
    def run(*options, files=phases):
        ed, es = files
        out = ("-o", tmp_path / "out", "--model", bundle)
        return septum("segment", "--ed-file", ed, "--es-file", es, *out, *options)

    return run


def test_they_are_one_case_with_an_ejection_fraction(command, tmp_path, files_in):
    answer = command("--report", "--csv", tmp_path / "all.csv")
    assert answer.code == 0, answer.err
    assert files_in(tmp_path / "out") == ["p01_report.html", "p01_seg.json", "p01_seg.nii.gz"]
    record = json.loads((tmp_path / "out/p01_seg.json").read_text())
    indices = record["indices"]
    assert (record["input"]["frames"], indices["times_ms"]) == (2, None)
    assert (indices["end_diastole_frame"], indices["end_systole_frame"]) == (0, 1)
    assert indices["phases_given"] == ["end_diastole", "end_systole"]
    full, emptied = indices["volumes_ml"]["LV"]
    found = indices["items"]["lv_ef_percent"]["value"]
    assert found == pytest.approx(100 * (full - emptied) / full, abs=0.01)
    assert nib.load(tmp_path / "out/p01_seg.nii.gz").shape == (48, 44, 3, 2)


def test_a_second_run_finds_it_done_and_knows_other_files(command, phases, write_study, tmp_path):
    assert command().code == 0
    assert "already done" in command().out
    assert "mask kept" in command("--height", 1.8, "--weight", 80).out
    moved = tmp_path / "elsewhere" / phases[1].name
    moved.parent.mkdir()
    shutil.copy(phases[1], moved)
    assert "already done" in command("--height", 1.8, "--weight", 80, files=(phases[0], moved)).out
    write_study(moved, seed=5)
    assert command(files=(phases[0], moved)).code == 4
    assert command(files=phases[::-1]).code == 4, "the other way about it is another study"


def test_what_is_no_pair_is_refused(command, phases, write_study, tmp_path):
    cine = write_study(tmp_path / "cine.nii.gz", frames=2)
    answer = command(files=(phases[0], cine))
    assert (answer.code, "2 frames" in answer.err) == (3, True)
    nib.save(nib.Nifti1Image(nib.load(phases[0]).get_fdata()[:40], np.diag([1.5, 1.5, 8.0, 1.0])), cine)
    assert command(files=(phases[0], cine)).code == 3
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("names", "info"),
    [(("p01_frame12", "p01_frame01"), "ED: 12\nES: 1\n"), (("p01_ED", "p01_ES"), None)],
)
def test_two_phases_in_the_folder_of_a_patient_are_one_case(
    septum, bundle, write_study, tmp_path, files_in, names, info
):
    folder, out = tmp_path / "all/p01", tmp_path / "out"
    folder.mkdir(parents=True)
    for seed, name in enumerate(names):
        write_study(folder / f"{name}.nii.gz", seed=seed)
    if info is not None:
        (folder / "Info.cfg").write_text(info)
    call = ("segment", folder, "-o", out, "--model", bundle)
    answer = septum(*call)
    assert answer.code == 0, answer.err
    assert files_in(out) == ["p01_seg.json", "p01_seg.nii.gz"]
    indices = json.loads((out / "p01_seg.json").read_text())["indices"]
    assert indices["phases_given"] == ["end_diastole", "end_systole"]
    assert "lv_ef_percent" in indices["items"]
    assert "already done" in septum(*call).out
    frames = [folder / f"{name}.nii.gz" for name in names]
    assert "already done" in septum("segment", "--ed-file", frames[0], "--es-file", frames[1], *call[2:]).out


def test_given_frames_that_contradict_the_names_are_refused(septum, bundle, write_study, tmp_path):
    files = tuple(write_study(tmp_path / f"p01/p01_{phase}.nii.gz") for phase in ("ED", "ES"))
    call = ("segment", tmp_path / "p01", "-o", tmp_path / "out", "--model", bundle)
    answer = septum(*call, "--ed", 1, "--es", 0)
    assert (answer.code, "p01_ED.nii.gz" in answer.err, "got 1" in answer.err) == (3, True, True)
    assert not (tmp_path / "out/p01_seg.json").exists()
    with pytest.raises(InputError, match="end-systole to be frame 1"):
        package.segment(files, model=bundle, indices=IndexSettings(end_systole=0))
    assert septum(*call, "--ed", 0).code == 0


@pytest.mark.parametrize("added", ["a_ES", "p01", "p01_4d"])
def test_frames_of_several_patients_and_frames_of_a_cine_are_cases_of_their_own(write_study, tmp_path, added):
    folder = tmp_path / "all/p01"
    for name in ("p01_ED", "p01_ES", added):
        write_study(folder / f"{name}.nii.gz")
    plan = plan_cases([folder], tmp_path / "out")
    assert {case.name for case in plan.cases} == {"p01_ED", "p01_ES", added}
    (folder / f"{added}.nii.gz").unlink()
    plan = plan_cases([tmp_path / "all"], tmp_path / "out")
    assert {case.name for case in plan.cases} == {"p01_ED", "p01_ES"}, "below a folder each file is a case"


def test_two_files_of_one_phase_and_cines_of_two_phases_are_cases_of_their_own(write_study, tmp_path):
    folder = tmp_path / "p01"
    first, second = (write_study(folder / f"p01_{phase}.nii.gz") for phase in ("ED", "ES"))
    shutil.copy(first, folder / "p01_ED.nii")  # whatever it holds, its name is that of the same phase
    assert len(plan_cases([folder], tmp_path / "out").cases) == 3
    (folder / "p01_ED.nii").unlink()
    assert len(plan_cases([folder], tmp_path / "out").cases) == 1
    write_study(second, frames=2)
    cases = plan_cases([folder], tmp_path / "out").cases
    assert {case.name: case.phases for case in cases} == {"p01_ED": None, "p01_ES": None}


@pytest.mark.parametrize(
    "arguments",
    [("--ed-file", "a.nii"), ("--ed-file", "a.nii", "--es-file", "b.nii", "c.nii"), (),
     ("--ed-file", "a.nii", "--es-file", "b.nii", "--ed", 0)],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(septum, tmp_path, arguments):
    assert septum("segment", *arguments, "-o", tmp_path / "out").code == 2


def test_from_python_a_pair_of_files_gives_the_same(command, bundle, phases, tmp_path):
    command()
    with pytest.warns(package.QualityWarning):
        result = package.segment(tuple(phases), model=bundle)
    written = np.asarray(nib.load(tmp_path / "out/p01_seg.nii.gz").dataobj).transpose()
    assert np.array_equal(result.labels, written)
    record = json.loads((tmp_path / "out/p01_seg.json").read_text())
    assert result.study.sha256 == record["input"]["sha256"]
    assert result.name == "p01"
