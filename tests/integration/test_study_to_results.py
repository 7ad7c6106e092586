"""From a DICOM study to mask, indices, verdict, report, table, DICOM objects and meshes."""

from __future__ import annotations

import csv
import json
import re

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from septum.workflows.indices_table import ORIGIN_COLUMNS
from support.dicom_study import SECRETS, flat, images, localisers, stored, write, write_cine

ALL = ("--report", "--dicom", "--mesh", "ply")


@pytest.fixture
def study(tmp_path):
    write(tmp_path / "ward/one/a", localisers())
    return write_cine(tmp_path / "ward/one/b", stored(3, 5)).parent


def names_in(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_everything_that_is_asked_for_is_written_and_tells_nothing_of_the_patient(
    septum, bundle, study, tmp_path
):
    out = tmp_path / "out"
    answer = septum("segment", study, "-o", out, "--model", bundle, *ALL, "--csv", out / "all.csv")
    assert answer.code == 0, answer.err
    assert [name for name in names_in(out) if "_mesh/" not in name] == [
        "all.csv", "one_report.html", "one_seg.dcm", "one_seg.json", "one_seg.nii.gz", "one_sr.dcm",
    ]  # fmt: skip
    told = json.loads((out / "one_seg.json").read_text())
    assert (told["input"]["frames"], told["input"]["spacing_mm"]) == (3, [10.0, 3.0, 3.0])
    assert told["indices"]["body_surface_area_m2"] == pytest.approx(1.871, abs=2e-3)  # 1.76 m, 71.5 kg
    assert told["quality"]["verdict"] in ("fine", "review", "reject")
    (row,) = csv.DictReader((out / "all.csv").read_text().splitlines())
    assert (row["study"], row["verdict"]) == ("one", told["quality"]["verdict"])
    origin = [told["input"]["sha256"], "3", told["model"]["name"], told["model"]["sha256"]]
    assert [row[name] for name in ORIGIN_COLUMNS] == [*origin, told["software"]["version"]]
    texts = [answer.out, answer.err, *names_in(out)]
    texts += [(out / name).read_text() for name in ("one_seg.json", "all.csv", "one_report.html")]
    assert not [secret for secret in SECRETS for text in texts if secret in text]
    assert str(pydicom.dcmread(out / "one_seg.dcm").PatientName) == SECRETS[0]


def test_the_dicom_segmentation_holds_the_mask(septum, bundle, study, tmp_path):
    septum("segment", study, "-o", tmp_path / "out", "--model", bundle, "--dicom")
    mask = np.asarray(nib.load(tmp_path / "out/one_seg.nii.gz").dataobj)
    found = pydicom.dcmread(tmp_path / "out/one_seg.dcm")
    values = {i + 1: value for i, value in enumerate((1, 2, 3))}
    counts = dict.fromkeys(values, 0)
    for frame, plane in zip(
        found.PerFrameFunctionalGroupsSequence, np.atleast_3d(found.pixel_array), strict=True
    ):
        counts[int(frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber)] += int(plane.sum())
    assert counts == {number: int((mask == value).sum()) for number, value in values.items()}


def test_a_study_of_one_phase_has_volumes_and_mass_in_all_that_is_written(septum, bundle, study, tmp_path):
    for path in (study / "b").iterdir():
        if pydicom.dcmread(path).TriggerTime != 3:
            path.unlink()
    out = tmp_path / "out"
    answer = septum(
        "segment", study, "-o", out, "--model", bundle, "--dicom", "--report", "--csv", out / "all.csv"
    )
    assert answer.code == 0, answer.err
    told = json.loads((out / "one_seg.json").read_text())
    (row,) = csv.DictReader((out / "all.csv").read_text().splitlines())
    page = (out / "one_report.html").read_text()
    report = str(pydicom.dcmread(out / "one_sr.dcm"))
    shown = dict(re.findall(r'<tr id="index-(\w+)">.*?<data value="([\d.]+)"', page))
    expected = {
        "lv_volume_ml": told["indices"]["volumes_ml"]["LV"][0],
        "rv_volume_ml": told["indices"]["volumes_ml"]["RV"][0],
        "lv_mass_g": 1.05 * told["indices"]["volumes_ml"]["MYO"][0],
    }
    assert {
        key
        for key in row
        if re.match("[lr][va]_", key) and row[key] and "indexed" not in key and "verdict" not in key
    } == set(expected)
    assert page.count('<tr id="index-') == len(shown) == 3
    for key, value in expected.items():
        assert float(row[key]) == pytest.approx(value, abs=1e-3)
        assert float(shown[key]) == pytest.approx(value, abs=1e-3)
        assert f"'{told['indices']['items'][key]['value']}'" in report


def write_late(folder):
    late = flat(images(stored(1, 6), series=50, uid="1.2.50"))
    for one in late:
        one.ScanningSequence, one.InversionTime = ["GR", "IR"], "280"
    return write(folder, late)


def test_another_study_of_the_same_name_is_refused_by_a_model_of_other_structures(
    septum, bundle, study, tmp_path
):
    assert septum("segment", study, "-o", tmp_path / "out", "--model", bundle).code == 0
    before = names_in(tmp_path / "out")
    other = write_late(tmp_path / "elsewhere/one")
    assert septum("segment", other, "-o", tmp_path / "out", "--model", "la").code == 4
    assert names_in(tmp_path / "out") == before


def test_a_model_of_other_structures_has_names_of_its_own_in_the_same_folder(septum, bundle, study, tmp_path):
    write_late(study / "late")
    assert septum("segment", study, "-o", tmp_path / "out", "--model", bundle).code == 0
    first = (tmp_path / "out/one_seg.json").read_bytes()
    call = ("segment", study, "-o", tmp_path / "out", "--model", "la", "--csv", tmp_path / "la.csv")
    answer = septum(*call)
    assert answer.code == 0, answer.err
    assert names_in(tmp_path / "out") == [
        "one_la_seg.json", "one_la_seg.nii.gz", "one_seg.json", "one_seg.nii.gz",
    ]  # fmt: skip
    assert (tmp_path / "out/one_seg.json").read_bytes() == first
    (row,) = csv.DictReader((tmp_path / "la.csv").read_text().splitlines())
    assert (row["study"], row["model"]) == ("one_la", "la")
    assert "already done" in septum(*call).out
    assert "already done" in septum("segment", study, "-o", tmp_path / "out", "--model", bundle).out


def test_pseudonyms_and_names_are_there_when_they_are_asked_for(septum, bundle, study, tmp_path):
    out = tmp_path / "out"
    septum(
        "segment", study, "-o", out, "--model", bundle, "--dicom", "--deidentify", "--report", "--identify"
    )
    for name in ("one_seg.dcm", "one_sr.dcm"):
        content = (out / name).read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in content]
    assert SECRETS[1] in (out / "one_report.html").read_text()


