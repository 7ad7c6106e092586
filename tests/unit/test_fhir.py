"""FHIR Bundles: valid by the classes of fhir.resources, coded, whole, and without a patient unless asked."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from fhir.resources.bundle import Bundle

from septum.core import OutputError, Segmentation, Study
from septum.io.dicom.objects import terms
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.measuring import measured
from septum.workflows.options import IndexSettings
from septum.workflows.provenance import Provenance
from septum.workflows.record import Settings
from support.dicom_out_study import IDENTIFYING, write_classic
from support.full_disk import full_disk

BODY = {"height_m": 1.8, "weight_kg": 75.0, "heart_rate_bpm": 62.0}


@pytest.fixture
def result():
    phantom = PhantomSettings(frames=6, slices=8, matrix=(96, 96), in_plane_mm=2.4)
    heart = beating_heart(np.random.default_rng(0), phantom)
    provenance = Provenance.of_given_mask(Settings(indices=IndexSettings(**BODY)))
    return measured(Study(heart.cine, "a" * 64), heart.truth, provenance, None, name="heart")


def saved(result, folder, **options):
    result.save(folder, {"fhir": options})
    text = (folder / "heart_fhir.json").read_text("utf-8")
    return Bundle.model_validate_json(text), json.loads(text)


def observations(document):
    found = (entry["resource"] for entry in document["entry"])
    return {one["id"]: one for one in found if one["resourceType"] == "Observation"}


def test_the_bundle_is_valid_and_begins_with_the_report(result, tmp_path):
    bundle, document = saved(result, tmp_path)
    assert bundle.type == "collection"
    kinds = [entry["resource"]["resourceType"] for entry in document["entry"]]
    assert kinds[0] == "DiagnosticReport"
    assert kinds.count("DiagnosticReport") == kinds.count("Patient") == kinds.count("ImagingStudy") == 1
    assert document["entry"][0]["resource"]["status"] == "preliminary"


def test_every_reference_leads_to_an_entry(result, tmp_path):
    _, document = saved(result, tmp_path)
    urls = [entry["fullUrl"] for entry in document["entry"]]
    assert len(set(urls)) == len(urls)
    referred = re.findall(r'"reference": "([^"]+)"', json.dumps(document))
    assert set(referred) <= set(urls)
    report = document["entry"][0]["resource"]
    groups = {one["reference"] for one in report["result"]}
    members = {
        ref["reference"] for one in observations(document).values() for ref in one.get("hasMember", [])
    }
    told = {
        entry["fullUrl"] for entry in document["entry"] if entry["resource"]["resourceType"] == "Observation"
    }
    assert groups | members == told


def test_every_index_with_a_value_is_told_with_unit_and_code(result, tmp_path):
    _, document = saved(result, tmp_path)
    found = observations(document)
    for item in result.indices.items:
        if item.value is None:
            continue
        one = found[item.key.replace("_", "-")]
        assert one["valueQuantity"]["value"] == pytest.approx(item.value, abs=1e-4)
        assert one["valueQuantity"]["code"] == item.unit
        assert one["valueQuantity"]["system"] == "http://unitsofmeasure.org"
        assert one["code"]["text"] == item.title
        codes = [code["code"] for code in one["code"].get("coding", [])]
        assert codes == ([terms.INDICES[item.key].name.value] if item.key in terms.INDICES else [])
    coding = found["lv-ef-percent"]["code"]["coding"][0]
    assert (coding["system"], coding["code"]) == ("http://loinc.org", "8811-2")
    area = 0.007184 * 180.0**0.725 * 75.0**0.425  # Du Bois, of cm and kg
    edv = result.indices.value("lv_edv_ml")
    assert found["lv-edv-ml-by-area"]["valueQuantity"]["value"] == pytest.approx(edv / area, abs=1e-3)
    assert found["lv-edv-ml-by-area"]["valueQuantity"]["code"] == "ml/m2"
    assert found["heart-rate"]["valueQuantity"]["value"] == 62.0


def test_every_observation_has_what_the_guide_demands(result, tmp_path):
    _, document = saved(result, tmp_path)
    for one in observations(document).values():
        assert one["meta"]["profile"][0].startswith(
            "http://hl7.org/fhir/uv/dicom-sr/StructureDefinition/imaging-"
        )
        for demanded in ("subject", "partOf", "issued", "device", "status", "code"):
            assert one[demanded], one["id"]


def test_wall_thickness_is_told_by_segment(result, tmp_path):
    _, document = saved(result, tmp_path)
    found = observations(document)
    values = result.indices.wall.end_diastolic_mm
    for number, value in enumerate(values, start=1):
        name = f"wall-end-diastolic-mm-{number}"
        assert (name in found) == (value is not None and math.isfinite(value))
    assert any(name.startswith("wall-thickening-percent") for name in found)
    assert "group-wall" in found


def test_the_verdict_and_its_reasons_are_told(result, tmp_path):
    _, document = saved(result, tmp_path)
    one = observations(document)["quality-verdict"]
    assert one["valueCodeableConcept"]["text"] == result.verdict.value
    assert [note["text"] for note in one.get("note", [])] == [flag.reason for flag in result.flags]


def test_no_index_that_is_not_known_is_told(result, tmp_path):
    items = tuple(replace(item, value=math.nan, indexed=None) for item in result.indices.items)
    unknown = replace(result, indices=replace(result.indices, items=items, wall=None, heart_rate_bpm=None))
    _, document = saved(unknown, tmp_path)
    assert list(observations(document)) == ["quality-verdict"]


def dicom_result(folder):
    written = write_classic(folder)
    provenance = Provenance.of_given_mask(Settings())
    mask = Segmentation(written.segmentation.labels, written.study.cine.geometry, written.segmentation.schema)
    return measured(written.study, mask, provenance, None, name="heart"), written.uids


def test_nothing_of_the_patient_is_told_unless_it_is_wanted(tmp_path):
    (tmp_path / "in").mkdir()
    result, uids = dicom_result(tmp_path / "in")
    _, document = saved(result, tmp_path / "out")
    text = json.dumps(document, ensure_ascii=False)
    for value in (*IDENTIFYING.values(), *uids, "2023-04-05", "1951-02-03", "Müller"):
        assert value not in text


def test_the_patient_is_told_where_it_is_wanted(tmp_path):
    (tmp_path / "in").mkdir()
    result, uids = dicom_result(tmp_path / "in")
    bundle, document = saved(result, tmp_path / "out", identify=True)
    by_kind = {entry.resource.get_resource_type(): entry.resource for entry in bundle.entry}
    patient, study = by_kind["Patient"], by_kind["ImagingStudy"]
    assert patient.identifier[0].value == "HOSP-4711"
    assert patient.name[0].text == "Müller, Änne"
    assert str(patient.birthDate) == "1951-02-03"
    assert patient.gender == "female"
    assert study.identifier[0].value.removeprefix("urn:oid:") in uids
    assert document["entry"][0]["resource"]["effectiveDateTime"] == "2023-04-05"


def test_of_a_file_nobody_can_tell_the_patient(result, tmp_path):
    with pytest.warns(UserWarning, match="DICOM"):
        saved(result, tmp_path, identify=True)


def test_a_full_disk_leaves_nothing_half_written(result, tmp_path):
    result.save(tmp_path)
    before = sorted(tmp_path.iterdir())
    with full_disk(), pytest.raises(OutputError):
        result.save(tmp_path, ["fhir"])
    assert sorted(tmp_path.iterdir()) == before


def objects_in(value):
    """Every JSON object in a document."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects_in(one)


