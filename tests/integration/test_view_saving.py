"""Saving corrections: the mask in its own grid and format, all that stood beside it, the first mask kept."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from pydicom import dcmread

from septum.core.files import sha256_of
from septum.io import read_mask
from septum.workflows.indices_table import write_indices_csv
from septum.workflows.record import read_record
from support.dicom_study import heart as dicom_heart
from support.dicom_study import write_cine
from support.hearts import LV
from support.view_studies import Page, beating, measured_again, runs_of, write_result

SLICE_OUT = {"frames": [0, 1, 2, 3], "slices": [8], "structures": None, "present": False}


@pytest.fixture
def folder(tmp_path):
    write_result(tmp_path, outputs=["report"])
    record = read_record(tmp_path / "heart_seg.json")
    write_indices_csv(tmp_path / "table.csv", {"heart": record, "other": record})
    return tmp_path


def stroke(page):
    slice_ = page.mask()[0, 4]
    slice_[:10, :10] = LV
    return [[0, 4, runs_of(slice_)]]


def test_a_stroke_is_in_the_file_of_the_mask_and_the_ef_that_comes_of_it_in_json_and_table(folder):
    page = Page.of(folder)
    before = read_mask(folder / "heart_seg.nii.gz").cine.array
    kept = sha256_of(folder / "heart_seg.nii.gz")
    told = page.edit("paint", changes=stroke(page))["numbers"]
    answer = page.now("save", reader="Ada Reader")
    assert {"heart_seg.nii.gz", "heart_seg.json", "heart_report.html", "table.csv"} <= set(answer["files"])
    after = read_mask(folder / "heart_seg.nii.gz").cine.array
    assert ((after == LV) & (before != LV)).sum() == 100
    assert (after[0, 4, :10, :10] == LV).all()
    assert sha256_of(folder / "heart_original_mask.nii.gz") == kept
    document = json.loads((folder / "heart_seg.json").read_text())
    ef = next(item["value"] for item in told["items"] if item["key"] == "lv_ef_percent")
    assert document["indices"]["items"]["lv_ef_percent"]["value"] == ef
    assert document["mask_origin"] == "corrected"
    correction = document["correction"]
    assert correction["reader"] == "Ada Reader"
    assert [(one["action"], one["slices"]) for one in correction["edits"]] == [("paint", [[0, 4]])]
    assert correction["before"]["indices"]["items"]["lv_ef_percent"]["value"] != ef
    assert correction["before"]["mask_sha256"] == kept
    rows = {row["study"]: row for row in csv.DictReader((folder / "table.csv").read_text().splitlines())}
    assert float(rows["heart"]["lv_ef_percent"]) == ef
    assert float(rows["other"]["lv_ef_percent"]) != ef


def test_measuring_what_was_saved_gives_the_numbers_that_were_shown(folder):
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    shown = page.edit("phases", end_diastole=1, end_systole=2)["numbers"]
    page.now("save", reader="R")
    result = measured_again(folder / "heart_seg.nii.gz", folder / "heart.nii.gz")
    record = result.record()
    assert record.indices.volumes_ml == {k: tuple(v) for k, v in shown["volumes_ml"].items()}
    assert {key: one.value for key, one in record.indices.items.items()} == {
        one["key"]: one["value"] for one in shown["items"]
    }
    assert (result.verdict.value, record.indices.end_diastole_frame) == (shown["verdict"], 1)
    assert result.provenance.correction.reader == "R"


def test_a_saved_study_is_opened_with_its_corrections_and_what_the_model_made(folder):
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    page.now("save", reader="R")
    again = Page.of(folder)
    study = again.study()
    assert (study["version"], study["saved_version"], study["edits"]) == (1, 1, 1)
    assert study["original_numbers"] == page.study()["original_numbers"]
    assert again.studies()[0]["edited"]
    assert again.mask("model")[:, 8].any()
    again.now("undo")
    assert (again.mask() == again.mask("model")).all()


def test_steps_drawn_before_a_name_was_asked_are_of_the_reader_who_gives_it(folder):
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    page.edit("paint", changes=stroke(page), reader="Ada Reader")
    page.now("undo")
    page.worklist.reader = ""  # nobody has said yet who reads
    page.edit("copy", **{"from": [0, 5], "to": [[0, 4]], "structures": None})
    page.now("save", reader="Bo Reader")
    readers = [
        one["reader"] for one in json.loads((folder / "heart_seg.json").read_text())["correction"]["edits"]
    ]
    assert readers == ["Bo Reader", "Bo Reader"]
    again = Page.of(folder).session()
    assert [step.event.reader for step in again.history.steps] == readers


def test_steps_of_an_earlier_run_that_nobody_named_stay_nameless(folder):
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    later = Page.of(folder)
    later.worklist.began = "2999-01-01T00:00:00Z"
    later.now("save", reader="Bo Reader")
    (edit,) = json.loads((folder / "heart_seg.json").read_text())["correction"]["edits"]
    assert edit["reader"] == ""


def test_a_mask_taken_back_is_saved_as_it_was_with_its_own_json(folder):
    before = {name: (folder / name).read_bytes() for name in ("heart_seg.nii.gz", "heart_seg.json")}
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    page.now("save", reader="R")
    page.now("undo")
    page.now("save", reader="R")
    assert (folder / "heart_seg.nii.gz").read_bytes() == before["heart_seg.nii.gz"]
    old, new = json.loads(before["heart_seg.json"]), json.loads((folder / "heart_seg.json").read_text())
    del old["timings_s"], new["timings_s"]
    assert new == old


def test_what_another_program_wrote_meanwhile_is_not_replaced(folder):
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    mask = folder / "heart_seg.nii.gz"
    mask.write_bytes(mask.read_bytes() + b"\0")
    assert page.post("save", 409, base=1, reader="R")["error"]["key"] == "changed_outside"


def test_what_another_program_did_to_a_saved_mask_is_a_step_of_its_own(folder):
    from septum import write_mask
    from septum.core import VENTRICLES, Segmentation
    from septum.io import read_study

    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    page.now("save", reader="R")
    study = read_study(folder / "heart.nii.gz")
    labels = read_mask(folder / "heart_seg.nii.gz").cine.array.astype(np.uint8)
    labels[0, 2, :5, :5] = LV
    write_mask(folder / "heart_seg.nii.gz", Segmentation(labels, study.cine.geometry, VENTRICLES), study)
    again = Page.of(folder)
    assert (again.mask()[0, 2, :5, :5] == LV).all()
    assert again.study()["edits"] == 2
    again.now("undo")
    assert not again.mask()[0, 2, :5, :5].any()


def test_a_kill_between_the_old_mask_and_the_new_one_loses_neither(folder):
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    page.now("save", reader="R")
    shown = page.mask()
    (folder / "heart_seg.nii.gz").unlink()  # as a save leaves it for an instant
    again = Page.of(folder)
    assert (again.mask() == shown).all()
    assert again.mask("model")[:, 8].any()
    again.now("save", reader="R")
    assert (read_mask(folder / "heart_seg.nii.gz").cine.array == shown).all()
    assert Page.of(folder).study()["edits"] == 1


def test_a_mask_that_a_model_has_made_again_is_the_first_one_from_then_on(folder):
    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    page.now("save", reader="R")
    for path in folder.glob("heart_seg*"):
        path.unlink()
    other = beating()
    other.labels[0, 5, :3, :3] = LV
    write_result(folder, image=folder / "heart.nii.gz", mask=other)
    again = Page.of(folder)
    assert (again.study()["version"], again.study()["edits"]) == (0, 0)
    assert (again.mask("model")[0, 5, :3, :3] == LV).all()
    again.edit("slice", **SLICE_OUT)
    again.now("save", reader="R")
    kept = read_mask(folder / "heart_original_mask.nii.gz").cine.array
    assert (kept[0, 5, :3, :3] == LV).all()
    assert (folder / "heart_edits_1.jsonl").exists()


def test_segmenting_again_keeps_a_mask_that_was_corrected(folder):
    from septum.workflows.record import Settings
    from septum.workflows.resume import reason_to_segment

    page = Page.of(folder)
    page.edit("slice", **SLICE_OUT)
    page.now("save", reader="R")
    record = read_record(folder / "heart_seg.json")
    assert reason_to_segment(record, folder / "heart_seg.nii.gz", Settings(), record.model.sha256) == ""


def test_a_mask_in_nrrd_stays_one(tmp_path):
    import nrrd

    from septum.io import read_study

    (tmp_path / "nifti").mkdir()
    image = write_result(tmp_path / "nifti", "heart")
    cine = read_study(image).cine
    header = {
        "space": "left-posterior-superior", "kinds": ["domain", "domain", "domain", "list"],
        "space directions": np.array([[1.5, 0, 0], [0, 1.5, 0], [0, 0, 8.0], [np.nan] * 3]),
    }  # fmt: skip
    nrrd.write(str(tmp_path / "heart.nrrd"), cine.array.transpose(3, 2, 1, 0).astype(np.int16), header)
    write_result(tmp_path, "heart", image=tmp_path / "heart.nrrd")
    page = Page.of(tmp_path)
    key = next(one["id"] for one in page.studies() if one["name"] == "heart")
    page.key = key
    page.edit("slice", **SLICE_OUT)
    assert "heart_seg.nrrd" in page.now("save", reader="R")["files"]
    assert (tmp_path / "heart_original_mask.nrrd").is_file()
    assert not read_mask(tmp_path / "heart_seg.nrrd").cine.array[:, 8].any()


def test_without_its_image_a_mask_can_be_corrected_and_says_what_is_not_made_anew(folder):
    (folder / "heart.nii.gz").unlink()
    page = Page.of(folder)
    image = page.study()["image"]
    assert not image["available"]
    assert image["message"]
    page.edit("slice", **SLICE_OUT)
    assert "heart_report.html" not in page.now("save", reader="R")["files"]
    assert not (folder / "heart_report.html").exists()
    document = json.loads((folder / "heart_seg.json").read_text())
    assert [note["key"] for note in document["notes"]] == ["outputs_need_image"]


@pytest.fixture
def dicom(tmp_path):
    write_cine(tmp_path / "study")
    write_result(tmp_path / "out", "study", ["dicom"], image=tmp_path / "study", mask=dicom_heart().truth)
    return tmp_path / "out"


def objects(folder):
    return dcmread(folder / "study_seg.dcm"), dcmread(folder / "study_sr.dcm")


def test_dicom_objects_are_written_anew_semi_automatic_with_the_reader_and_unverified(dicom):
    page = Page.of(dicom)
    assert page.study()["image"]["available"]
    segmentation, report = objects(dicom)
    assert {one.SegmentAlgorithmType for one in segmentation.SegmentSequence} == {"AUTOMATIC"}
    first = segmentation.SOPInstanceUID
    page.edit("slice", frames=[0], slices=[3], structures=["RV"], present=False)
    assert {"study_seg.dcm", "study_sr.dcm"} <= set(page.now("save", reader="Ada Reader")["files"])
    segmentation, report = objects(dicom)
    assert segmentation.SOPInstanceUID != first
    assert {one.SegmentAlgorithmType for one in segmentation.SegmentSequence} == {"SEMIAUTOMATIC"}
    assert str(segmentation.ContentCreatorName) == "Reader^Ada"
    assert report.VerificationFlag == "UNVERIFIED"
    assert "VerifyingObserverSequence" not in report
    assert "Reader^Ada" in str(report)


def test_only_an_explicit_act_verifies_and_the_next_save_takes_that_back(dicom):
    page = Page.of(dicom)
    page.edit("slice", frames=[0], slices=[3], structures=["RV"], present=False)
    assert page.post("verify", 400, base=1)["error"]["key"] == "no_reader"
    page.now("verify", reader="Ada Reader")
    _, report = objects(dicom)
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("VERIFIED", "FINAL")
    (observer,) = report.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == "Reader^Ada"
    assert observer.VerificationDateTime
    assert json.loads((dicom / "study_seg.json").read_text())["verified"]["reader"] == "Ada Reader"
    page.edit("slice", frames=[0], slices=[2], structures=["RV"], present=False)
    page.now("save", reader="Ada Reader")
    assert objects(dicom)[1].VerificationFlag == "UNVERIFIED"
    assert "verified" not in json.loads((dicom / "study_seg.json").read_text())


def test_a_rejected_study_is_not_verified(dicom):
    page = Page.of(dicom)
    assert page.study()["verifiable"]
    page.post("review", state="rejected", reader="Ada Reader")
    before = (dicom / "study_sr.dcm").read_bytes()
    assert page.post("verify", 409, base=0, reader="Ada Reader")["error"]["key"] == "rejected"
    assert (dicom / "study_sr.dcm").read_bytes() == before
    page.post("review", state="accepted", reader="Ada Reader")
    assert page.now("verify", reader="Ada Reader")["review"]["state"] == "accepted"


def test_a_study_without_a_dicom_report_is_not_verified(folder):
    page = Page.of(folder)
    assert not page.study()["verifiable"]
    assert page.post("verify", 409, base=0, reader="Ada Reader")["error"]["key"] == "no_dicom_report"
    assert "verified" not in json.loads((folder / "heart_seg.json").read_text())


def test_the_model_mask_itself_can_be_verified_and_stays_automatic(dicom):
    page = Page.of(dicom)
    page.now("verify", reader="Ada Reader")
    segmentation, report = objects(dicom)
    assert {one.SegmentAlgorithmType for one in segmentation.SegmentSequence} == {"AUTOMATIC"}
    assert report.VerificationFlag == "VERIFIED"
    assert not list(dicom.glob("*_original_mask*"))
