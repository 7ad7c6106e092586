"""The verdict in JSON and in the table of studies."""

import json

from septum.core import Bias, EjectionFractionInterval, Flag, Quality, Verdict
from septum.indices import clinical_indices
from septum.workflows.indices_table import (
    COLUMNS,
    ORIGIN_COLUMNS,
    QUALITY_COLUMNS,
    REFERENCE_COLUMNS,
    indices_row,
    table_csv,
    table_row,
)
from septum.workflows.record_numbers import IndicesRecord, QualityRecord
from support.hearts import cine, heart

FLAGS = (
    Flag("low_estimated_dice", Verdict.REJECT, "Such masks are bad.", 0.71234567, 0.8),
    Flag("small_lv", Verdict.REVIEW, "LV has 9.0 ml.", 9.0, 15.0, ("LV",)),
    Flag("missing_structure", Verdict.REVIEW, "RV was found in no frame."),
)
QUALITY = Quality(
    Verdict.REJECT, FLAGS, 0.71234567, {"LV": EjectionFractionInterval(40.0, 61.5, 0.9, Bias(-5.6, 7.8, 20))},
    {"LV": Verdict.REVIEW, "RV": Verdict.REJECT},
)  # fmt: skip


def document_of(quality):
    return json.loads(QualityRecord.of(quality).model_dump_json())


def test_the_document_holds_all_and_is_json():
    document = document_of(QUALITY)
    assert document["verdict"] == "reject"
    flag = document["flags"][0]
    assert (flag["key"], flag["verdict"], flag["reason"]) == (
        "low_estimated_dice",
        "reject",
        "Such masks are bad.",
    )
    assert (flag["value"], flag["limit"], flag["structures"]) == (0.7123, 0.8, [])
    assert document["flags"][1]["structures"] == ["LV"]
    assert document["ventricles"] == {"LV": "review", "RV": "reject"}
    assert document["flags"][2]["value"] is None
    assert document["estimated_dice"] == 0.7123
    assert document["ejection_fraction_intervals"] == {
        "LV": {
            "low_percent": 40.0,
            "high_percent": 61.5,
            "coverage": 0.9,
            "bias_points": {"mean": -5.6, "sd": 7.8, "patients": 20},
        }
    }
    plain = document_of(Quality(Verdict.FINE))
    assert (plain["flags"], plain["estimated_dice"], plain["ejection_fraction_intervals"]) == ([], None, {})


def test_the_table_has_the_verdict_the_comparison_and_the_origin_last():
    indices = clinical_indices(cine(heart(), heart(0.5)))
    last = (*QUALITY_COLUMNS, *REFERENCE_COLUMNS, *ORIGIN_COLUMNS)
    assert COLUMNS[-len(last) :] == last
    row = indices_row("a", indices, QUALITY)
    assert tuple(row) == COLUMNS
    assert [row[key] for key in QUALITY_COLUMNS] == [
        "reject", "low_estimated_dice;small_lv;missing_structure", 0.7123, 40.0, 61.5, None, None,
        "review", "reject",
    ]  # fmt: skip
    numbers, fine = IndicesRecord.of(indices), QualityRecord.of(Quality(Verdict.FINE))
    lines = table_csv([table_row("a", numbers, fine), table_row("b", numbers)]).splitlines()
    ends = [line.split(",")[-len(last) :] for line in lines[1:]]
    assert ends == [["fine", *[""] * (len(last) - 1)], [""] * len(last)]
