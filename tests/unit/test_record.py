"""The JSON beside a mask: what is written is read again, and so is what earlier versions wrote."""

import json
from pathlib import Path

import pytest

from septum.workflows.record import FORMAT, Record, read_record, write_record

FORMAT_1 = Path(__file__).parents[1] / "support" / "record_format_1.json"


@pytest.fixture
def document():
    return json.loads(FORMAT_1.read_text(encoding="utf-8"))


def test_a_record_of_format_1_says_the_same_in_the_form_of_today(document):
    record = read_record(FORMAT_1)
    assert record.format == FORMAT == 2
    assert record.input.sha256 == document["input"]["sha256"]
    for name, volumes in document["volumes_ml"].items():
        assert record.indices.volumes_ml[name] == pytest.approx(volumes, abs=1e-3)
    indices, fractions = record.indices, document["ejection_fraction_percent"]
    assert indices.end_diastole_frame == document["end_diastole_frame"]
    assert indices.value("lv_ef_percent") == pytest.approx(fractions["LV"], abs=0.01)
    assert indices.value("lv_mass_ed_g") == pytest.approx(document["myocardial_mass_g"], abs=1e-3)
    assert record.outputs == {"report": {"identify": False}, "mesh": {"format": "ply"}}
    assert [note.text for note in record.input.notes] == document["input"]["notes"]
    assert [flag.key for flag in record.quality.flags] == ["few_slices"]
    assert [note.text for note in record.notes] == document["warnings"][1:], "what no flag says"
    interval = record.quality.ejection_fraction_intervals["LV"]
    assert [interval.low_percent, interval.high_percent] == document["quality"]["lv_ef_interval_percent"]
    assert len(record.regions) == len(record.confidence) == record.input.frames
    assert record.mask_origin == "model"


def test_what_is_written_is_read_again_as_the_same(tmp_path):
    record = read_record(FORMAT_1)
    write_record(tmp_path / "a_seg.json", record)
    assert read_record(tmp_path / "a_seg.json") == record
    assert Record.model_validate_json((tmp_path / "a_seg.json").read_bytes()) == record


@pytest.mark.parametrize(
    "change",
    [
        {"format": 3},
        {"quality": {}},
        {"indices": None},
        {"warnings": 7},
        {"a field of a later version": 1},
    ],
)
def test_what_is_no_record_is_none(document, tmp_path, change):
    (tmp_path / "a.json").write_text(json.dumps(document | change))
    assert read_record(tmp_path / "a.json") is None


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, '{"format": 1}', "\udcff"])
def test_what_is_no_document_is_none(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_record(tmp_path / "a.json") is None
    assert read_record(tmp_path / "gone.json") is None
