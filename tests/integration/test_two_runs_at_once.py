"""Two runs on one case at the same time: what stands in the end is what they leave one after the other."""

from __future__ import annotations

import json

import pytest

from septum.core.errors import NameTakenError
from septum.core.files import sha256_of
from septum.core.locks import passing_lock
from septum.inference import ModelOptions
from septum.workflows import saving
from septum.workflows.case_steps import CaseSteps
from septum.workflows.cases import plan_cases
from septum.workflows.lazy_model import LazyModel
from septum.workflows.outputs import requested


class Run:
    """A run on one case that begins now, and writes when it is told to."""

    def __init__(self, bundle, source, out, *, slice_mm=8.0, outputs=(), overwrite=False):
        model = LazyModel(bundle, ModelOptions(threads=1))
        spacing_mm = (slice_mm, 1.5, 1.5)
        self.steps = CaseSteps(
            model, out, spacing_mm=spacing_mm, outputs=requested(outputs), overwrite=overwrite
        )
        (self.case,) = plan_cases([source], out).cases
        self.segmented = self.steps.segment(self.steps.open(self.case), lambda _: None)

    def write(self):
        return self.steps.write(self.segmented)


@pytest.fixture
def begin(bundle, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz")
    return lambda **options: Run(bundle, source, tmp_path / "out", **options)


def test_a_run_finds_all_of_it_done_by_another(begin, files_in, tmp_path):
    plain, with_report = begin(), begin(outputs=["report"])
    with_report.write()
    before = (tmp_path / "out/a_seg.json").read_bytes()
    result = plain.write()
    assert (result.skipped, result.mask_kept) == (True, True)
    assert (tmp_path / "out/a_seg.json").read_bytes() == before
    assert files_in(tmp_path / "out") == ["a_report.html", "a_seg.json", "a_seg.nii.gz"]


def test_a_run_adds_to_what_another_has_just_made(begin, files_in, tmp_path):
    plain, with_report = begin(), begin(outputs=["report"])
    plain.write()
    result = with_report.write()
    assert (result.skipped, result.mask_kept) == (False, True)
    assert json.loads((tmp_path / "out/a_seg.json").read_text())["outputs"] == {"report": {"identify": False}}
    assert files_in(tmp_path / "out") == ["a_report.html", "a_seg.json", "a_seg.nii.gz"]


def test_nothing_of_the_other_run_stays_beside_another_mask_and_that_is_said(begin, files_in, tmp_path):
    thick, with_report = begin(slice_mm=9.0), begin(outputs=["report"])
    with_report.write()
    result = thick.write()
    assert "it was made with other settings (spacing), so the case is done anew" in result.message
    assert result.message.endswith("removed with the earlier mask: a_report.html.")
    assert result.record.mask_sha256 == sha256_of(tmp_path / "out/a_seg.nii.gz")
    assert files_in(tmp_path / "out") == ["a_seg.json", "a_seg.nii.gz"]


def test_a_report_is_not_made_of_a_mask_that_is_gone(begin, files_in, tmp_path):
    begin().write()
    with_report, thick = begin(outputs=["report"]), begin(slice_mm=9.0)
    thick.write()
    with pytest.raises(NameTakenError, match="made anew by another run meanwhile"):
        with_report.write()
    assert files_in(tmp_path / "out") == ["a_seg.json", "a_seg.nii.gz"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_models_of_other_structures_both_leave_their_result(begin, files_in, tmp_path, overwrite):
    ventricles = begin()
    atrium = Run("la", tmp_path / "a.nii.gz", tmp_path / "out", overwrite=overwrite)
    ventricles.write()
    before = (tmp_path / "out/a_seg.json").read_bytes()
    result = atrium.write()
    assert (result.name, set(result.record.labels)) == ("a_la", {"LA"})
    assert (tmp_path / "out/a_seg.json").read_bytes() == before
    assert files_in(tmp_path / "out") == ["a_la_seg.json", "a_la_seg.nii.gz", "a_seg.json", "a_seg.nii.gz"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_name_that_a_model_joins_is_not_taken_from_another_input(
    septum, bundle, write_study, tmp_path, overwrite
):
    files = [write_study(tmp_path / f"{name}.nii.gz", seed=k) for k, name in enumerate(("a", "a_la"))]
    out = ("-o", tmp_path / "out", "--threads", 1)
    assert septum("segment", *files, *out, "--model", bundle).code == 0
    before = (tmp_path / "out/a_la_seg.json").read_bytes()
    answer = septum("segment", files[0], *out, "--model", "la", *["--overwrite"] * overwrite)
    assert (answer.code, "a_la_seg.json" in answer.err) == (4, True)
    assert ("or allow overwriting" in answer.err) is not overwrite
    assert (tmp_path / "out/a_la_seg.json").read_bytes() == before
    (tmp_path / "out/a_la_seg.json").unlink()
    (tmp_path / "out/a_la_seg.nii.gz").unlink()
    answer = septum("segment", *files, *out, "--model", "la", *["--overwrite"] * overwrite)
    assert (answer.code, "another input of this run" in answer.err) == (1, True)


def test_a_run_that_goes_on_and_on_writing_is_not_waited_for_without_end(
    begin, files_in, tmp_path, monkeypatch
):
    monkeypatch.setattr(saving, "PATIENCE_S", 0.1)
    run = begin()
    lock = run.case.paths(tmp_path / "out").lock
    with passing_lock(lock, 0.0) as held:
        assert held
        with pytest.raises(NameTakenError, match="is being written by another run"):
            run.write()
    assert run.write().skipped is False
    assert files_in(tmp_path / "out") == ["a_seg.json", "a_seg.nii.gz"]
