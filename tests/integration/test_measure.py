"""Masks that are there already: measured, reported, and taken up where somebody has corrected one."""

from __future__ import annotations

import csv
import json
import re

import nibabel as nib
import numpy as np
import pytest

import septum as package
from septum.core import Cine
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart

SMALL = PhantomSettings(frames=3, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)


@pytest.fixture
def heart(tmp_path):
    """A heart whose image and mask lie in ``data``."""
    heart = beating_heart(np.random.default_rng(0), SMALL)
    write_image(tmp_path / "data/heart.nii.gz", heart.cine)
    write_image(tmp_path / "data/heart_gt.nii.gz", Cine(heart.truth.labels, heart.truth.geometry, 40.0))
    return heart


def record_of(path):
    return json.loads(path.read_text())


def redraw(path):
    """Take the LV out of its first slice, as a reader may do."""
    mask = nib.load(path)
    labels = np.asarray(mask.dataobj).copy()
    first = np.flatnonzero((labels == 3).any(axis=(0, 1, 3)))[0]
    labels[:, :, first][labels[:, :, first] == 3] = 0
    nib.save(nib.Nifti1Image(labels, mask.affine, mask.header), path)


def test_any_mask_of_known_labels_has_indices_a_verdict_and_outputs(septum, heart, tmp_path, files_in):
    out, table = tmp_path / "out", tmp_path / "all.csv"
    image, mask = tmp_path / "data/heart.nii.gz", tmp_path / "data/heart_gt.nii.gz"
    before = mask.read_bytes()
    answer = septum("measure", mask, "--image", image, "-o", out, "--report", "--mesh", "stl", "--csv", table)
    assert answer.code == 0, answer.err
    assert "1 measured." in answer.out
    assert mask.read_bytes() == before
    assert {"heart_gt_seg.json", "heart_gt_report.html", "heart_gt_mesh/heart_gt_LV_000.stl"} <= set(
        files_in(out)
    )
    record = record_of(out / "heart_gt_seg.json")
    assert (record["mask_origin"], record["model"], record["regions"]) == ("given", None, [])
    expected = package.measure(heart.truth).indices.value("lv_ef_percent")
    assert record["indices"]["items"]["lv_ef_percent"]["value"] == pytest.approx(expected, abs=1e-3)
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["study"], row["verdict"], row["model"]) == ("heart_gt", record["quality"]["verdict"], "")


def test_without_an_image_the_mask_stands_for_it(septum, heart, tmp_path):
    answer = septum("measure", tmp_path / "data/heart_gt.nii.gz", "-o", tmp_path / "out", "--report")
    assert answer.code == 0, answer.err
    record = record_of(tmp_path / "out/heart_gt_seg.json")
    assert record["indices"]["times_ms"] == [0.0, 40.0, 80.0]
    assert len(record["indices"]["volumes_ml"]["LV"]) == len(heart.cine)
    assert (tmp_path / "out/heart_gt_report.html").is_file()


def test_a_corrected_mask_is_taken_up_and_kept(septum, bundle, write_study, tmp_path, files_in):
    source, out = write_study(tmp_path / "a.nii.gz", frames=3), tmp_path / "out"
    call = ("segment", source, "-o", out, "--model", bundle)
    assert septum(*call, "--mesh", "stl").code == 0
    first = record_of(out / "a_seg.json")
    redraw(out / "a_seg.nii.gz")
    drawn = (out / "a_seg.nii.gz").read_bytes()
    refused = septum(*call, "--report")
    assert refused.code == 4, "nothing is made of it that nobody wants"
    assert "septum measure" in refused.err
    answer = septum("measure", out / "a_seg.nii.gz", "--image", source, "--report")
    assert answer.code == 0, answer.err
    assert "removed with the earlier mask: a_mesh" in answer.err
    assert "(measured)" in answer.out
    (made,) = re.findall(r'<p class="made">(.*?)</p>', (out / "a_report.html").read_text())
    assert "changed by hand" in made
    record = record_of(out / "a_seg.json")
    assert (record["mask_origin"], record["model"]) == ("corrected", first["model"])
    assert record["input"]["sha256"] == first["input"]["sha256"]
    volumes = (one["indices"]["volumes_ml"]["LV"] for one in (record, first))
    assert all(now < before for now, before in zip(*volumes, strict=True))
    assert "already done" in septum(*call, "--report").out, "later runs keep it"
    assert "mask kept" in septum(*call, "--report", "--es", 1, "--ed", 0).out
    assert record_of(out / "a_seg.json")["mask_origin"] == "corrected"
    assert septum("segment", source, "-o", out, "--model", "cine").code == 4, "and none replaces it"
    assert (out / "a_seg.nii.gz").read_bytes() == drawn
    assert files_in(out) == ["a_report.html", "a_seg.json", "a_seg.nii.gz"]


