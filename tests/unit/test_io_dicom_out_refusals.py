"""What DICOM objects cannot be made of: a sentence that names no patient, and nothing left behind."""

from __future__ import annotations

import pydicom
import pytest

from septum.core import Indices, InputError, OutputError, Study
from septum.io.dicom.objects.instances import Algorithm
from septum.io.dicom.objects.pseudonyms import Pseudonyms
from septum.io.dicom.objects.report import write_measurement_report
from septum.io.dicom.objects.segmentation import write_dicom_segmentation
from support.dicom_out_study import write_classic, write_enhanced
from support.full_disk import full_disk

MODEL = Algorithm("cine", "1.0")


def test_a_study_that_is_not_from_dicom_is_refused(tmp_path):
    written = write_classic(tmp_path)
    other = Study(written.study.cine, sha256="0" * 64)
    with pytest.raises(OutputError, match="not a DICOM study"):
        write_dicom_segmentation(tmp_path / "seg.dcm", written.segmentation, other, MODEL)


def test_images_of_two_studies_are_refused_without_naming_them(tmp_path):
    written = write_classic(tmp_path)
    file = written.study.header.frames[0][0].path
    image = pydicom.dcmread(file)
    image.StudyInstanceUID = "1.2.3.4"
    image.save_as(file)
    with pytest.raises(OutputError, match="2 different values of StudyInstanceUID") as refusal:
        write_dicom_segmentation(tmp_path / "out.dcm", written.segmentation, written.study, MODEL)
    assert not any(uid in str(refusal.value) for uid in ("1.2.3.4", *written.uids))
    assert not (tmp_path / "out.dcm").exists()


def test_an_image_that_is_gone_is_an_error_and_nothing_is_written(tmp_path):
    written = write_enhanced(tmp_path)
    written.study.header.frames[0][0].path.unlink()
    with pytest.raises(InputError, match="cannot be read again"):
        write_dicom_segmentation(tmp_path / "out" / "seg.dcm", written.segmentation, written.study, MODEL)
    assert list(tmp_path.iterdir()) == []


def test_a_frame_that_is_not_there_is_refused(tmp_path):
    written = write_classic(tmp_path)
    with pytest.raises(InputError, match="between 0 and 3"):
        write_dicom_segmentation(tmp_path / "seg.dcm", written.segmentation, written.study, MODEL, frames=[4])


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    written = write_classic(tmp_path)
    with full_disk(), pytest.raises(OutputError, match="cannot be written"):
        write_dicom_segmentation(tmp_path / "out" / "seg.dcm", written.segmentation, written.study, MODEL)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_report_without_any_index_is_refused(tmp_path):
    written = write_classic(tmp_path)
    reference = write_dicom_segmentation(tmp_path / "seg.dcm", written.segmentation, written.study, MODEL)
    with pytest.raises(OutputError, match="none has a value"):
        write_measurement_report(
            tmp_path / "sr.dcm", Indices(None, {}, None, ()), written.study, reference, MODEL
        )
    assert not (tmp_path / "sr.dcm").exists()


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        Pseudonyms(b"short")
