"""The list of studies and what readers decide: beside each result, in one table, for thousands as for one."""

from __future__ import annotations

import csv
import json
import shutil
import time

import numpy as np
import pytest

from septum.core import Cine
from septum.core.files import sha256_of
from septum.io import read_mask, write_image
from septum.view.worklist import Worklist
from support.view_studies import Page, write_result

FLAG = {"value": None, "limit": None, "structures": []}


@pytest.fixture
def folder(tmp_path):
    image = write_result(tmp_path, "b_fine")
    write_result(tmp_path, "a_fine", image=image)
    write_result(tmp_path, "c_bad", image=image)
    path = tmp_path / "c_bad_seg.json"
    told = json.loads(path.read_text())
    told["quality"] |= {
        "verdict": "reject",
        "flags": [{**FLAG, "key": "structure_missing", "verdict": "reject", "reason": "No LV."}],
    }
    path.write_text(json.dumps(told))
    return tmp_path


def rows(folder):
    return list(csv.DictReader((folder / "review.csv").read_text().splitlines()))


def test_what_needs_a_look_comes_first_and_what_is_decided_last(folder):
    page = Page.of(folder)
    assert [one["name"] for one in page.studies()] == ["c_bad", "a_fine", "b_fine"]
    bad = page.studies()[0]
    assert (bad["verdict"], bad["flags"], bad["state"], bad["model"]) == (
        "reject",
        ["structure_missing"],
        "unseen",
        "cine",
    )
    assert bad["ef_lv"] == pytest.approx(page.studies()[1]["ef_lv"])
    page.post("review", state="rejected", reader="Ada Reader", comment="no contrast")
    assert [one["name"] for one in page.studies()] == ["a_fine", "b_fine", "c_bad"]


def test_a_decision_stands_beside_the_result_and_in_the_table_and_is_there_again(folder):
    page = Page.of(folder, reader="Ada Reader")
    page.key = page.studies()[1]["id"]
    page.post("review", state="accepted", comment="=1+1, fine")
    beside = json.loads((folder / "a_fine_review.json").read_text())
    assert (beside["state"], beside["reader"], beside["comment"]) == ("accepted", "Ada Reader", "=1+1, fine")
    (row,) = rows(folder)
    assert (row["study"], row["state"], row["reader"]) == ("a_fine", "accepted", "Ada Reader")
    assert row["comment"] == "'=1+1, fine"  # no formula in a spreadsheet
    assert float(row["lv_ef_percent"]) > 0
    again = Page.of(folder)
    told = {one["name"]: one for one in again.studies()}
    assert (told["a_fine"]["state"], told["a_fine"]["comment"]) == ("accepted", "=1+1, fine")
    assert told["c_bad"]["state"] == "unseen"


def test_the_row_of_a_study_that_is_corrected_later_has_its_new_numbers(folder):
    page = Page.of(folder)
    page.key = page.studies()[1]["id"]
    page.post("review", state="corrected", reader="R", comment="")
    before = rows(folder)[0]["lv_ef_percent"]
    page.edit("slice", frames=[2], slices=[8, 7, 6], structures=None, present=False)
    page.now("save", reader="R")
    assert rows(folder)[0]["lv_ef_percent"] != before
    assert next(one for one in page.studies() if one["id"] == page.key)["edited"]


def test_a_decision_does_not_stand_for_a_mask_that_is_saved_later(folder):
    page = Page.of(folder)
    decided = page.post("review", state="accepted", reader="Ada", comment="fine apex")["review"]
    kept = json.loads((folder / "c_bad_review.json").read_text())
    assert kept["mask_sha256"] == sha256_of(folder / "c_bad_seg.nii.gz")
    assert page.now("save", reader="Ada")["review"] == decided  # the same mask
    page.edit("slice", frames=[2], slices=[8], structures=None, present=False)
    told = page.now("save", reader="Ada")["review"]
    assert told == {"state": "unseen", "reader": "Ada", "comment": "fine apex"}
    assert page.study()["review"] == told
    assert [row["state"] for row in rows(folder)] == ["unseen"]
    assert json.loads((folder / "c_bad_review.json").read_text())["state"] == "unseen"
    page.post("review", state="accepted", reader="Ada")
    assert Page.of(folder).studies()[-1]["state"] == "corrected"
    page.edit("phases", end_diastole=1, end_systole=2)
    assert page.now("save", reader="Ada")["review"]["state"] == "unseen"


