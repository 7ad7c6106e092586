"""DICOM segmentation objects, read again by hand; what they and reports take over from their source."""

from __future__ import annotations

import warnings

import highdicom
import numpy as np
import pydicom
import pytest

from septum.io.dicom.objects.pseudonyms import Pseudonyms
from septum.io.dicom.objects.report import write_measurement_report
from septum.io.dicom.objects.segmentation import write_dicom_segmentation
from support.dicom_objects import INDICES, MODEL, dciodvfy_errors
from support.dicom_out_study import IDENTIFYING, SHAPE, write_classic, write_enhanced

SOURCES = {"classic": write_classic, "enhanced": write_enhanced}


@pytest.fixture(params=SOURCES)
def written(request, tmp_path):
    return SOURCES[request.param](tmp_path)


def frames_of(instance) -> np.ndarray:
    """All planes of a binary object, bit by bit from the lowest (PS3.5 8.1.1)."""
    shape = (instance.NumberOfFrames, instance.Rows, instance.Columns)
    bits = np.unpackbits(np.frombuffer(instance.PixelData, np.uint8), bitorder="little")
    return bits[: np.prod(shape)].reshape(shape).astype(bool)


def labels_by_source_frame(path, study) -> np.ndarray:
    """The mask, each plane put where the source frame that it names lies."""
    instance = pydicom.dcmread(path)
    place = {
        (frame.sop_instance_uid, frame.frame_number): (t, z)
        for t, stack in enumerate(study.header.frames)
        for z, frame in enumerate(stack)
    }
    labels = np.zeros(SHAPE, np.uint8)
    for plane, group in zip(frames_of(instance), instance.PerFrameFunctionalGroupsSequence, strict=True):
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        t, z = place[source.ReferencedSOPInstanceUID, source.get("ReferencedFrameNumber")]
        labels[t, z][plane] = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    return labels


def labels_by_dimensions(path, study) -> np.ndarray:
    """The mask, each plane put by its dimension indices, which here run through all phases and slices."""
    instance = pydicom.dcmread(path)
    pointers = [
        pydicom.datadict.keyword_for_tag(d.DimensionIndexPointer) for d in instance.DimensionIndexSequence
    ]
    assert pointers == ["ReferencedSegmentNumber", "TemporalPositionIndex", "ImagePositionPatient"]
    labels = np.zeros(SHAPE, np.uint8)
    seen = set()
    for plane, group in zip(frames_of(instance), instance.PerFrameFunctionalGroupsSequence, strict=True):
        content = group.FrameContentSequence[0]
        segment, t, z = content.DimensionIndexValues
        seen.add((segment, t, z))
        labels[t - 1, z - 1][plane] = segment
        assert content.TemporalPositionIndex == t
        position = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        assert position == pytest.approx(study.cine.geometry.to_patient_mm((z - 1, 0, 0)), abs=1e-5)
    assert len(seen) == instance.NumberOfFrames  # no two planes share their indices
    return labels


def test_every_voxel_of_every_phase_is_found_again(written, tmp_path):
    path = tmp_path / "out" / "case_seg.dcm"
    write_dicom_segmentation(path, written.segmentation, written.study, MODEL)
    assert np.array_equal(labels_by_source_frame(path, written.study), written.segmentation.labels)
    assert np.array_equal(labels_by_dimensions(path, written.study), written.segmentation.labels)


def test_a_single_phase_has_no_time_and_opens_as_a_volume(written, tmp_path):
    path = tmp_path / "seg.dcm"
    write_dicom_segmentation(path, written.segmentation, written.study, MODEL, frames=[2])
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    labels, grid = written.segmentation.labels[2], written.study.cine.geometry
    places = np.array([grid.to_patient_mm(index) for index in np.ndindex(labels.shape)])
    found = np.rint(volume.map_reference_to_indices(places)).astype(int)
    assert np.array_equal(volume.array[tuple(found.T)].reshape(labels.shape), labels)