def test_without_its_image_a_corrected_mask_is_still_of_the_same_input(septum, bundle, write_study, tmp_path):
    source, out = write_study(tmp_path / "a.nii.gz", frames=2), tmp_path / "out"
    septum("segment", source, "-o", out, "--model", bundle, "--ed", 1, "--es", 0)
    redraw(out / "a_seg.nii.gz")
    assert septum("measure", out / "a_seg.nii.gz").code == 0
    record = record_of(out / "a_seg.json")
    assert record["indices"]["end_diastole_frame"] == 1, "given frames still hold"
    answer = septum("segment", source, "-o", out, "--model", bundle, "--ed", 1, "--es", 0)
    assert "already done" in answer.out


def test_a_mask_that_nobody_changed_keeps_what_the_networks_made_of_it(septum, bundle, write_study, tmp_path):
    source, out = write_study(tmp_path / "a.nii.gz", frames=2), tmp_path / "out"
    septum("segment", source, "-o", out, "--model", bundle)
    first = record_of(out / "a_seg.json")
    assert septum("measure", out / "a_seg.nii.gz", "--image", source, "--report").code == 0
    record = record_of(out / "a_seg.json")
    assert (record["mask_origin"], record["regions"]) == ("model", first["regions"])
    assert record["indices"] == first["indices"]


def write_mask(path, values, shape=(72, 72, 6)):
    labels = np.zeros(shape, np.uint8)
    labels[20:40, 20:40, 1:5] = np.resize(values, (20, 20, 4))
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(labels, np.diag([3.0, 3.0, 14.0, 1.0])), path)
    return path


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [([7], (), "values 7"), ([1, 2, 3], ("--labels", "atrium"), "2, 3"), (range(1, 40), (), "image")],
)
def test_what_is_no_mask_of_these_labels_fails_alone(septum, heart, tmp_path, values, options, words):  # noqa: ARG001
    bad, good = write_mask(tmp_path / "m/bad.nii.gz", list(values)), tmp_path / "data/heart_gt.nii.gz"
    answer = septum("measure", bad, *options, "-o", tmp_path / "out")
    assert (answer.code, words in answer.err, "bad.nii.gz" in answer.err) == (3, True, True)
    assert septum("measure", write_mask(bad, [9]), good, "-o", tmp_path / "out").code == 1
    assert (tmp_path / "out/heart_gt_seg.json").is_file()


def test_a_mask_off_the_grid_of_its_image_is_refused(septum, heart, tmp_path):  # noqa: ARG001
    mask = write_mask(tmp_path / "m/a.nii.gz", [1, 2, 3], shape=(60, 72, 6))
    answer = septum("measure", mask, "--image", tmp_path / "data/heart.nii.gz", "-o", tmp_path / "out")
    assert (answer.code, "1 frames" in answer.err) == (3, True)
    assert not (tmp_path / "out").exists()


def test_a_mask_that_a_viewer_saved_with_other_axes_fits_its_image(septum, bundle, write_study, tmp_path):
    source, out = write_study(tmp_path / "a.nii.gz", frames=2), tmp_path / "out"
    septum("segment", source, "-o", out, "--model", bundle)
    first = record_of(out / "a_seg.json")
    mask = nib.load(out / "a_seg.nii.gz")
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = mask.shape[0] - 1
    turned = nib.Nifti1Image(np.asarray(mask.dataobj)[::-1], mask.affine @ flip)
    nib.save(turned, out / "a_seg.nii.gz")
    answer = septum("measure", out / "a_seg.nii.gz", "--image", source, "--report")
    assert answer.code == 0, answer.err
    record = record_of(out / "a_seg.json")
    assert record["indices"]["volumes_ml"] == first["indices"]["volumes_ml"]
    assert record["indices"]["wall"] == first["indices"]["wall"]
    assert "axes_reordered" in [note["key"] for note in record["input"]["notes"]]
    written = (out / "a_seg.json").read_text() + (out / "a_report.html").read_text()
    assert str(tmp_path) not in written, "results name no file"
    assert (
        "mask kept"
        in septum("segment", source, "-o", out, "--model", bundle, "--height", 1.8, "--weight", 80).out
    )
    assert record_of(out / "a_seg.json")["indices"]["wall"] == first["indices"]["wall"]