def is_loinc(code):
    """Whether a code's last digit is the one that LOINC computes of the others: Luhn, modulo 10."""
    digits, check = code.split("-")
    doubled = [int(d) * (2 if k % 2 == 0 else 1) for k, d in enumerate(reversed(digits))]
    return int(check) == -sum(n // 10 + n % 10 for n in doubled) % 10


def is_snomed(code):
    """Whether a SNOMED CT identifier's last digit is right: Verhoeff's dihedral check."""
    flips = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    state = 0
    for k, digit in enumerate(reversed(code)):
        number = int(digit)
        for _ in range(k % 8):
            number = flips[number]
        turned = state >= 5
        state = (state % 5 + (-1 if turned else 1) * (number % 5)) % 5 + 5 * (turned != (number >= 5))
    return state == 0


def test_check_digits_are_known_to_find_a_wrong_one():
    assert is_loinc("8811-2")
    assert not is_loinc("8811-3")
    assert is_snomed("80891009")  # heart structure
    assert not is_snomed("80891090")


def test_every_code_is_one_of_its_system(result, tmp_path):
    _, document = saved(result, tmp_path)
    coded = [one for one in objects_in(document) if {"system", "code"} <= set(one) and "value" not in one]
    checks = {"http://loinc.org": is_loinc, "http://snomed.info/sct": is_snomed}
    found = {one["system"]: set() for one in coded}
    for one in coded:
        assert re.fullmatch(r"(http://|urn:)\S+", one["system"]), one
        assert checks.get(one["system"], str.strip)(one["code"]), one
        found[one["system"]].add(one["code"])
    assert len(found["http://loinc.org"]) > 5
    assert found["http://snomed.info/sct"]


def test_every_unit_is_one_of_ucum(result, tmp_path):
    _, document = saved(result, tmp_path)
    quantities = [one for one in objects_in(document) if one.get("system") == "http://unitsofmeasure.org"]
    atom = r"(ml|mL|l|L|g|mm|cm|m|ms|s|min)[2-3]?"
    for one in quantities:
        assert re.fullmatch(rf"%|1|/min|{atom}(/{atom})*", re.sub(r"\{[a-z]+\}", "", one["code"])), one
    assert {"ml", "%", "g", "mm", "ml/m2"} <= {one["code"] for one in quantities}


def test_numbers_are_json_numbers_and_times_have_a_zone(result, tmp_path):
    _, document = saved(result, tmp_path)
    for one in objects_in(document):
        if "value" in one and one.get("system") == "http://unitsofmeasure.org":
            assert isinstance(one["value"], int | float)
            assert math.isfinite(one["value"])
        if "issued" in one:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", one["issued"])
