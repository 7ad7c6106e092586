"""A new network is a class and its line in the registry: recipes name it, and it is trained and shipped."""

from __future__ import annotations

import pytest
import torch
from torch import cat, nn

from septum.core import RecipeError
from septum.inference.execution import ModelOptions
from septum.inference.onnx_engine import ONNXRuntimeEngine
from septum.networks import REGISTRY, Network, NetworkSettings, activation_map, build, closed_form_map
from septum.networks.blocks import unit
from septum.networks.convolution import Convolution, UpConvolution
from septum.networks.network import LEVELS
from septum.training.export import export_graph
from septum.training.recipe_file import load_recipe

RECIPE = """
name = "a"
title = "a network of one's own"
extends = "production/cine-cpu"

[segmenter.network]
architecture = "toy"
residual = "concat"
upsampling = "nearest"
dilate_z = true
"""


class Toy(Network):
    """One convolution a level."""

    foreign = ("residual", "order", "upsampling", "dilations", "dilate_z")

    def __init__(self, settings):
        super().__init__(settings)
        widths, kernels = [settings.in_channels, *self.widths], self.kernels(3)
        self.encoder = nn.ModuleList(
            unit(widths[i], widths[i + 1], settings, kernels[i]) for i in range(LEVELS)
        )
        self.pool = nn.MaxPool3d(self.stride)
        self.bottleneck = unit(widths[LEVELS], self.widths[LEVELS], settings, (3, 3, 3))
        self.decoder = nn.ModuleList(
            Up(self.widths[i + 1], self.widths[i], settings, kernels[i], self.stride)
            for i in reversed(range(LEVELS))
        )
        self.head = Convolution(settings.filters, settings.out_channels, (1, 1, 1))

    def descend(self, level, x):
        skip = self.encoder[level](x)
        return skip, self.pool(skip)


class Up(nn.Module):
    """Up-convolution, skip, one convolution."""

    def __init__(self, inputs, width, settings, kernel, stride):
        super().__init__()
        self.up, self.unit = UpConvolution(inputs, width, stride), unit(2 * width, width, settings, kernel)

    def forward(self, x, skip):
        return self.unit(cat((self.up(x), skip), dim=1))


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(REGISTRY, "toy", Toy)
    return NetworkSettings(architecture="toy", filters=2, keep_z=True)


def write(folder):
    file = folder / "a.toml"
    file.write_text(RECIPE, encoding="utf-8")
    return file


@pytest.mark.usefixtures("toy")
def test_a_recipe_names_it(tmp_path):
    assert isinstance(build(load_recipe(write(tmp_path)).segmenter.network), Toy)


def test_without_its_line_the_recipe_is_refused_with_the_names_that_there_are(tmp_path):
    with pytest.raises(RecipeError) as refused:
        load_recipe(write(tmp_path))
    message = str(refused.value)
    assert all(repr(name) in message for name in ("toy", *REGISTRY))
    assert f"{tmp_path / 'a.toml'}: segmenter.network.architecture: " in message


def test_without_its_line_it_is_not_built():
    with pytest.raises(RecipeError, match=r"'dr_unet'.*'toy'"):
        build(NetworkSettings(architecture="toy"))


def test_it_learns_and_gives_a_map_of_the_heart(toy):
    torch.manual_seed(0)
    network, image = build(toy), torch.randn(1, 1, 3, 16, 24)
    network(image).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    network.eval()
    with torch.no_grad():
        closed = closed_form_map(network(image), network.head.bias, 0)
    torch.testing.assert_close(closed, activation_map(network, image, 0), rtol=1e-4, atol=1e-4)


def test_it_is_exported_and_segments_without_torch(toy, tmp_path):
    torch.manual_seed(0)
    network, image = build(toy).eval(), torch.randn(1, 1, 3, 16, 24)
    export_graph(network, tmp_path / "toy.onnx", with_map=False)
    engine = ONNXRuntimeEngine(tmp_path / "toy.onnx", network.multiple, ModelOptions(threads=1))
    with torch.no_grad():
        expected = network(image)
    found = torch.as_tensor(engine.run(image.numpy())["logits"])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)
