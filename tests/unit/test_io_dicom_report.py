"""DICOM measurement reports, read again by hand and by another reader."""

from __future__ import annotations

import highdicom
import pydicom
import pytest
from pydicom.sr.codedict import codes

from septum.indices.definitions import DEFINITIONS
from septum.io.dicom.objects.report import write_measurement_report
from septum.io.dicom.objects.segmentation import write_dicom_segmentation
from septum.io.dicom.objects.terms import INDICES as INDEX_TERMS
from septum.workflows.record_numbers import IndicesRecord
from support.dicom_objects import INDICES, MODEL
from support.dicom_out_study import write_classic, write_enhanced

SCT = codes.SCT
SIX = ("Anterior", "Anteroseptal", "Inferoseptal", "Inferior", "Inferolateral", "Anterolateral")
#: Segments 1 to 16, by the words of the library's dictionary.
AHA = (
    *(f"{level}{wall}" for level in ("Basal", "Mid") for wall in SIX),
    *(f"Apical{w}" for w in ("Anterior", "Septal", "Inferior", "Lateral")),
)


@pytest.fixture(params=[write_classic, write_enhanced], ids=["classic", "enhanced"])
def written(request, tmp_path):
    return request.param(tmp_path)


def numbers_of(items) -> dict[tuple[str, str | None, str | None], tuple[float, str, int | None]]:
    """Codes of a measurement, its point in the beat and its site, to value, unit and segment of the mask."""
    found = {}
    for item in items:
        children = item.get("ContentSequence", [])
        segments = [
            c.ReferencedSOPSequence[0].get("ReferencedSegmentNumber")
            for c in children
            if c.ValueType == "IMAGE"
        ]
        for child in children:
            if child.ValueType == "NUM":
                value = child.MeasuredValueSequence[0]
                unit = value.MeasurementUnitsCodeSequence[0].CodeValue
                modifiers = {
                    code_of(m): m.ConceptCodeSequence[0].CodeValue for m in child.get("ContentSequence", [])
                }
                key = (code_of(child), modifiers.get("272518008"), modifiers.get("363698007"))
                assert key not in found
                found[key] = (float(value.NumericValue), unit, segments[0] if segments else None)
        found |= numbers_of(children)
    return found


def code_of(item) -> str:
    return item.ConceptNameCodeSequence[0].CodeValue


def test_a_report_tells_the_indices_in_coded_terms_with_their_segments(written, tmp_path):
    seg, path = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    reference = write_dicom_segmentation(seg, written.segmentation, written.study, MODEL)
    write_measurement_report(path, INDICES, written.study, reference, MODEL)
    report = pydicom.dcmread(path)
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    told = numbers_of([report])
    assert {key: value for key, value in told.items() if key[2] is None} == {
        ("8821-1", None, None): (123.4568, "ml", 3),
        ("8823-7", None, None): (50.5, "ml", 3),
        ("90096001", None, None): (72.9568, "ml", 3),
        ("277381004", None, None): (38.4, "ml/m2", 3),
        ("8811-2", None, None): (59.1, "%", 3),
        ("82799009", None, None): (4.815, "l/min", 3),
        ("54993008", None, None): (2.53, "l/min/m2", 3),
        ("18087-7", "416190007", None): (110.0, "g", 2),
        ("18087-7", "416430001", None): (118.7654, "g", 2),
        ("122616", None, None): (1408.1235, "ml/s", 3),
        ("122617", None, None): (145.25, "ms", 3),
        ("122618", None, None): (1501.5, "ml/s", 3),
        ("122619", None, None): (162.125, "ms", 3),
        ("8818-7", None, None): (51.0, "%", 1),
        ("8867-4", None, None): (66.0, "/min", None),
    }
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    named = {
        i.ReferencedSOPInstanceUID for s in evidence.ReferencedSeriesSequence for i in s.ReferencedSOPSequence
    }
    images = {frame.sop_instance_uid for stack in written.study.header.frames for frame in stack}
    assert named == images | {pydicom.dcmread(seg).SOPInstanceUID}


def test_a_report_tells_the_wall_by_segment_with_the_numbers_of_the_json(tmp_path):
    written = write_classic(tmp_path)
    path = tmp_path / "sr.dcm"
    reference = write_dicom_segmentation(tmp_path / "seg.dcm", written.segmentation, written.study, MODEL)
    write_measurement_report(path, INDICES, written.study, reference, MODEL)
    wall = IndicesRecord.of(INDICES).model_dump()["wall"]
    groups = highdicom.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    (myocardium,) = (g for g in groups if g.finding_sites[0].value.value == "49848007")
    told = [
        (one.name.value, one.finding_sites[0].value.value, one.value)
        for one in myocardium.get_measurements()
        if one.finding_sites
    ]
    assert told == [
        (code, getattr(SCT, f"LeftVentricle{part}Segment").value, value)
        for code, values in zip(("122445", "122445", "59092-7"), wall.values(), strict=True)
        for part, value in zip(AHA, values, strict=False)
        if value is not None
    ]
    points = [key[1] for key in numbers_of([pydicom.dcmread(path)]) if key[2] is not None]
    assert points == ["416190007"] * 16 + ["416430001"] * 16 + [None] * 15


def test_every_index_has_coded_terms_but_for_those_that_no_scheme_knows():
    unknown = {
        "lv_gcs_endo_percent",
        "lv_gcs_epi_percent",
        "lv_time_to_peak_gcs_ms",
        "lv_time_to_peak_grs_ms",
    }
    assert {one.key for one in DEFINITIONS} - set(INDEX_TERMS) == unknown
