"""Reference ranges in files: JSON, table, report and DICOM; and sex and age in none of them unless wanted."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from septum.core import MeasuredError, Study, Subject, Verdict
from septum.core.notes import Source
from septum.inference import open_bundle
from septum.interpretation.ranges import Request, compare
from septum.io import read_study
from septum.io.dicom.objects.report import write_measurement_report
from septum.io.dicom.objects.segmentation import write_dicom_segmentation
from septum.phantom import PhantomSettings, beating_heart
from septum.quality.calibration import calibration_of
from septum.report import write_report
from septum.workflows.indices_table import record_row, table_csv
from septum.workflows.measuring import known_errors, measured
from septum.workflows.options import IndexSettings
from septum.workflows.provenance import Provenance
from septum.workflows.record import Record, Settings, read_record, write_record
from support.dicom_objects import INDICES, MODEL, dciodvfy_errors
from support.dicom_out_study import write_classic
from support.dicom_study import flat, images, stored, write

SMALL = PhantomSettings(frames=3, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)
OF_FILE = Subject.of(sex="F", age_years=54.3, height_m=1.7, weight_kg=65.0, source=Source.FILE)
ERRORS = {"lv_ef_percent": MeasuredError("difference", -2.0, 3.0, 20)}


def result_of(settings, subject=OF_FILE):
    heart = beating_heart(np.random.default_rng(0), SMALL)
    study = Study(heart.cine, "a" * 64, subject=subject)
    return measured(
        study, heart.truth, Provenance.of_given_mask(Settings(indices=settings)), None, name="heart"
    )


def texts_of(result, folder):
    """Everything that is written of a result, as text."""
    record = result.record()
    write_record(folder / "a_seg.json", record)
    write_report(folder / "a.html", result, title="a")
    page = re.sub(r'"data:image[^"]*"', "", (folder / "a.html").read_text())
    return [(folder / "a_seg.json").read_text(), page, table_csv([record_row("a", record)])]


def test_sex_and_age_of_a_header_are_in_no_file_unless_a_comparison_is_wanted(tmp_path):
    for text in texts_of(result_of(IndexSettings()), tmp_path):
        assert "50 to 59 years" not in text
        assert "54.3" not in text
        assert '"sex": "F"' not in text
    document = json.loads((tmp_path / "a_seg.json").read_text())
    assert "reference" not in document
    assert document["settings"]["indices"]["sex"] is None


def test_a_wanted_comparison_names_the_group_and_not_the_age_of_the_header(tmp_path):
    texts = texts_of(result_of(IndexSettings(reference="hhc2024")), tmp_path)
    for text in texts:
        assert "women, 50 to 59 years, White" in text
        assert "54.3" not in text
    document = json.loads(texts[0])
    assert document["settings"]["indices"]["age_years"] is None
    assert (document["reference"]["sex"], document["reference"]["sex_source"]) == ("F", "file")


def test_the_json_the_table_and_the_page_tell_the_same(tmp_path):
    result = result_of(IndexSettings(sex="F", age_years=54))
    text, page, table = texts_of(result, tmp_path)
    item = json.loads(text)["reference"]["items"]["lv_ef_percent"]
    (row,) = csv.DictReader(io.StringIO(table))
    assert float(row["lv_ef_percent_z"]) == item["z"]
    assert (row["reference"], row["lv_ef_percent_p_outside"]) == ("hhc2024", "")
    assert 'data-index="lv_ef_percent"' in page
    assert f"{item['low']:g} to {item['high']:g}" in page
    assert read_record(tmp_path / "a_seg.json") == Record.model_validate_json(text)


def test_a_page_shows_the_place_of_a_value_whose_error_is_known(tmp_path):
    result = result_of(IndexSettings(sex="F", age_years=54))
    compared = compare(
        result.indices, OF_FILE, Request(), {"lv_ef_percent": replace(ERRORS["lv_ef_percent"], sd=0.1)}
    )
    item = compared.item("lv_ef_percent")
    write_report(tmp_path / "a.html", replace(result, comparison=compared), title="a")
    page = (tmp_path / "a.html").read_text()
    assert f'data-place="{item.place.value}"' in page
    row = record_row("a", replace(result, comparison=compared).record())
    assert row["lv_ef_percent_place"] == item.place.value
    assert row["lv_edv_ml_place"] is None


def test_a_sex_that_the_header_contradicts_is_noted():
    result = result_of(IndexSettings(sex="M", age_years=54))
    assert "reference_person_contradictory" in {note.key for note in result.comparison.notes}
    assert result.comparison.sex.value == "M"


def test_what_a_json_of_an_earlier_version_lacks_is_none(tmp_path):
    result = result_of(IndexSettings())
    write_record(tmp_path / "a_seg.json", result.record())
    document = json.loads((tmp_path / "a_seg.json").read_text())
    for name in ("reference", "sex", "age_years", "ethnicity"):
        document["settings"]["indices"].pop(name)
    (tmp_path / "a_seg.json").write_text(json.dumps(document))
    record = read_record(tmp_path / "a_seg.json")
    assert record.reference is None
    assert record.settings.indices == IndexSettings()


def test_errors_are_known_only_where_the_calibration_holds():
    bundle, result = open_bundle("cine"), result_of(IndexSettings())
    held = calibration_of(bundle).errors
    assert {"lv_edv_ml", "lv_ef_percent", "rv_ef_percent", "lv_mass_ed_g"} <= set(held)
    quality = replace(
        result.quality, estimated_dice=0.92, ventricles={"LV": Verdict.FINE, "RV": Verdict.REJECT}
    )
    found = known_errors(result.indices, quality, bundle)
    assert found["lv_ef_percent"] == held["lv_ef_percent"]
    assert not any(key.startswith("rv_") for key in found)
    assert known_errors(result.indices, replace(quality, estimated_dice=None), bundle) == {}
    assert known_errors(result.indices, quality, None) == {}


def test_an_error_is_larger_where_the_segmenter_is_less_sure():
    bundle, result = open_bundle("cine"), result_of(IndexSettings())
    held = calibration_of(bundle).errors["lv_edv_ml"]
    sd = {}
    for overlap in (0.96, 0.84):
        quality = replace(result.quality, estimated_dice=0.92, ventricles={}, overlaps={"LV": overlap})
        found = known_errors(result.indices, quality, bundle)["lv_edv_ml"]
        assert (found.mean, found.usual) == (held.mean, held.usual)
        sd[overlap] = found.sd
    assert sd[0.84] == pytest.approx(2 * sd[0.96])
    assert sd[0.96] == pytest.approx(held.sd * 0.2 / held.difficulty)


def test_a_dicom_report_has_the_range_and_the_normality_of_a_measurement(tmp_path):
    written = write_classic(tmp_path)
    compared = compare(
        INDICES,
        replace(OF_FILE, age_years=OF_FILE.age_years),
        Request(),
        {"lv_ef_percent": ERRORS["lv_ef_percent"]},
    )
    item = compared.item("lv_ef_percent")
    reference = write_dicom_segmentation(tmp_path / "seg.dcm", written.segmentation, written.study, MODEL)
    path = tmp_path / "sr.dcm"
    write_measurement_report(path, INDICES, written.study, reference, MODEL, comparison=compared)
    assert dciodvfy_errors(path) == []
    found = {}

    def walk(element):
        for child in element.get("ContentSequence", []):
            if child.ValueType == "NUM":
                code = child.ConceptNameCodeSequence[0].CodeValue
                inner = {c.ConceptNameCodeSequence[0].CodeValue: c for c in child.get("ContentSequence", [])}
                found.setdefault(code, inner)
            walk(child)

    walk(pydicom.dcmread(path))
    properties = found["8811-2"]
    low, high, z = (
        float(properties[code].MeasuredValueSequence[0].NumericValue)
        for code in ("385524004", "371933006", "121416")
    )
    assert (low, high) == (item.low, item.high)
    assert z == pytest.approx(item.z, abs=1e-4)
    assert float(properties["P_OUTSIDE"].MeasuredValueSequence[0].NumericValue) == pytest.approx(
        item.outside, abs=1e-4
    )
    assert properties["121402"].ConceptCodeSequence[0].CodeValue in {
        "17621005",
        "371934000",
        "371879000",
        "371880002",
    }
    assert "women" in properties["121407"].TextValue


@pytest.mark.parametrize(
    ("stated", "sex", "age"),
    [
        ({"PatientSex": "F", "PatientAge": "054Y"}, "F", 54.0),
        ({"PatientSex": "M", "PatientBirthDate": "19600301", "StudyDate": "20200229"}, "M", 60.0),
        ({"PatientSex": "O", "PatientAge": "018M", "PatientBirthDate": ""}, None, 1.5),
        ({"PatientAge": "020Y", "PatientBirthDate": "19600301", "StudyDate": "20200301"}, None, None),
        ({"PatientAge": "200Y", "PatientBirthDate": "", "StudyDate": "20200101"}, None, None),
        ({"PatientAge": "", "PatientBirthDate": "18000101", "StudyDate": "20200101"}, None, None),
    ],
)
def test_sex_and_age_come_from_the_headers_where_they_agree(tmp_path, stated, sex, age):
    made = flat(images(stored()))
    for one in made:
        one.PatientBirthDate = ""
        for keyword, value in stated.items():
            setattr(one, keyword, value)
    write(tmp_path, made)
    subject = read_study(tmp_path).subject
    assert (subject.sex and subject.sex.value) == sex
    assert (subject.age_years and subject.age_years.value) == age


def test_headers_of_two_sexes_give_none(tmp_path):
    made = flat(images(stored()))
    for k, one in enumerate(made):
        one.PatientSex = "FM"[k % 2]
    write(tmp_path, made)
    assert read_study(tmp_path).subject.sex is None