def test_with_a_key_that_is_kept_a_patient_has_one_pseudonym_and_a_bad_key_is_known_at_once(
    septum, bundle, study, tmp_path, monkeypatch
):
    ids = []
    for run in ("first", "second"):
        (tmp_path / "our.key").write_text("0123456789abcdef0123456789abcdef\n")
        monkeypatch.setenv("SEPTUM_PSEUDONYM_KEY", str(tmp_path / "our.key"))
        out = tmp_path / run
        answer = septum("segment", study, "-o", out, "--model", bundle, "--dicom", "--deidentify")
        assert answer.code == 0, answer.err
        ids.append(str(pydicom.dcmread(out / "one_seg.dcm").PatientID))
    assert ids[0] == ids[1] != SECRETS[1]
    monkeypatch.setenv("SEPTUM_PSEUDONYM_KEY", str(tmp_path / "no.key"))
    out = tmp_path / "third"
    answer = septum("segment", study, "-o", out, "--model", bundle, "--dicom", "--deidentify")
    assert (answer.code, "no.key cannot be read" in answer.err) == (4, True)
    assert not out.exists() or names_in(out) == []


def test_pseudonyms_are_given_anew_by_another_key_and_kept_without_one(
    septum, bundle, study, tmp_path, monkeypatch
):
    out, call = tmp_path / "out", ("segment", study, "-o", tmp_path / "out", "--model", bundle)
    ids = []
    for letter in ("a", "b"):
        (tmp_path / letter).write_text(letter * 32)
        monkeypatch.setenv("SEPTUM_PSEUDONYM_KEY", str(tmp_path / letter))
        answer = septum(*call, "--dicom", "--deidentify")
        assert "already done" not in answer.out
        ids.append(pydicom.dcmread(out / "one_seg.dcm").PatientID)
        assert pydicom.dcmread(out / "one_sr.dcm").PatientID == ids[-1]
        assert letter * 32 not in (out / "one_seg.json").read_text()
        assert "already done" in septum(*call, "--dicom", "--deidentify").out
    assert ids[0] != ids[1]
    monkeypatch.delenv("SEPTUM_PSEUDONYM_KEY")
    assert "already done" in septum(*call, "--dicom", "--deidentify").out
    (out / "one_seg.dcm").unlink()
    septum(*call, "--dicom", "--deidentify")
    assert pydicom.dcmread(out / "one_seg.dcm").PatientID not in ids
    assert json.loads((out / "one_seg.json").read_text())["outputs"]["dicom"]["key"] == ""


def test_a_study_that_no_object_can_refer_to_has_all_the_rest_and_a_sentence(septum, bundle, study, tmp_path):
    for path in (study / "b").iterdir():
        image = pydicom.dcmread(path)
        del image.StudyInstanceUID
        image.save_as(path)
    out = tmp_path / "out"
    answer = septum("segment", study / "b", "-o", out, "--model", bundle, "--dicom", "--report", "--identify")
    assert answer.code == 0, answer.err
    assert SECRETS[1] in (out / "b_report.html").read_text()
    assert names_in(out) == ["b_report.html", "b_seg.json", "b_seg.nii.gz"]
    told = json.loads((out / "b_seg.json").read_text())
    (note,) = told["notes"]
    assert (note["key"], "StudyInstanceUID" in note["text"]) == ("no_dicom_objects", True)
    assert note["text"].split(";")[0][:20] in answer.out + answer.err