def test_a_decision_of_an_earlier_version_stands_until_another_mask_is_saved(folder):
    (folder / "c_bad_review.json").write_text(
        '{"state": "rejected", "reader": "Ada", "comment": "", "at": ""}'
    )
    page = Page.of(folder)
    page.key = page.studies()[-1]["id"]
    assert page.now("save", reader="Ada")["review"]["state"] == "rejected"
    page.edit("slice", frames=[2], slices=[8], structures=None, present=False)
    assert page.now("save", reader="Ada")["review"]["state"] == "unseen"


def test_a_decision_does_not_stand_for_a_mask_that_another_program_made(folder):
    Page.of(folder).post("review", state="rejected", reader="Ada", comment="")
    mask, record = folder / "c_bad_seg.nii.gz", folder / "c_bad_seg.json"
    changed = read_mask(mask).cine
    changed.array[0, 4, :5] = 0
    write_image(mask, Cine(np.roll(changed.array, 3, axis=-1), changed.geometry))
    page = Page.of(folder)
    page.key = next(one["id"] for one in page.studies() if one["name"] == "c_bad")
    assert page.study()["review"]["state"] == "unseen"
    told = json.loads(record.read_text()) | {"mask_sha256": sha256_of(mask)}
    record.write_text(json.dumps(told))
    assert next(one for one in Page.of(folder).studies() if one["name"] == "c_bad")["state"] == "unseen"


def test_a_comment_stands_with_its_reader_and_not_under_another_name(folder):
    page = Page.of(folder)
    page.post("review", state="rejected", reader="Ada", comment="no contrast")
    assert page.post("review", state="accepted", reader="Ada")["review"]["comment"] == "no contrast"
    assert page.post("review", state="accepted", reader="Bo")["review"] == {
        "state": "accepted",
        "reader": "Bo",
        "comment": "",
    }
    assert rows(folder)[0]["comment"] == ""


def test_a_mask_is_corrected_if_it_differs_from_the_first_one_whatever_was_done_before(folder):
    page = Page.of(folder)
    page.edit("slice", frames=[2], slices=[8], structures=None, present=False)
    page.now("save", reader="R")
    assert page.post("review", state="accepted", reader="R", comment="")["review"]["state"] == "corrected"
    page.edit("revert", changes=None)
    page.now("save", reader="R")
    assert (page.mask() == page.mask("model")).all()
    assert page.post("review", state="corrected", reader="R", comment="")["review"]["state"] == "accepted"
    assert rows(folder)[0]["state"] == "accepted"


@pytest.mark.parametrize("body", [{"state": "good"}, {"state": "accepted", "colour": "red"}, {"comment": 3}])
def test_a_decision_that_is_none_is_refused(folder, body):
    page = Page.of(folder)
    assert page.post("review", 400, **body)["error"]["key"] == "bad_review"
    assert not (folder / "review.csv").exists()


def test_two_thousand_results_are_listed_at_once(tmp_path):
    write_result(tmp_path, "one")
    record, mask = (tmp_path / "one_seg.json").read_text(), tmp_path / "one_seg.nii.gz"
    for k in range(2000):
        (tmp_path / f"s{k:04d}_seg.json").write_text(record)
        (tmp_path / f"s{k:04d}_seg.nii.gz").hardlink_to(mask)
    started = time.process_time()
    worklist = Worklist([tmp_path])
    assert time.process_time() - started < 4.0
    started = time.process_time()
    listed = worklist.listed()
    assert time.process_time() - started < 0.5
    assert len({one["id"] for one in listed["studies"]}) == 2001


def test_one_name_in_two_folders_is_two_studies(tmp_path):
    write_result(tmp_path, "heart")
    (tmp_path / "more").mkdir()
    for path in tmp_path.glob("heart_seg*"):
        shutil.copy(path, tmp_path / "more")
    page = Page.of(tmp_path)
    assert {one["name"] for one in page.studies()} == {"heart", "more/heart"}
    assert len({one["id"] for one in page.studies()}) == 2


def test_what_is_no_result_is_not_listed(folder):
    (folder / "x_seg.json").write_text("{}")
    (folder / "y_seg.json").write_text('{"software": {"name": "septum"}, "format": 2}')
    shutil.copy(folder / "a_fine_seg.json", folder / "without_mask_seg.json")
    assert len(Page.of(folder).studies()) == 3
