"""Files that other programs open, from the command line: written, found done, made anew with the mask."""

from __future__ import annotations

import json

ALL = ("--seg-nrrd", "--bids", "--fhir")
WRITTEN = {
    "a_ED.seg.nrrd",
    "a_ES.seg.nrrd",
    "a_fhir.json",
    "a_seg.json",
    "a_seg.nii.gz",
    "a_seg.seq.nrrd",
    "bids/README.md",
    "bids/dataset_description.json",
}


def call(source, out, bundle):
    return ("segment", source, "-o", out, "--model", bundle, "--threads", "1")


def test_they_stand_beside_the_mask_and_are_found_done(septum, bundle, write_study, tmp_path, files_in):
    source, out = write_study(tmp_path / "a.nii.gz", frames=3), tmp_path / "out"
    assert septum(*call(source, out, bundle), *ALL).code == 0
    names = files_in(out)
    assert {name for name in names if "sub-" not in name} >= WRITTEN - {"a_ED.seg.nrrd", "a_ES.seg.nrrd"}
    assert len([name for name in names if "_dseg." in name]) == 3
    outputs = json.loads((out / "a_seg.json").read_text())["outputs"]
    assert list(outputs) == ["seg-nrrd", "bids", "fhir"]
    again = septum(*call(source, out, bundle), *ALL)
    assert (again.code, files_in(out)) == (0, names)
    assert "done" in again.out + again.err


def test_they_go_with_a_mask_that_is_made_anew(septum, bundle, write_study, tmp_path, files_in):
    source, out = write_study(tmp_path / "a.nii.gz", frames=3), tmp_path / "out"
    assert septum(*call(source, out, bundle), *ALL).code == 0
    write_study(source, frames=3, seed=5)
    assert septum(*call(source, out, bundle), "--overwrite").code == 0
    assert [name for name in files_in(out) if "sub-" in name or name.endswith((".nrrd", "fhir.json"))] == []
    assert list((out / "bids").glob("sub-*")) == []


def test_who_the_patient_is_goes_with_the_report_or_fhir(septum, bundle, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz")
    alone = septum(*call(source, tmp_path / "out", bundle), "--identify")
    assert alone.code == 2
    assert "--report or --fhir" in alone.err
    assert not (tmp_path / "out").exists()
    both = septum(*call(source, tmp_path / "out", bundle), "--identify", "--fhir")
    assert both.code == 0
    assert (tmp_path / "out" / "a_fhir.json").is_file()


def test_the_results_can_be_segmented_beside_without_taking_copies_for_images(
    septum, bundle, write_study, tmp_path
):
    write_study(tmp_path / "in" / "a.nii.gz", frames=3)
    first = septum(*call(tmp_path / "in", tmp_path / "in" / "one", bundle), *ALL)
    assert first.code == 0
    second = septum(*call(tmp_path / "in", tmp_path / "two", bundle), "--json")
    assert second.code == 0
    assert len(list((tmp_path / "two").rglob("*_seg.json"))) == 1
