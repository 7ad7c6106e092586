"""Who a patient is, told or replaced: keys that link what belongs together, and dates that people read."""

from __future__ import annotations

import pydicom
import pytest

from septum.core import OutputError
from septum.io.dicom.objects.pseudonyms import KEY_VARIABLE, Pseudonyms
from septum.io.dicom.objects.segmentation import write_dicom_segmentation
from septum.io.dicom.objects.source_images import identity_of
from support.dicom_objects import MODEL
from support.dicom_out_study import IDENTIFYING, write_classic


@pytest.fixture
def visits(tmp_path):
    """Writes the segmentation of one of two studies of a patient, whose ID is padded in the second."""
    studies = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        studies.append(write_classic(tmp_path / name))
    with pydicom.config.disable_value_validation():
        for file in (tmp_path / "second").iterdir():
            image = pydicom.dcmread(file)
            image.PatientID = f" {IDENTIFYING['PatientID']} "
            image.save_as(file)

    def written(number: int, pseudonyms: Pseudonyms):
        path = tmp_path / "seg.dcm"
        one = studies[number]
        write_dicom_segmentation(path, one.segmentation, one.study, MODEL, deidentify=pseudonyms)
        return pydicom.dcmread(path)

    return written


def test_runs_with_one_key_link_the_studies_of_a_patient_and_others_do_not(visits, tmp_path, monkeypatch):
    key = tmp_path / "our.key"
    key.write_text("0123456789abcdef" * 4 + "\r\n")
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    first, second = (visits(number, Pseudonyms.from_environment()) for number in (0, 1))
    assert first.PatientID == second.PatientID
    assert first.StudyInstanceUID != second.StudyInstanceUID
    assert visits(0, Pseudonyms.from_environment()).StudyInstanceUID == first.StudyInstanceUID
    key.write_text("0123456789abcdef" * 4)  # another editor
    assert visits(1, Pseudonyms.from_environment()).PatientID == first.PatientID
    key.write_text("another key, long enough")
    assert visits(0, Pseudonyms.from_environment()).PatientID != first.PatientID
    monkeypatch.delenv(KEY_VARIABLE)
    fresh = {visits(0, Pseudonyms.from_environment()).PatientID for _ in range(2)}
    assert len(fresh | {first.PatientID}) == 3


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read as key"), (b" 15 bytes, short\n", "found 15")]
)
def test_a_key_that_is_none_is_refused_and_not_made_up(content, said, tmp_path, monkeypatch):
    key = tmp_path / "our.key"
    if content is not None:
        key.write_bytes(content)
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    with pytest.raises(OutputError, match=said):
        Pseudonyms.from_environment()
    assert key.exists() == (content is not None)


def test_an_identity_has_names_and_dates_as_people_read_them_and_nothing_else_is_taken_for_one(tmp_path):
    written = write_classic(tmp_path)
    file = written.study.header.frames[0][0].path
    image = pydicom.dcmread(file)
    image.AccessionNumber, image.PatientName = "19580203", "Roe^Jane^^Dr"
    image.save_as(file)
    told = identity_of(written.study)
    assert (told["Name"], told["Born"], told["Examined"], told["Accession number"]) == (
        "Roe, Jane, Dr",
        "1951-02-03",
        "2023-04-05",
        "19580203",
    )
    with pydicom.config.disable_value_validation():
        image.PatientBirthDate, image.StudyDate = "1951.02.03", "195102"
        image.save_as(file)
    told = identity_of(written.study)
    assert (told["Born"], told["Examined"]) == ("1951-02-03", "195102")
    with pydicom.config.disable_value_validation():
        image.PatientBirthDate, image.StudyDate = "00000000", "0000.00.00"
        image.save_as(file)
    assert identity_of(written.study).keys() & {"Born", "Examined"} == set()