def test_dicom_objects_refer_to_files_without_preamble_too(septum, bundle, tmp_path):
    (tmp_path / "one").mkdir()
    for number, image in enumerate(flat(images(stored(2)))):
        Dataset(image).save_as(tmp_path / f"one/IM{number}", implicit_vr=True, little_endian=True)
    answer = septum("segment", tmp_path / "one", "-o", tmp_path / "out", "--model", bundle, "--dicom")
    assert answer.code == 0, answer.err
    assert (tmp_path / "out/one_seg.dcm").is_file()


def test_what_is_asked_for_later_is_made_later_and_nothing_twice(septum, bundle, study, tmp_path):
    out, call = tmp_path / "out", ("segment", study, "-o", tmp_path / "out", "--model", bundle)
    septum(*call)
    assert "already done" in septum(*call).out
    assert "already done" not in septum(*call, "--report").out
    assert "already done" in septum(*call, "--report").out
    assert (out / "one_report.html").is_file()


@pytest.mark.parametrize(
    ("earlier", "now", "file"),
    [
        ((), ("--dicom",), "one_seg.dcm"),
        (("--dicom",), ("--dicom", "--deidentify"), "one_seg.dcm"),
        (("--report", "--identify"), ("--report",), "one_report.html"),
        (("--mesh", "stl"), ("--mesh", "ply"), "one_mesh/*.ply"),
    ],
)
def test_a_rerun_never_passes_off_what_was_asked_for_otherwise(
    septum, bundle, study, tmp_path, earlier, now, file
):
    out, call = tmp_path / "out", ("segment", study, "-o", tmp_path / "out", "--model", bundle)
    septum(*call, *earlier)
    before = [path.read_bytes() for path in out.glob(file)]
    assert "already done" not in septum(*call, *now).out
    after = [path.read_bytes() for path in out.glob(file)]
    assert after
    assert after != before
    if now != ("--dicom",):  # which must hold who the patient is
        assert not [secret for secret in SECRETS for content in after if secret.encode() in content]
    assert "already done" in septum(*call, *now).out
    if "--dicom" in now:
        (out / "one_seg.dcm").unlink()
        assert "already done" not in septum(*call, *now).out


def test_given_frames_and_body_are_taken(septum, bundle, study, tmp_path):
    given = ("--ed", 1, "--es", 2, "--height", 2.0, "--weight", 100, "--bsa", "mosteller", "--heart-rate", 60)
    septum("segment", study, "-o", tmp_path / "out", "--model", bundle, *given)
    told = json.loads((tmp_path / "out/one_seg.json").read_text())
    assert (told["indices"]["end_diastole_frame"], told["indices"]["end_systole_frame"]) == (1, 2)
    assert told["indices"]["body_surface_area_m2"] == pytest.approx((2.0 * 100 / 36) ** 0.5, abs=1e-3)
    assert told["indices"]["heart_rate_bpm"] == 60
    volumes = told["indices"]["volumes_ml"]["LV"]
    assert told["indices"]["items"]["lv_edv_ml"]["value"] == pytest.approx(volumes[1], abs=1e-3)


def test_of_a_single_volume_only_frame_0_is_there(septum, bundle, write_study, tmp_path):
    volume = write_study(tmp_path / "one.nii.gz")
    answer = septum("segment", volume, "-o", tmp_path / "out", "--model", bundle, "--ed", 1)
    assert (answer.code, "end-diastole to be frame 0" in answer.err) == (3, True)


def test_a_frame_that_is_not_there_is_told_in_one_sentence(septum, bundle, study, tmp_path):
    answer = septum("segment", study, "-o", tmp_path / "out", "--model", bundle, "--es", 17)
    assert answer.code == 3
    (line,) = answer.err.splitlines()
    assert all(part in line for part in (str(study), "end-systole", "from 0 to 2", "17"))
    assert names_in(tmp_path / "out") == []


@pytest.mark.parametrize(
    "options",
    [
        ("--height", 180),
        ("--weight", 0),
        ("--heart-rate", 5),
        ("--csv", "study.nii.gz"),
        ("--identify",),
        ("--deidentify", "--report"),
        ("--es", 2, "--ed", 2),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(options, septum, bundle, study, tmp_path):
    answer = septum("segment", study, "-o", tmp_path / "out", "--model", bundle, *options)
    assert answer.code == 2
    assert options[0] in answer.err
    assert names_in(tmp_path / "out") == []


def test_a_height_in_centimetres_is_told_the_unit(septum, tmp_path):
    answer = septum("segment", tmp_path / "any", "-o", tmp_path / "out", "--height", "176")
    assert all(part in answer.err for part in ("--height", "2.6 m", "1.76", "176."))


def test_convert_never_replaces_its_input(septum, study, tmp_path):
    cine = tmp_path / "cine.nii.gz"
    assert septum("convert", study, "-o", cine).code == 0
    before = cine.read_bytes()
    answer = septum("convert", cine, "-o", cine)
    assert answer.code == 4
    assert "is the input" in answer.err
    assert cine.read_bytes() == before
