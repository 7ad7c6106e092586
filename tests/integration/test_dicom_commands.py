"""DICOM studies at the command line: listed, converted, segmented; which folder is a study, and its name."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from septum.inference import open_bundle
from septum.inference.bundle import MANIFEST
from septum.io import find_images, read_study
from septum.workflows.cases import plan_cases
from support.dicom_study import SECRETS, flat, images, localisers, screenshot, stored, write, write_cine


@pytest.fixture
def study(tmp_path):
    """A cine among localisers and a screenshot, in folders."""
    write_cine(tmp_path / "ward/heart/series 5")
    write(tmp_path / "ward/heart/series 1", localisers())
    write(tmp_path / "ward/heart", [screenshot()])
    (tmp_path / "ward/heart/DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "ward/heart/notes.txt").write_text("no image")
    return tmp_path / "ward/heart"


def other_study(uid: str):
    objects = flat(images(stored(), uid=f"1.2.{uid}"))
    for one in objects:
        one.StudyInstanceUID = f"1.2.3.{uid}"
    return objects


def late_enhancement():
    objects = flat(images(stored(1, 5), series=30))
    for one in objects:
        one.ScanningSequence, one.InversionTime = ["GR", "IR"], "280"
    return objects


def label(*names: str):
    return {"structures": [{"name": name, "value": value} for value, name in enumerate(names, start=1)]}


def names_of(inputs, out) -> list[str]:
    return sorted(case.name for case in plan_cases(inputs, out).cases)


def test_info_lists_stacks_and_tells_which_is_taken(septum, study):
    told = json.loads(septum("info", study, "--json").out)
    assert (told["kind"], told["files"], told["passed_over"]) == (
        "DICOM study",
        40,
        {"screenshots or colours": 1},
    )
    assert [(s["orientation"], s["kind"], s["slices"], s["phases"]) for s in told["stacks"]] == [
        *((axis, "still", 3, 1) for axis in ("axial", "coronal", "sagittal")),
        ("short axis", "cine", 6, 5),
    ]
    assert told["stacks"][3]["spacing_mm_zyx"] == [10.0, 3.0, 3.0]
    assert (told["taken_as"]["cine"]["stack"], told["taken_as"]["late-gadolinium"]["stack"]) == (4, None)
    answer = septum("info", study)
    assert answer.code == 0
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert lines[:4] == [
        "DICOM study: 42 files",
        "39 used: MR images with a place in the patient",
        "1 passed over: a screenshot or in colours, not a grey image",
        "2 passed over: not DICOM, or an index of a medium (DICOMDIR)",
    ]
    assert "1 axial still 3 1 68 x 72 20 x 3 x 3 1 no: axial" in lines
    assert "4 short axis cine 6 5 68 x 72 10 x 3 x 3 5 taken as cine" in lines
    assert "stack 4. It is the only one that can serve." in lines
    assert "none: no stack has three or more slices at one phase after an inversion." in lines
    assert not any(secret in answer.out + json.dumps(told) + answer.err for secret in SECRETS)


def test_info_says_what_decided_and_what_reading_would_note_or_refuse(septum, study):
    write(study / "less", flat(images(stored(5, 5), series=9, uid="1.2.9")))
    told = septum("info", study).out
    assert "stack 4. Of the 2 that can serve it comes first: it has more slices. The next is stack 5." in told
    objects = images(stored(), series=5)
    holed = write(study.parent / "holed", flat([[*row[:2], *row[3:]] for row in objects]))
    assert "It would be refused: " in septum("info", holed).out
    assert "lacks slices" in json.loads(septum("info", holed, "--json").out)["taken_as"]["cine"]["refused"]
    mixed = write(study.parent / "mixed", [*flat(objects), *other_study("71")])
    assert " ".join(septum("info", mixed).out.split()).count("give each study a folder of its own. Late") == 1
    late = write(study.parent / "late", flat([objects[0][1:], *objects[1:]]))
    assert "the phase nearest in time was taken" in septum("info", late).out


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_info_on_a_folder_without_a_whole_image_lists_it_and_fails(septum, study, options):
    for file in (study / "series 5").iterdir():
        file.write_bytes(file.read_bytes()[:3000])
    answer = septum("info", study / "series 5", *options)
    assert answer.code == 3
    assert "cut short" in answer.out
    assert "holds no MR image that can be used" in answer.err
    assert "30 DICOM files, 30 cut short; copy or export the study again" in answer.err
    assert septum("info", study, *options).code == 0


def test_convert_writes_times_and_spacing_and_nothing_of_the_patient(septum, study, tmp_path):
    out = tmp_path / "cine.nii.gz"
    answer = septum("convert", study, "-o", out)
    assert answer.code == 0
    image = nib.load(out)
    assert image.shape == (72, 68, 6, 5)
    assert image.get_data_dtype() == np.int16
    assert image.header.get_zooms() == pytest.approx((3.0, 3.0, 10.0, 0.04))
    assert image.header.get_xyzt_units() == ("mm", "sec")
    told = json.loads((tmp_path / "cine.json").read_text())
    assert told["frame_times_ms"] == [3.0, 43.0, 83.0, 123.0, 163.0]
    ours, theirs = read_study(study).cine, read_study(out).cine
    np.testing.assert_array_equal(ours.array, theirs.array)
    np.testing.assert_allclose(
        ours.geometry.to_patient_mm((5, 9, 9)), theirs.geometry.to_patient_mm((5, 9, 9)), atol=1e-3
    )
    assert theirs.frame_interval_ms == pytest.approx(40.0)
    written = out.read_bytes() + (tmp_path / "cine.json").read_bytes() + answer.out.encode()
    assert not any(secret.encode() in written for secret in SECRETS)


@pytest.mark.parametrize(
    ("model", "changes", "frames"),
    [
        ("tiny", {"input": "late-gadolinium", "labels": label("LV", "MYO", "SCAR")}, 1),
        ("tiny", {}, 5),
        ("la", {"input": "cine"}, 5),
        ("la", {}, 1),
    ],
)
def test_a_model_gets_the_stack_that_its_description_asks_for(
    septum, study, bundle, tmp_path, model, changes, frames
):
    write(study / "late", late_enhancement())
    folder = bundle if model == "tiny" else shutil.copytree(open_bundle(model).folder, tmp_path / "la")
    edited = json.loads((folder / MANIFEST).read_text()) | changes
    (folder / MANIFEST).write_text(json.dumps(edited))
    answer = septum("segment", study, "--model", folder, "-o", tmp_path / "out", "--json", "--threads", 1)
    (result,) = json.loads(answer.out)["results"]
    assert result["record"]["input"]["frames"] == frames


def test_convert_takes_the_stack_that_it_is_told_and_refuses_other_names(septum, study, tmp_path):
    assert septum("convert", study, "-o", tmp_path / "a.nii", "--stack", 2).code == 0
    assert nib.load(tmp_path / "a.nii").shape == (72, 68, 3)
    assert septum("convert", study, "-o", tmp_path / "a.nrrd").code == 4
    assert septum("convert", study, "-o", tmp_path / "b.nii", "--kind", "late-gadolinium").code == 3
    assert septum("convert", tmp_path / "a.nii", "-o", tmp_path / "c.nii").code == 0


@pytest.mark.parametrize("taken", ["cine.nii.gz", "cine.json"])
def test_convert_replaces_no_file_unless_asked(septum, study, tmp_path, files_in, taken):
    theirs, out = tmp_path / "out" / taken, tmp_path / "out/cine.nii.gz"
    theirs.parent.mkdir()
    theirs.write_text("another's")
    answer = septum("convert", study, "-o", out)
    assert (answer.code, theirs.read_text()) == (4, "another's")
    assert f"{taken} is there already" in answer.err
    assert files_in(tmp_path / "out") == [taken]
    assert septum("convert", study, "-o", out, "--overwrite").code == 0
    assert nib.load(out).shape == (72, 68, 6, 5)
    assert json.loads((tmp_path / "out/cine.json").read_text())["frames"] == 5


def test_a_study_is_segmented_and_known_again(septum, bundle, study, files_in):
    command = ("segment", study, "-o", study / "out", "--model", bundle)
    assert septum(*command).code == 0
    assert files_in(study / "out") == ["heart_seg.json", "heart_seg.nii.gz"]
    mask = nib.load(study / "out/heart_seg.nii.gz")
    assert mask.shape == (72, 68, 6, 5)
    assert "already done" in septum(*command).out
    shutil.move(study / "series 5", study / "renamed")
    assert "already done" in septum(*command).out
    shutil.rmtree(study / "renamed")
    write_cine(study / "renamed", stored() + 1)
    answer = septum(*command)
    assert answer.code == 4
    assert "is the result of other images than are taken from" in answer.err


def test_a_folder_with_dicom_and_nifti_gives_both(septum, bundle, study, write_study, tmp_path, files_in):
    write_study(study / "b.nii.gz", frames=2)
    assert septum("segment", study, "-o", tmp_path / "out", "--model", bundle).code == 0
    assert [name for name in files_in(tmp_path / "out") if name.endswith("gz")] == [
        "b_seg.nii.gz",
        "heart_seg.nii.gz",
    ]


@pytest.mark.usefixtures("study")
def test_a_bad_study_among_good_ones_is_told_in_one_sentence(septum, bundle, tmp_path):
    screens = write(tmp_path / "ward/screens", [screenshot()])
    (only,) = screens.iterdir()
    content = only.read_bytes()
    only.write_bytes(content.replace(b"1.2.3.1\0", b"1.2.3.9\0"))
    answer = septum("segment", tmp_path / "ward", "-o", tmp_path / "out", "--model", bundle)
    assert answer.code == 1
    assert (tmp_path / "out/heart_seg.nii.gz").is_file()
    assert "holds no MR image that can be used" in answer.err


def test_a_folder_of_one_study_is_a_case_and_one_of_several_holds_cases(study, tmp_path):
    ward, out = tmp_path / "ward", tmp_path / "out"
    assert names_of([ward], out) == ["ward"]
    assert names_of([study / "series 5"], out) == ["series 5"]
    write(ward / "second.v2/a/b", other_study("71"))
    assert names_of([ward], out) == ["heart", "second.v2"]
    write(tmp_path / "clinic/heart/x", other_study("72"))
    assert names_of([ward, tmp_path / "clinic"], out) == ["clinic", "heart", "second.v2"]
    assert names_of([tmp_path], out) == ["clinic", "heart", "second.v2"]
    assert names_of([study, tmp_path / "clinic/heart"], out) == ["clinic/heart", "ward/heart"]


def test_results_of_an_earlier_run_do_not_count_as_studies(study, tmp_path):
    write(tmp_path / "ward/second", other_study("71"))
    for i, one in enumerate((flat(images(stored(1, 1)))[0], other_study("71")[0])):
        one.Modality = "SEG"
        write(tmp_path / f"ward/results/{i}", [one])
    assert names_of([tmp_path / "ward"], tmp_path / "out") == [study.name, "second"]


def test_results_with_pseudonyms_are_no_study_unless_they_are_all_that_is_there(study, tmp_path):
    """Their study has another UID than that of the images they were made of."""
    (one, *rest) = other_study("73")
    one.Modality = "SR"
    results = write(tmp_path / "ward/results", [one])
    assert names_of([tmp_path / "ward"], tmp_path / "out") == ["ward"]
    assert names_of([results], tmp_path / "out") == ["results"]
    write(results, rest)  # its first file is the report still
    assert names_of([tmp_path / "ward"], tmp_path / "out") == [study.name, "results"]


def test_names_of_a_study_and_an_image_are_told_apart(study, write_study, tmp_path):
    write_study(study / "heart.nii.gz")
    assert names_of([study], tmp_path / "out") == ["heart_dicom", "heart_nii_gz"]


def test_a_single_file_is_a_study_too(tmp_path):
    folder = write_cine(tmp_path / "s", stored(1, 1))
    (path,) = folder.iterdir()
    assert read_study(path).cine.array.shape == (1, 1, 68, 72)
    assert find_images(folder).studies == [folder]
