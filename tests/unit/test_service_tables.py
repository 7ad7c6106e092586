"""Tables of viewer, node and cohort on the page of speed, by hand."""

import pytest

from septum_study.documentation.service_tables import cohort_table, kills_table, node_table, viewer_table


def spread(median):
    return {"median": median, "lower_quartile": median, "upper_quartile": median, "least": 0, "most": 9}


def cells(table):
    return [line[1:] for section in table.sections for line in section.lines]


def test_the_viewers_medians_stand_beside_what_was_wanted():
    shown = viewer_table(
        {
            "shape": [30, 10, 256, 256], "first_picture_s": spread(0.849),
            "dicom_first_picture_s": spread(1.6),
            "stroke_to_numbers_ms": spread(121.05), "frames_of_the_beat_per_s": 33.0,
            "frames_shown_per_s": 32.4, "list_first_row_s": spread(0.4), "list_hitches": 2, "browser": "C/1",
            "machine": {"processor": "P", "cores": 2, "load_average": 0.5},
        }
    )  # fmt: skip
    assert cells(shown) == [
        ("2 s", "0.85 s"), ("2 s", "1.60 s"), ("200 ms", "121 ms"), ("33", "32"), ("", "0.40 s"), ("0", "2"),
    ]  # fmt: skip
    assert "30 frames of 10 slices of 256 x 256" in shown.notes[0]


def test_the_nodes_ways_and_parts_are_told():
    parts = {"total": 14.0, "until_complete": 2.03, "segmenting_and_writing": 11.28, "sending_back": 0.63}
    shown = node_table(
        {
            "images": 300, "matrix": 192, "cores": 2, "quiet_s": 2.0, "c-store": parts,
            "orthanc": {**parts, "total": 16.2},
        }
    )  # fmt: skip
    assert [measured for _, measured in cells(shown)] == ["14.0 s", "16.2 s", "2.0 s", "11.3 s", "0.6 s"]


def test_a_cohorts_rates_are_shares_and_costs_are_sums():
    size = {"studies": 1000, "plan_ms_per_study": 1.0, "run_ms_per_study": 80.0, "table_ms_per_study": 2.0}
    shown = cohort_table(
        {
            "machine": {"processors": 2}, "sizes": [{**size, "peak_memory_mb": 211.6}],
            "comparison": {
                "studies": 20, "frames": 10, "workers": 2, "cohort_over_segment": 1.04,
                "cohort_masks_over_segment": 0.93,
            },
        }
    )  # fmt: skip
    assert cells(shown) == [("90 %", "104 %"), ("90 %", "93 %"), ("", "83 ms, 212 MB")]
    assert "1,000 studies" in shown.sections[0].lines[2][0]


def test_a_result_of_another_format_is_no_table():
    with pytest.raises(KeyError):
        viewer_table({"shape": [1, 1, 1, 1]})


def test_what_is_lost_by_kills_is_counted():
    node = {
        "kills": 224, "images_acknowledged": 768, "images_lost": 1, "objects_made": 339,
        "stores_repeated_with_the_same_bytes": 2, "objects_of_two_contents": 1,
    }  # fmt: skip
    many = {
        "one_study": {
            "instances": 5000, "processor_seconds_for_each_1000_images": [12.6, 10.9],
            "memory_mb_at_start_and_after_each_1000_and_at_the_end": [157, 209, 164],
        }
    }  # fmt: skip
    cohort = {
        "kills": 300, "studies": 5000, "chunk": 32, "rows": 5001, "distinct": 4999, "set_aside": ["a"],
        "segmented_more_than_once": 450, "killed": {"worker": 260, "alone": 10, "scheduler": 30},
    }  # fmt: skip
    shown = kills_table(node, many, cohort)
    measured = [measured for _, measured in cells(shown)]
    assert measured == ["224", "1", "3", "11 to 13 s", "209 MB", "300", "3", "1.5", "1"]
    assert "260" in shown.notes[0]