def test_another_reader_finds_the_planes_of_a_source_image(tmp_path):
    written = write_classic(tmp_path)
    path = tmp_path / "seg.dcm"
    write_dicom_segmentation(path, written.segmentation, written.study, MODEL)
    source = written.study.header.frames[3][1].sop_instance_uid
    planes = highdicom.seg.segread(path).get_pixels_by_source_instance([source], combine_segments=True)
    assert np.array_equal(planes[0], written.segmentation.labels[3, 1])


def test_segments_are_coded_and_told_apart(written, tmp_path):
    path = tmp_path / "seg.dcm"
    reference = write_dicom_segmentation(path, written.segmentation, written.study, MODEL)
    segments = pydicom.dcmread(path).SegmentSequence
    coded = [
        (s.SegmentNumber, s.SegmentLabel, s.SegmentedPropertyTypeCodeSequence[0].CodeValue) for s in segments
    ]
    assert coded == [
        (1, "right ventricular cavity", "53085002"),
        (2, "left ventricular myocardium", "49848007"),
        (3, "left ventricular cavity", "87878005"),
    ]
    assert {s.SegmentAlgorithmName for s in segments} == {"Septum cine 1.0"}
    assert [s.TrackingUID for s in segments] == [s.tracking_uid for s in reference.segments.values()]
    assert len({tuple(s.RecommendedDisplayCIELabValue) for s in segments}) == 3


def test_a_mask_of_nothing_is_an_object_of_one_empty_plane(tmp_path):
    written = write_classic(tmp_path)
    written.segmentation.labels[:] = 0
    path = tmp_path / "seg.dcm"
    write_dicom_segmentation(path, written.segmentation, written.study, MODEL)
    instance = pydicom.dcmread(path)
    assert instance.NumberOfFrames == 1
    assert not frames_of(instance).any()
    assert dciodvfy_errors(path) == []


@pytest.mark.parametrize("deidentify", [None, Pseudonyms(b"k" * 32)], ids=["identified", "deidentified"])
def test_objects_are_valid(written, deidentify, tmp_path):
    seg, single, path = (tmp_path / name for name in ("seg.dcm", "single.dcm", "sr.dcm"))
    reference = write_dicom_segmentation(
        seg, written.segmentation, written.study, MODEL, deidentify=deidentify
    )
    write_dicom_segmentation(
        single, written.segmentation, written.study, MODEL, frames=[0], deidentify=deidentify
    )
    write_measurement_report(path, INDICES, written.study, reference, MODEL, deidentify=deidentify)
    assert [dciodvfy_errors(p) for p in (seg, single, path)] == [[], [], []]


def test_objects_belong_to_the_patient_and_study_of_their_source(written, tmp_path):
    seg, path = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    reference = write_dicom_segmentation(seg, written.segmentation, written.study, MODEL)
    write_measurement_report(path, INDICES, written.study, reference, MODEL)
    source = pydicom.dcmread(written.study.header.frames[0][0].path)
    for instance in (pydicom.dcmread(seg), pydicom.dcmread(path)):
        for keyword in set(IDENTIFYING) - {"InstitutionName"}:
            assert instance.get(keyword) == source.get(keyword), keyword
        assert instance.StudyInstanceUID == source.StudyInstanceUID
        assert instance.SeriesInstanceUID not in written.uids
    assert pydicom.dcmread(seg).FrameOfReferenceUID == source.FrameOfReferenceUID


def rewritten(study, spaces):
    """Give the images of a study these frames of reference."""
    for frame, uid in zip((f for stack in study.header.frames for f in stack), spaces, strict=True):
        image = pydicom.dcmread(frame.path)
        image.FrameOfReferenceUID = uid
        if uid is None:
            del image.FrameOfReferenceUID
        image.save_as(frame.path)


