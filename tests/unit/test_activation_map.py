"""Equation (1): by automatic differentiation, in closed form, by hand, and in the exported graph."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from septum.inference.execution import ModelOptions
from septum.inference.onnx_engine import ONNXRuntimeEngine
from septum.inference.openvino_engine import OpenVINOEngine
from septum.methods.torch_engine import TorchEngine
from septum.networks import NetworkSettings, activation_map, build, closed_form_map
from septum.training.export import export_graph


def network_of(classes, seed=0, **settings):
    """Random weights, and biases that matter."""
    torch.manual_seed(seed)
    network = build(NetworkSettings(out_channels=classes, filters=2, **settings)).eval()
    with torch.no_grad():
        network.head.bias.copy_(torch.linspace(-1.5, 2.0, classes) + 0.1)
        network.head.weight[:, 0].abs_()  # of negative weights alone no map would be left
    return network


class Pointwise(nn.Module):
    """A network of one hidden layer, small enough to differentiate by hand."""

    def __init__(self, hidden, head):
        super().__init__()
        self.layer, self.head = hidden, head
        self.map_layers = {"bottleneck": nn.Identity(), "decoder3": hidden}

    def forward(self, x):
        return self.head(self.layer(x))


def test_map_by_hand_of_a_linear_head():
    # x_1 = 2 v, x_2 = -v; class 1 weighs them 3 and 1 with bias 10: sum_k x_k dS/dx_k = 6 v - v = 5 v.
    hidden, head = nn.Conv3d(1, 2, 1, bias=False), nn.Conv3d(2, 2, 1)
    with torch.no_grad():
        hidden.weight.view(-1).copy_(torch.tensor([2.0, -1.0]))
        head.weight.view(2, 2).copy_(torch.tensor([[7.0, 7.0], [3.0, 1.0]]))
        head.bias.copy_(torch.tensor([0.0, 10.0]))
    network = Pointwise(hidden, head)
    image = torch.tensor([1.0, -2.0, 0.0, 4.0]).view(1, 1, 1, 2, 2)
    expected = torch.tensor([5.0, 0.0, 0.0, 20.0]).view(1, 1, 2, 2)
    torch.testing.assert_close(activation_map(network, image, 1), expected)
    torch.testing.assert_close(closed_form_map(network(image), head.bias, 1), expected)


def test_map_multiplies_element_by_element_and_does_not_average_gradients():
    # S = sum of h^2 / 2 has dS/dh = h, so the map is h * h = (1, 9). Gradients averaged over space first
    # (Grad-CAM) are (1 + 3) / 2 = 2 everywhere, and would give (2, 6).
    hidden = nn.Conv3d(1, 1, 1, bias=False)
    nn.init.ones_(hidden.weight)

    class HalfSquare(nn.Module):
        def forward(self, h):
            return h.square() / 2

    image = torch.tensor([1.0, 3.0]).view(1, 1, 1, 1, 2)
    found = activation_map(Pointwise(hidden, HalfSquare()), image, 0)
    torch.testing.assert_close(found, torch.tensor([1.0, 9.0]).view(1, 1, 1, 2))
    assert not torch.allclose(found, torch.tensor([2.0, 6.0]).view(1, 1, 1, 2))


@pytest.mark.parametrize("class_index", range(4))
@pytest.mark.parametrize("order", ["conv_norm_relu", "conv_relu_norm"])
def test_autograd_at_the_last_layer_equals_the_closed_form(class_index, order):
    network = network_of(4, keep_z=True, norm="instance", order=order)
    image = torch.randn(2, 1, 3, 16, 24)
    by_autograd = activation_map(network, image, class_index)
    with torch.no_grad():
        logits = network(image)
    closed = closed_form_map(logits, network.head.bias, class_index)
    assert by_autograd.shape == (2, 3, 16, 24)
    torch.testing.assert_close(by_autograd, closed, rtol=1e-4, atol=1e-4)
    assert (closed > 0).any()
    assert not torch.allclose(closed, logits[:, class_index].relu(), atol=1e-2), "the bias must matter"


@pytest.mark.parametrize(
    ("layer", "shape"), [("bottleneck", (3, 2, 3)), ("decoder1", (3, 4, 6)), ("decoder2", (3, 8, 12))]
)
def test_map_of_a_deeper_layer_equals_its_definition(layer, shape):
    network = network_of(2, keep_z=True, norm="instance")
    image = torch.randn(1, 1, 3, 16, 24)
    found = activation_map(network, image, 1, layer)
    assert found.shape == (1, *shape)
    assert (found >= 0).all()
    assert (found > 0).any()
    assert not found.requires_grad

    # The definition itself, by a central difference: scaling x at one voxel by 1 + e changes S by
    # e * sum_k x_k dS/dx_k there.
    network, image = network.double(), image.double()
    voxel = np.unravel_index(int(found.argmax()), found.shape)[1:]

    def score(factor):
        def scale(_module, _inputs, output):
            output = output.clone()
            output[(..., *voxel)] *= factor
            return output

        handle = network.map_layers[layer].register_forward_hook(scale)
        try:
            with torch.no_grad():
                return float(network(image)[:, 1].sum())
        finally:
            handle.remove()

    # Small enough that (almost) no ReLU above changes its side.
    step = 1e-6
    slope = (score(1 + step) - score(1 - step)) / (2 * step)
    assert slope == pytest.approx(float(found[(0, *voxel)]), rel=1e-2)


def test_map_leaves_no_hook_and_no_gradient_behind():
    network = network_of(1, keep_z=True)
    with torch.no_grad():
        activation_map(network, torch.randn(1, 1, 2, 8, 8), 0)
    assert not network.map_layers["decoder3"]._forward_hooks
    assert all(p.grad is None for p in network.parameters())


def test_map_works_with_frozen_weights():
    network = network_of(1, keep_z=True)
    image = torch.randn(1, 1, 2, 8, 8)
    expected = activation_map(network, image, 0)
    torch.testing.assert_close(
        activation_map(network.requires_grad_(requires_grad=False), image, 0), expected
    )


def test_unknown_layer_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="bottleneck, decoder1, decoder2, decoder3"):
        activation_map(network_of(1), torch.zeros(1, 1, 8, 8, 8), 0, "head")


@pytest.mark.parametrize("engine", [OpenVINOEngine, ONNXRuntimeEngine])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_exported_map_equals_autograd(engine, norm, tmp_path):
    network = network_of(1, keep_z=True, norm=norm, flat_levels=2, residual="add", upsampling="transposed")
    with torch.no_grad():
        network.train()(torch.randn(2, 1, 2, 16, 16))  # moves the running statistics
    network.eval()
    export_graph(network, tmp_path / "localiser.onnx", with_map=True)
    runner = engine(tmp_path / "localiser.onnx", network.multiple, ModelOptions(threads=1))
    for size in ((5, 16, 24), (2, 32, 8)):
        image = torch.randn(1, 1, *size)
        found = runner.run(image.numpy())["map"]
        np.testing.assert_allclose(found, activation_map(network, image, 0).numpy(), atol=1e-3)
        assert found.max() > 1e-2


def test_torch_engine_gives_the_map_of_one_class_networks_only():
    image = np.random.default_rng(0).normal(size=(1, 1, 2, 8, 16)).astype(np.float32)
    network = network_of(1, keep_z=True)
    outputs = TorchEngine(network).run(image)
    expected = activation_map(network, torch.from_numpy(image), 0).numpy()
    np.testing.assert_allclose(outputs["map"], expected, atol=1e-4)
    assert set(TorchEngine(network_of(4, keep_z=True)).run(image)) == {"logits"}


def test_closed_form_is_the_logit_without_its_bias():
    # Two classes, one voxel each way: relu(3 - 1) = 2 and relu(-4 - (-5)) = 1, relu(0 - 1) = 0.
    logits = torch.tensor([[3.0, 0.0], [-4.0, -9.0]]).view(1, 2, 1, 1, 2)
    head = SimpleNamespace(bias=torch.tensor([1.0, -5.0]))
    assert closed_form_map(logits, head.bias, 0).tolist() == [[[[2.0, 0.0]]]]
    assert closed_form_map(logits, head.bias, 1).tolist() == [[[[1.0, 0.0]]]]
