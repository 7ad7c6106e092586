"""The page on speed: its tables by hand, its figure, and the committed result's schema."""

from pathlib import Path

import pytest
from suite_result import Suite

from septum_study.documentation.speed_tables import linear_fit, speed_summary, speed_tables

RESULT = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "suite.json"


def spread(median):
    return {"median": median, "lower_quartile": median, "upper_quartile": median, "least": 0, "most": 9}


@pytest.fixture
def result():
    return {
        "machine": {"processor": "P", "cores": 2, "system": "S", "load_average": 0.0},
        "python": "3", "versions": {"numpy": "2"}, "commit": "c", "best_gflops": 200.0,
        "bundle": {"name": "cine", "sha256": "a" * 64}, "environment_mb": 500.0,
        "imports_s": dict.fromkeys(
            (
                "septum --help", "import septum", "imports and compilation",
                "imports and compilation, nothing compiled before",
            ),
            spread(0.5),
        ),
        "volume": {"openvino": {"wall_s": spread(0.8), "peak_mb": 200.0}},
        "cine": {"wall_s": spread(5.0), "peak_mb": 400.0}, "cine_first_frame_s": 0.3,
        "cine_frame_s": spread(0.15),
        "folder": {"volumes": 20, "warm_s": spread(0.2), "wall_s": spread(4.0)},
        "inside": {
            "openvino": {
                "volumes": 100, "wall_s": 18.0, "overlapped_networks_s": 15.0, "networks_s": 14.0,
                "other_s": 3.5, "rest_s": 1.0, "flop": 2e12,
            }
        },
        "accuracy": {"cases": 40, "reference": 0.9, "fast": {"openvino": 0.8995}},
        "peers": [
            {
                "configuration": "2d", "mirroring": False,
                "volume": {"wall_s": spread(20.0), "peak_mb": 3000.0},
                "folder": {"volumes": 20, "warm_s": spread(3.0), "wall_s": spread(80.0)},
            }
        ],
        "peer_facts": {
            "versions": {"nnunetv2": "2.8.1"}, "torch_build": "2", "threads": 2, "environment_bytes": 6.8e9,
        },
    }  # fmt: skip


def cells(table):
    return {line[0]: line[1:] for section in table.sections for line in section.lines}


def test_ratios_by_hand(result):
    tables = speed_tables(result)
    targets = cells(tables["targets"])
    # 2e12 operations at 200 GFLOP/s take 10 s: 14 / 10; 3.5 of 14 s; 18 of 15 s.
    assert targets["Networks' time over the floor"][-1] == "1.40"
    assert targets["Reading, resampling, cropping, pasting, writing"][-1] == "25 %"
    assert targets["Wall over the networks' time, 100 volumes"][-1] == "1.20"
    assert cells(tables["peers"])["nnU-Net, 2d, no mirror images"] == ("20.0 s", "25", "3000", "3.00 s", "15")
    assert cells(tables["accuracy"])["openvino"] == ("0.8995", "-0.0005")
    assert "25 times as fast as nnU-Net's 2d without mirroring" in speed_summary(result)


def test_without_peer_and_data_the_tables_say_so(result):
    tables = speed_tables(result | {"peers": [], "peer_facts": {}, "accuracy": None})
    assert "nnU-Net was not there." in tables["peers"].notes
    assert "Not measured" in tables["accuracy"].notes[0]


def test_a_line_through_points():
    assert linear_fit([1.0, 2.0, 3.0], [3.0, 5.0, 7.0]) == pytest.approx((2.0, 1.0))


def test_the_committed_result_is_of_the_schema():
    found = Suite.model_validate_json(RESULT.read_text(encoding="utf-8"))
    assert {peer.configuration for peer in found.peers} == {"2d", "3d_fullres"}
    assert found.accuracy is not None


def test_every_panel_of_the_figure_has_its_points():
    pytest.importorskip("matplotlib", reason="needs septum[study] to draw")
    from septum_study.documentation.speed_figure import scaling_figure

    def point(frames=10, shape=(10, 256, 216), threads=2):
        return {"frames": frames, "shape": shape, "threads": threads, "wall_s": frames, "peak_mb": 100.0}

    points = [point(), point(frames=1), point(frames=30), point(shape=(5, 256, 216))]
    points += [point(shape=(10, 144, 144)), point(threads=1)]
    axes = scaling_figure(points).axes
    counts = [len(axis.lines[0].get_xdata()) for axis in axes[:4]]
    assert counts == [3, 2, 2, 2]