@pytest.mark.parametrize("deidentify", [None, Pseudonyms(b"k" * 32)], ids=["identified", "deidentified"])
@pytest.mark.parametrize("named", ["one an image", "one a slice", "none", "most"])
def test_one_frame_of_reference_stands_for_those_that_a_deidentifier_left(tmp_path, named, deidentify):
    written = write_classic(tmp_path)
    of_most = ["1.2.9", None, *["1.2.8"] * 18]
    spaces = {
        "one an image": [f"1.2.{k}" for k in range(1, 21)],
        "one a slice": [f"1.2.{z}" for _ in range(4) for z in range(1, 6)],
        "none": [None] * 20,
        "most": of_most,
    }[named]
    rewritten(written.study, spaces)
    seg, report = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    for path in (seg, tmp_path / "again.dcm"):
        reference = write_dicom_segmentation(
            path, written.segmentation, written.study, MODEL, deidentify=deidentify
        )
    write_measurement_report(report, INDICES, written.study, reference, MODEL, deidentify=deidentify)
    instance = pydicom.dcmread(seg)
    space = instance.FrameOfReferenceUID
    assert pydicom.dcmread(tmp_path / "again.dcm").FrameOfReferenceUID == space
    if deidentify is None and named != "none":
        assert space == ("1.2.8" if named == "most" else "1.2.1")
    assert (space.startswith("2.25."), space.is_valid) == (deidentify is not None or named == "none", True)
    assert "frame" in instance.DerivationDescription
    assert ("most" in instance.DerivationDescription) is (named == "most")
    assert [dciodvfy_errors(path) for path in (seg, report)] == [[], []]
    if deidentify is None:
        assert np.array_equal(labels_by_source_frame(seg, written.study), written.segmentation.labels)


def test_identifiers_that_are_not_valid_are_told_to_nobody(tmp_path, recwarn):
    written = write_classic(tmp_path)
    rewritten(written.study, [f"Known.{k}" for k in range(20)])
    write_dicom_segmentation(tmp_path / "seg.dcm", written.segmentation, written.study, MODEL)
    del recwarn.list[:]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        reference = write_dicom_segmentation(tmp_path / "seg.dcm", written.segmentation, written.study, MODEL)
        write_measurement_report(tmp_path / "sr.dcm", INDICES, written.study, reference, MODEL)
    assert told == []


def test_deidentified_objects_hold_nothing_of_the_patient_and_fit_together(written, tmp_path):
    seg, path = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    pseudonyms = Pseudonyms(b"a key of sixteen bytes or more")
    reference = write_dicom_segmentation(
        seg, written.segmentation, written.study, MODEL, deidentify=pseudonyms
    )
    write_measurement_report(path, INDICES, written.study, reference, MODEL, deidentify=pseudonyms)
    for content in (seg.read_bytes(), path.read_bytes()):
        for secret in (*IDENTIFYING.values(), *written.uids):
            assert secret.encode() not in content
            assert secret.encode("latin-1") not in content
    one, other = pydicom.dcmread(seg), pydicom.dcmread(path)
    assert (one.PatientIdentityRemoved, other.PatientIdentityRemoved) == ("YES", "YES")
    assert one.PatientID == other.PatientID
    assert one.StudyInstanceUID == other.StudyInstanceUID
    assert one.ContentDate == other.ContentDate == "19000101"
    # Who de-identifies the images by the same key finds the references resolved; another key tells nothing.
    first = written.study.header.frames[0][0].sop_instance_uid
    named = {
        i.ReferencedSOPInstanceUID for s in one.ReferencedSeriesSequence for i in s.ReferencedInstanceSequence
    }
    assert pseudonyms.uid(first) in named
    assert Pseudonyms.fresh().uid(first) not in named


def test_attributes_that_are_not_valid_in_the_source_do_not_stop_the_object(tmp_path):
    written = write_classic(tmp_path)
    file = written.study.header.frames[0][0].path
    with pydicom.config.disable_value_validation():
        image = pydicom.dcmread(file)
        image.StudyDate, image.PatientID, image.PatientSex = "05.04.2023", "long" * 20, "unknown to us"
        image.PatientWeight = "70.51"
        image.save_as(file)
    file.write_bytes(file.read_bytes().replace(b"70.51", b"70,51"))
    path = tmp_path / "seg.dcm"
    write_dicom_segmentation(path, written.segmentation, written.study, MODEL)
    instance = pydicom.dcmread(path)
    assert np.array_equal(labels_by_source_frame(path, written.study), written.segmentation.labels)
    assert "PatientWeight" not in instance
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert instance.PatientID == "long" * 20
