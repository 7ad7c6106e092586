"""Test cases of a unit: what is measured of each, and how it is written down."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from septum.core import LEFT_ATRIUM, Geometry, Localisation, LocalisationPath, Region, Volume
from septum.datasets import Case
from septum.inference import Stage
from septum.inference.steps import Segmenter
from septum.methods.pipeline import Pipeline
from septum.methods.samples import NativeCase
from septum.methods.torch_engine import BoxEngine, TorchEngine
from septum.preprocessing import PreprocessingSettings
from septum.training.loop import Deadline
from septum_study import memory, scoring
from septum_study.ledger import Unit
from septum_study.memory import forget_peak, peak_memory_mb
from septum_study.scoring import score_cases
from support.study_plan import CPU

GEOMETRY = Geometry((72, 88, 64), (1.0, 1.0, 1.0))
CUDA = torch.device("cuda")
UNIT = Unit("lasc-unet3d", 0)
CASES = [Case(name, name, "", "", Path("image"), Path("mask")) for name in ("one", "two", "three")]


class Bright(nn.Module):
    """Logits: how far an image is above zero, one channel."""

    multiple = (1, 1, 1)

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image):
        return self.scale * image


class Store:
    """Cases of a labelled box of 64 x 80 x 50 voxels, and of one voxel far from it or not."""

    dataset = SimpleNamespace(schema=LEFT_ATRIUM)

    def __init__(self, *, speck=False):
        self.labels = np.zeros(GEOMETRY.shape, np.uint8)
        self.labels[4:68, 4:84, 4:54] = 1
        self.labels[4, 4, 63] = speck

    def native(self, case):
        return NativeCase(case, Volume(self.labels.astype(np.float32), GEOMETRY), self.labels)


class Counted(Pipeline):
    """Tells of the cases that it segments, in a region about all but the last columns."""

    def __init__(self, told):
        def find(native, working):  # noqa: ARG001  # the same for all
            return Localisation(Region((0, 0, 0), (72, 88, 60)), LocalisationPath.MAP)

        stage = Stage(TorchEngine(Bright()), PreprocessingSettings())
        super().__init__(find, Segmenter(stage, (1,)))
        object.__setattr__(self, "told", told)

    def predict(self, native):
        self.told.append(native.case.name)
        return super().predict(native)


def scored(tmp_path, store, told, device=CPU, cases=CASES[:1]):
    return score_cases(Counted(told), cases, store, UNIT, tmp_path / "partial.json", Deadline(), device)


def test_a_region_that_misses_one_voxel_is_not_said_to_hold_all(tmp_path):
    # 256000 of 256001: 0.999996 would be rounded to 1.
    (row,) = scored(tmp_path, Store(speck=True), [])
    assert row["foreground_inside"] == "0.99999"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1.0, "1.0"),
        (1 - 1e-6, "0.99999"),
        (0.999996, "0.99999"),
        (0.29, "0.29"),
        (0.57, "0.57"),
        (0.0, "0.0"),
    ],
)
def test_shares_are_rounded_down_but_not_below_what_they_are(tmp_path, monkeypatch, share, said):
    monkeypatch.setattr(Region, "holds", lambda *_: share)
    (row,) = scored(tmp_path, Store(), [])
    assert row["foreground_inside"] == said


def test_on_a_gpu_the_first_case_is_segmented_once_before_any_is_measured(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(scoring, "forget_peak", lambda _: told.append("measured"))
    monkeypatch.setattr(scoring, "peak_memory_mb", lambda _: 1.0)
    rows = scored(tmp_path, Store(), told, CUDA, CASES[:2])
    assert told == ["one", "measured", "one", "measured", "two"]
    assert [row["case"] for row in rows] == ["one", "two"]
    told.clear()
    scored(tmp_path, Store(), told, CUDA, CASES)
    assert told == ["three", "measured", "three"], "also of a call that goes on"
    told.clear()
    scored(tmp_path, Store(), told, CUDA, CASES)
    assert told == []


def test_on_a_cpu_each_case_is_segmented_once(tmp_path):
    told = []
    scored(tmp_path, Store(), told, CPU, CASES)
    assert told == ["one", "two", "three"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux counts the peak anew")
def test_peak_memory_is_that_since_it_was_forgotten():
    forget_peak(CPU)
    before = peak_memory_mb(CPU)
    large = np.ones(250_000_000)  # 2 GB, more than other tests leave behind
    with_it = peak_memory_mb(CPU)
    del large
    assert with_it > before + 150
    assert peak_memory_mb(CPU) == pytest.approx(with_it, rel=0.05), "it is a peak"
    forget_peak(CPU)
    assert peak_memory_mb(CPU) < with_it - 150


def test_where_the_system_cannot_count_anew_no_memory_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_FORGET", tmp_path / "nothing")
    forget_peak(CPU)
    assert peak_memory_mb(CPU) is None
    assert scored(tmp_path, Store(), [])[0]["peak_memory_mb"] == ""


@pytest.mark.parametrize("engine", [TorchEngine, BoxEngine])
def test_an_engine_keeps_no_gradients_of_the_training(engine):
    network = Bright()
    network(torch.ones(1, 1, 2, 2, 2)).sum().backward()
    assert network.scale.grad is not None
    engine(network)
    assert network.scale.grad is None
