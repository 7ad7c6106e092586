"""Instance normalisation by means of means: what torch computes, in torch and in the engines."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs septum[train] to make a graph")
pytest.importorskip("onnx", reason="needs septum[train] to make a graph")

from torch import nn  # noqa: E402

from septum.inference import ModelOptions  # noqa: E402
from septum.inference.loading import load_graph  # noqa: E402
from septum.training.exact_normalisation import StepwiseInstanceNorm, with_exact_normalisation  # noqa: E402
from septum.training.export import OPSET  # noqa: E402


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    ("norm", "shape"), [(nn.InstanceNorm2d, (2, 3, 9, 7)), (nn.InstanceNorm3d, (1, 3, 4, 9, 7))]
)
def test_it_is_torchs_instance_normalisation(norm, shape, affine):
    torch.manual_seed(0)
    own = norm(3, eps=1e-4, affine=affine)
    if affine:
        nn.init.uniform_(own.weight)
        nn.init.uniform_(own.bias)
    x = 5.0 + 3.0 * torch.randn(shape)
    assert torch.allclose(StepwiseInstanceNorm(own)(x), own(x), atol=1e-5)


def test_a_copy_is_changed_and_running_statistics_stay():
    running = nn.InstanceNorm3d(2, track_running_stats=True)
    network = nn.Sequential(nn.Conv3d(1, 2, 1), nn.Sequential(nn.InstanceNorm3d(2)), running).eval()
    copied = with_exact_normalisation(network)
    assert isinstance(copied[1][0], StepwiseInstanceNorm)
    assert isinstance(copied[2], nn.InstanceNorm3d)
    assert isinstance(network[1][0], nn.InstanceNorm3d)


def test_the_default_engine_keeps_six_digits_in_a_large_window(tmp_path):
    """By its own InstanceNormalization it does not."""
    size = (16, 192, 192)
    network = nn.Sequential(nn.InstanceNorm3d(4, affine=True), nn.Conv3d(4, 2, 1)).eval()
    first = nn.Sequential(nn.Conv3d(1, 4, 1), network).eval()
    x = np.random.default_rng(0).standard_normal((1, 1, *size)).astype(np.float32)
    path = tmp_path / "graph.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own age
        torch.onnx.export(
            with_exact_normalisation(first), (torch.from_numpy(x),), str(path), input_names=["image"],
            output_names=["logits"], opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    with torch.inference_mode():
        true = first.double()(torch.from_numpy(x).double()).numpy()
    found = load_graph(path, size, ModelOptions(threads=1), {"logits"}).run(x)["logits"]
    assert np.abs(found - true).max() < 1e-4
