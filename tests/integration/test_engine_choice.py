"""``--device`` and ``--precision`` at the command line, and what bfloat16 does to a mask."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from septum.inference import load_model
from septum.metrics import dice
from septum.phantom import PhantomSettings, beating_heart

SMALL = PhantomSettings(frames=2, slices=8, matrix=(144, 160), in_plane_mm=1.6)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--device", "cuda"), 6, "septum: error: device cuda: this ONNX Runtime was built without CUDA"),
        (("--device", "cuda", "--engine", "openvino"), 3, "device cuda: expected the engine onnxruntime"),
        (
            ("--precision", "bf16", "--engine", "onnxruntime"),
            3,
            "precision bf16: expected the engine openvino",
        ),
        (("--device", "cuda", "--precision", "bf16"), 3, "precision bf16: expected the engine openvino"),
        (("--device", "mps"), 2, "'mps' is not one of"),
        (("--precision", "f16"), 2, "'f16' is not one of"),
    ],
)
def test_what_cannot_be_had_is_refused_once_for_all_files(
    options, code, said, septum, bundle, write_study, tmp_path, monkeypatch
):
    on_the_cpu_only = SimpleNamespace(
        SessionOptions=SimpleNamespace, get_available_providers=lambda: ["CPUExecutionProvider"]
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", on_the_cpu_only)
    for name in "ab":
        write_study(tmp_path / "data" / f"{name}.nii.gz")
    answer = septum("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle, *options)
    assert answer.code == code
    assert answer.err.count(said) == answer.err.count("rror: ") == 1
    assert "Traceback" not in answer.err
    assert list(tmp_path.glob("out/*")) == []


def test_bfloat16_is_refused_of_a_processor_without_it(septum, bundle, write_study, tmp_path, monkeypatch):
    import openvino

    class Plain:
        def get_property(self, _device, _name):
            return ["FP32", "INT8"]

    monkeypatch.setattr(openvino, "Core", Plain)
    source = write_study(tmp_path / "a.nii.gz")
    answer = septum("segment", source, "-o", tmp_path / "out", "--model", bundle, "--precision", "bf16")
    assert answer.code == 3
    (line,) = answer.err.splitlines()
    assert "expected a processor that multiplies in bfloat16" in line


def test_masks_in_bfloat16_are_those_in_float32_to_a_hundredth():
    import openvino

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("needs a processor that multiplies in bfloat16")
    cine = beating_heart(np.random.default_rng(0), SMALL).cine
    full, half = (
        np.stack([f.labels for f in load_model("cine", threads=1, precision=p).segment_frames(cine)])
        for p in ("f32", "bf16")
    )
    assert not np.array_equal(full, half), "the numbers were rounded"
    for value in (1, 2, 3):
        assert dice(half == value, full == value) > 0.99


def test_processes_of_some_threads_each_do_not_share_the_first_processors(monkeypatch):
    """An engine that ties its threads takes the first processors, as all others beside it do."""
    import openvino

    compiled, compile_model = [], openvino.Core.compile_model
    monkeypatch.setattr(
        openvino.Core, "compile_model", lambda *told: compiled.append(compile_model(*told)) or compiled[-1]
    )
    list(load_model("cine", threads=1).segment_frames(beating_heart(np.random.default_rng(0), SMALL).cine))
    assert compiled
    assert [one.get_property("ENABLE_CPU_PINNING") for one in compiled] == [False] * len(compiled)
