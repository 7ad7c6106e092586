"""Weights stored as float16: half the bytes, the same computation, and the same way back into a network."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from septum.inference import ENGINES, ModelOptions
from septum.methods.transfer import take_over, weights_of
from septum.networks import NetworkSettings, build
from septum.training.export import export_graph
from septum.training.half_storage import store_half

SETTINGS = NetworkSettings(filters=4, norm="instance", residual="add", upsampling="transposed")


def network_of(seed):
    torch.manual_seed(seed)
    network = build(SETTINGS)
    for parameter in network.parameters():  # as training leaves them: no two alike, or the export joins them
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def rounded(network):
    """The network with the weights that float16 leaves of its convolutions' ones."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.copy_(parameter.half().float())
    return network


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "graph.onnx"
    export_graph(network_of(1), path, with_map=True)
    return path


def tensors(path):
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(str(path)).graph.initializer}


def test_half_the_bytes_and_the_graph_is_still_sound(graph):
    full = graph.stat().st_size
    store_half(graph)
    onnx.checker.check_model(onnx.load(str(graph)), full_check=True)
    assert graph.stat().st_size < 0.6 * full
    kinds = {(values.ndim > 1, str(values.dtype)) for values in tensors(graph).values() if values.ndim}
    assert kinds == {(True, "float16"), (False, "float32")}


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_compute_in_float32_with_the_rounded_weights(graph, tmp_path, engine):
    export_graph(rounded(network_of(1)), tmp_path / "rounded.onnx", with_map=True)
    store_half(graph)
    multiple = build(SETTINGS).multiple
    image = np.random.default_rng(0).normal(size=(1, 1, 8, 16, 24)).astype(np.float32)
    ours, expected = (
        ENGINES[engine](path, multiple, ModelOptions()).run(image)
        for path in (graph, tmp_path / "rounded.onnx")
    )
    for name, values in expected.items():
        assert ours[name].dtype == np.float32
        np.testing.assert_allclose(ours[name], values, rtol=0, atol=1e-5 * np.ptp(values))


def test_a_network_takes_the_stored_weights_over_by_their_names_in_float32(graph):
    store_half(graph)
    fresh, stored = network_of(2), weights_of(graph)
    assert take_over(fresh, stored, with_heads=True) == []
    assert {value.dtype for value in stored.values() if value.is_floating_point()} == {torch.float32}
    expected = rounded(network_of(1)).state_dict()
    assert [n for n, value in fresh.state_dict().items() if not torch.equal(value, expected[n])] == []


def test_what_was_stored_so_before_stays_as_it_is(graph):
    store_half(graph)
    once = graph.read_bytes()
    store_half(graph)
    assert graph.read_bytes() == once


def test_a_tensor_with_a_value_beyond_float16_stays_float32(graph):
    model = onnx.load(str(graph))
    large = next(entry for entry in model.graph.initializer if len(entry.dims) > 1)
    values = numpy_helper.to_array(large).copy()
    values.flat[0] = 7e4
    large.CopyFrom(numpy_helper.from_array(values, large.name))
    onnx.save(model, str(graph))
    store_half(graph)
    assert np.array_equal(tensors(graph)[large.name], values)
