"""The benchmark of one frame: every stage of the real pipeline is timed, and nothing twice."""

import json
import time

import numpy as np
import pytest
from frame_time import NETWORKS, REST, STAGES, Stopwatch, measure, time_frame, told
from frame_time_result import Result, Spread

from septum.core import Cine, Geometry
from septum.inference import ENGINES, load_model, open_bundle


@pytest.fixture(scope="module")
def cine():
    geometry = Geometry((3, 64, 64), (10.0, 2.0, 2.0))
    return Cine(np.random.default_rng(0).gamma(2, 100, (1, 3, 64, 64)).astype(np.float32), geometry)


def test_time_of_a_stage_is_without_that_of_the_stages_within_it():
    watch = Stopwatch()
    inner = watch.timed("inner", lambda: time.sleep(0.02))

    def outer():
        time.sleep(0.01)
        inner()
        inner()

    started = time.perf_counter()
    watch.timed("outer", outer)()
    whole = time.perf_counter() - started
    assert watch.seconds["inner"] >= 0.04
    assert 0.01 <= watch.seconds["outer"] <= whole - watch.seconds["inner"]


def test_quartiles_by_hand():
    found = Spread.of([5.0, 1.0, 3.0, 2.0, 4.0])
    assert (found.least, found.lower_quartile, found.median, found.upper_quartile, found.most) == (
        1,
        2,
        3,
        4,
        5,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_all_stages_of_a_frame_are_timed_and_come_to_the_whole(made_bundle, cine, engine):
    model = load_model(made_bundle, engine=engine, threads=1)
    model.segment(cine.array[0], spacing_mm=cine.geometry.spacing_mm)
    started = time.perf_counter()
    seconds = time_frame(model, cine)
    whole = time.perf_counter() - started
    assert set(seconds) == {REST, *NETWORKS.values(), *(name for _, _, name in STAGES)}
    assert all(value > 0 for value in seconds.values())
    assert sum(seconds.values()) <= whole


def test_result_is_whole_json_that_names_machine_versions_and_bundle(made_bundle, cine):
    bundle = open_bundle(made_bundle)
    result = measure(bundle, cine, tuple(ENGINES), threads=1, repeats=2)
    read = Result.model_validate(json.loads(result.model_dump_json()))
    assert read == result
    assert read.bundle.sha256 == bundle.sha256
    assert read.bundle.bytes == sum(file.stat().st_size for file in made_bundle.iterdir())
    assert {"septum", "openvino", "onnxruntime"} <= set(read.versions)
    assert read.machine.cores >= 1
    assert list(read.engines) == list(ENGINES)
    for times in read.engines.values():
        assert times.frame_s.least <= times.frame_s.median <= times.frame_s.most
        assert times.load_s.median > 0
    assert f"{read.bundle.bytes / 1e6:.2f} MB" in told(read)
