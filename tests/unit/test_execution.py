"""Engine, device and precision: what goes together, and what a GPU is asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import current_thread, main_thread
from types import SimpleNamespace
from typing import get_type_hints

import pytest

from septum.core import BundleError, MissingExtraError, SeptumError
from septum.inference import ModelKeywords, ModelOptions
from septum.inference.onnx_engine import ONNXRuntimeEngine
from septum.workflows import lazy_model
from septum.workflows.lazy_model import LazyModel

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def test_keywords_are_the_fields_of_the_options():
    assert get_type_hints(ModelKeywords) == get_type_hints(ModelOptions)


def test_the_engine_follows_from_the_device():
    assert (ModelOptions().engine_name, ModelOptions(device="cuda").engine_name) == (
        "openvino",
        "onnxruntime",
    )


@pytest.mark.parametrize(
    "fitting",
    [
        {"engine": "openvino", "precision": "bf16"},
        {"engine": "onnxruntime"},
        {"engine": "onnxruntime", "device": "cuda"},
        {"device": "cuda", "threads": 1},
    ],
)
def test_what_goes_together(fitting):
    options = ModelOptions(**fitting)
    assert {name: getattr(options, name) for name in fitting} == fitting


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({"engine": "abacus"}, "no engine 'abacus': expected openvino or onnxruntime"),
        ({"device": "mps"}, "no device 'mps': expected cpu or cuda"),
        ({"precision": "f16"}, "no precision 'f16': expected f32 or bf16"),
        ({"threads": 0}, "threads: expected 1 or more, .* got 0"),
        ({"threads": -2}, "threads: expected 1 or more, .* got -2"),
        (
            {"engine": "openvino", "device": "cuda"},
            "device cuda: expected the engine onnxruntime, got openvino",
        ),
        (
            {"engine": "onnxruntime", "precision": "bf16"},
            "precision bf16: expected the engine openvino, got onnxruntime",
        ),
        ({"device": "cuda", "precision": "bf16"}, "bf16: expected the engine openvino, got onnxruntime"),
        ({"engine": "openvino", "device": "cuda", "precision": "bf16"}, "device cuda: expected"),
    ],
)
def test_what_does_not_go_together_is_refused(refused, said):
    with pytest.raises(SeptumError, match=said):
        ModelOptions(**refused)


@pytest.fixture
def runtime(monkeypatch):
    """``runtime(available, used)``: an ONNX Runtime with these providers; what its sessions were given."""

    def install(available, used):
        asked = []

        def session(graph, options, providers):
            asked.append((graph, options, providers))
            image = SimpleNamespace(name="image", shape=["N", 1, "Z", "Y", "X"])
            logits = SimpleNamespace(name="logits", shape=["N", 4, "Z", "Y", "X"])
            return SimpleNamespace(
                get_providers=lambda: used, get_inputs=lambda: [image], get_outputs=lambda: [logits]
            )

        module = SimpleNamespace(
            SessionOptions=SimpleNamespace,
            InferenceSession=session,
            get_available_providers=lambda: available,
        )
        monkeypatch.setitem(sys.modules, "onnxruntime", module)
        return asked

    return install


def engine_on(device, threads=None):
    return ONNXRuntimeEngine(Path("g.onnx"), (1, 8, 8), ModelOptions("onnxruntime", device, threads=threads))


def test_a_gpu_is_asked_for_first_and_without_rounded_factors(runtime):
    asked = runtime([CUDA, CPU], [CUDA, CPU])
    engine = engine_on("cuda", threads=3)
    ((graph, options, providers),) = asked
    assert graph == "g.onnx"
    assert providers == [(CUDA, {"use_tf32": 0}), CPU]
    assert options.intra_op_num_threads == 3
    assert (engine.in_channels, engine.channels) == (1, {"logits": 4})


def test_the_cpu_is_all_that_is_asked_for_by_default(runtime):
    asked = runtime([CUDA, CPU], [CPU])
    engine_on("cpu")
    assert asked[0][2] == [CPU]


def test_an_onnx_runtime_without_cuda_is_refused_before_a_graph_is_loaded(runtime):
    asked = runtime([CPU], [CPU])
    with pytest.raises(MissingExtraError, match=r"built without CUDA.*septum\[cuda\]"):
        engine_on("cuda")
    assert asked == []


def test_a_session_that_falls_back_to_the_cpu_is_refused(runtime):
    runtime([CUDA, CPU], [CPU])
    with pytest.raises(MissingExtraError, match="no GPU that it can use"):
        engine_on("cuda")


def test_a_model_that_is_begun_loads_once_in_another_thread(monkeypatch):
    threads = []
    monkeypatch.setattr(lazy_model, "Model", lambda *_, **__: threads.append(current_thread()) or "ready")
    model = LazyModel("cine")
    assert threads == []
    for _ in range(2):
        model.begin()
    assert (model.loaded, model.loaded) == ("ready", "ready")
    model.begin()
    (thread,) = threads
    assert thread is not main_thread()


@pytest.mark.parametrize("error", [BundleError("damaged"), MemoryError(), KeyboardInterrupt()])
def test_the_error_of_a_model_that_is_begun_comes_where_the_model_is_needed(monkeypatch, capfd, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(lazy_model, "Model", fail)
    model = LazyModel("cine")
    model.begin()
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            _ = model.loaded
        assert caught.value is error
    assert capfd.readouterr() == ("", "")
