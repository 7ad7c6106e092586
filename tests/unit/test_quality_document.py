"""The verdict in JSON and in the table of studies."""

import json

from septum.core import Bias, EjectionFractionInterval, Flag, Quality, Verdict
from septum.indices import clinical_indices
from septum.quality.document import QUALITY_COLUMNS, quality_document, quality_row
from septum.workflows.indices_table import COLUMNS, ORIGIN_COLUMNS, indices_csv, indices_document, indices_row
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


def test_the_document_holds_all_and_is_json():
    document = json.loads(json.dumps(quality_document(QUALITY)))
    assert document["verdict"] == "reject"
    assert document["flags"][0] == {
        "key": "low_estimated_dice",
        "verdict": "reject",
        "reason": "Such masks are bad.",
        "value": 0.7123,
        "limit": 0.8,
        "structures": [],
    }
    assert document["flags"][1]["structures"] == ["LV"]
    assert (document["lv_verdict"], document["rv_verdict"]) == ("review", "reject")
    assert document["flags"][2]["value"] is None
    assert (document["estimated_dice"], document["lv_ef_interval_coverage"]) == (0.7123, 0.9)
    assert (document["lv_ef_interval_percent"], document["rv_ef_interval_percent"]) == ([40.0, 61.5], None)
    assert document["lv_ef_bias_points"] == {"mean": -5.6, "sd": 7.8, "patients": 20}
    assert document["rv_ef_bias_points"] is None
    plain = quality_document(Quality(Verdict.FINE))
    assert (plain["lv_verdict"], plain["rv_verdict"]) == (None, None)
    assert (plain["flags"], plain["estimated_dice"], plain["lv_ef_interval_percent"]) == ([], None, None)


def test_the_table_ends_with_the_verdict_in_a_fixed_order():
    indices = clinical_indices(cine(heart(), heart(0.5)))
    assert COLUMNS[-14:] == (*QUALITY_COLUMNS, *ORIGIN_COLUMNS)
    row = indices_row("a", indices, QUALITY)
    assert tuple(row) == COLUMNS
    assert [row[key] for key in QUALITY_COLUMNS] == [
        "reject", "low_estimated_dice;small_lv;missing_structure", 0.7123, 40.0, 61.5, None, None,
        "review", "reject",
    ]  # fmt: skip
    document, fine = indices_document(indices), quality_document(Quality(Verdict.FINE))
    lines = indices_csv({"a": document, "b": document}, {"a": fine}).splitlines()
    assert [line.split(",")[-14:] for line in lines[1:]] == [["fine", *[""] * 13], [""] * 14]


def test_a_verdict_of_an_earlier_version_leaves_the_cells_of_ventricles_empty():
    earlier = quality_document(QUALITY)
    del earlier["lv_verdict"], earlier["rv_verdict"]
    row = quality_row(earlier)
    assert (row["verdict"], row["lv_verdict"], row["rv_verdict"]) == ("reject", None, None)