def test_a_json_of_another_input_or_of_the_user_is_not_replaced_unasked(septum, heart, tmp_path):  # noqa: ARG001
    mask, own = tmp_path / "data/heart_gt.nii.gz", tmp_path / "data/heart_gt_seg.json"
    own.write_text("{}")
    assert septum("measure", mask).code == 4
    assert own.read_text() == "{}"
    assert septum("measure", mask, "--overwrite").code == 0
    assert septum("measure", mask, "--image", tmp_path / "data/heart.nii.gz").code == 4
    (tmp_path / "data/heart_gt_report.html").write_text("the user's")
    assert septum("measure", mask, "--report").code == 4
    assert (tmp_path / "data/heart_gt_report.html").read_text() == "the user's"


def test_an_image_goes_with_one_mask(septum, tmp_path):
    answer = septum("measure", tmp_path / "a.nii", tmp_path / "b.nii", "--image", tmp_path / "c.nii")
    assert (answer.code, "--image" in answer.err) == (2, True)


def test_from_python_files_and_masks_give_the_same(heart, tmp_path):
    by_file = package.measure(tmp_path / "data/heart_gt.nii.gz", image=tmp_path / "data/heart.nii.gz")
    by_mask = package.measure(heart.truth, image=tmp_path / "data/heart.nii.gz")
    assert by_file.indices.items == by_mask.indices.items
    assert by_file.study.sha256 == by_mask.study.sha256
    loaded = package.load_mask(tmp_path / "data/heart_gt.nii.gz")
    assert np.array_equal(loaded.labels, heart.truth.labels)
    assert by_file.provenance.origin == "given"


def test_the_json_of_another_mask_of_that_name_is_not_replaced(septum, bundle, write_study, tmp_path):
    source, out, other = write_study(tmp_path / "a.nii.gz", frames=3), tmp_path / "out", tmp_path / "other"
    for folder in (out, other):
        assert septum("segment", source, "-o", folder, "--model", bundle).code == 0
    redraw(other / "a_seg.nii.gz")
    before = (out / "a_seg.json").read_bytes()
    answer = septum("measure", other / "a_seg.nii.gz", "--image", source, "-o", out)
    assert answer.code == 4
    assert "a_seg.nii.gz" in answer.err
    assert (out / "a_seg.json").read_bytes() == before


def test_evidence_for_a_mask_does_not_hold_for_another_image(septum, bundle, write_study, tmp_path):
    source, out = write_study(tmp_path / "a.nii.gz", frames=3), tmp_path / "out"
    assert septum("segment", source, "-o", out, "--model", bundle).code == 0
    image = nib.load(source)
    brighter = tmp_path / "b.nii.gz"
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) + 7, image.affine, image.header), brighter)
    with pytest.warns(package.QualityWarning):
        own = package.measure(out / "a_seg.nii.gz", image=source)
    assert (own.record().mask_origin, len(own.record().regions)) == ("model", 3)
    with pytest.warns(package.QualityWarning):
        foreign = package.measure(out / "a_seg.nii.gz", image=brighter)
    assert (foreign.record().mask_origin, foreign.record().regions) == ("given", ())


@pytest.mark.usefixtures("heart")
def test_a_mask_is_compared_with_healthy_people_where_that_is_wanted(septum, tmp_path):
    out, table = tmp_path / "out", tmp_path / "all.csv"
    who = ("--sex", "f", "--age", 54, "--height", 1.7, "--weight", 65, "--reference", "scmr2025", "--pattern")
    answer = septum("measure", tmp_path / "data/heart_gt.nii.gz", "-o", out, *who, "--csv", table)
    assert answer.code == 0, answer.err
    record = record_of(out / "heart_gt_seg.json")
    assert (record["settings"]["indices"]["sex"], record["reference"]["key"]) == ("F", "scmr2025")
    (row,) = csv.DictReader(table.read_text().splitlines())
    item = record["reference"]["items"]["lv_ef_percent"]
    assert (float(row["lv_ef_percent_z"]), row["reference"]) == (item["z"], "scmr2025")
    assert len(record["pattern"]["criteria"]) in (0, 9)


@pytest.mark.usefixtures("heart")
@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--age", "500", "0 to 120 years"), ("--sex", "X", "'m'"), ("--reference", "mine", "hhc2024")],
)
def test_an_age_a_sex_or_a_table_that_there_is_not_is_refused(septum, tmp_path, option, value, said):
    answer = septum("measure", tmp_path / "data/heart_gt.nii.gz", "-o", tmp_path / "out", option, value)
    assert answer.code == 2
    assert said in answer.err
    assert not (tmp_path / "out").exists()
