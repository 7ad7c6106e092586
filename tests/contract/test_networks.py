"""One contract for every network: forward, backward, odd shapes, save and load, export."""

import io
import re

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from septum.inference.execution import ModelOptions
from septum.inference.onnx_engine import ONNXRuntimeEngine
from septum.networks import REGISTRY, NetworkSettings, activation_map, build, closed_form_map
from septum.networks.convolution import Convolution, UpConvolution, convolve_slice_wise, slice_wise
from septum.training.export import export_graph

#: A range of every setting, and a production network with fewer filters.
DR_UNET = {
    "literal": {},
    "literal_keep_z": {"keep_z": True},
    "flat_1": {"keep_z": True, "flat_levels": 1},
    "flat_3": {"keep_z": True, "flat_levels": 3},
    "squeeze": {"residual": "concat_squeeze", "norm": "instance"},
    "add": {"residual": "add", "upsampling": "transposed"},
    "relu_before_norm": {"order": "conv_relu_norm", "norm": "instance", "keep_z": True},
    "relu_before_batch_norm": {"order": "conv_relu_norm", "residual": "add"},
    "no_dilation_in_z": {"keep_z": True, "dilate_z": False, "dilations": (1, 3)},
    "two_in_four_out": {"in_channels": 2, "out_channels": 4, "keep_z": True},
    "production": {
        "out_channels": 4, "keep_z": True, "flat_levels": 2, "residual": "add", "norm": "instance",
        "upsampling": "transposed", "dilate_z": False,
    },
}  # fmt: skip

#: A range of the settings that the networks to compare with have.
COMPARATOR = {
    "literal": {},
    "flat_2": {"keep_z": True, "flat_levels": 2, "filters": 4},  # of 2, most ReLUs happen to be dead
    "instance": {"norm": "instance"},
    "two_in_four_out": {"in_channels": 2, "out_channels": 4, "keep_z": True},
}

VARIANTS = {"dr_unet": DR_UNET, "unet3d": COMPARATOR, "vnet": COMPARATOR}


def test_every_network_is_under_the_contract():
    assert set(VARIANTS) == set(REGISTRY)


@pytest.fixture(params=[(name, v) for name, variants in VARIANTS.items() for v in variants], ids="-".join)
def settings(request):
    architecture, variant = request.param
    return NetworkSettings(**{"architecture": architecture, "filters": 2} | VARIANTS[architecture][variant])


def seeded(settings, seed=0):
    torch.manual_seed(seed)
    return build(settings)


def image_for(network, seed=1):
    """A size that is a multiple, and different along each axis."""
    size = [
        m * n for m, n in zip(network.multiple, (3 if network.multiple[0] == 1 else 1, 2, 3), strict=True)
    ]
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, network.settings.in_channels, *size, generator=generator)


def test_forward_gives_finite_logits_of_the_image_size(settings):
    network = seeded(settings)
    image = image_for(network)
    logits = network(image)
    assert logits.shape == (1, settings.out_channels, *image.shape[2:])
    assert logits.isfinite().all()


def test_backward_reaches_every_parameter(settings):
    network = seeded(settings)
    logits = network(image_for(network))
    # A sum of squares: the gradient of a plain sum is zero before a normalisation.
    logits.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_odd_size_is_refused_and_the_proposed_one_works(settings):
    network = seeded(settings).eval()
    size = [m * 2 + 1 for m in network.multiple]
    with pytest.raises(ValueError, match=re.escape(str(network.multiple))) as refused:
        network(torch.zeros(1, settings.in_channels, *size))
    found = re.search(r"pad the image to \((\d+), (\d+), (\d+)\)", str(refused.value))
    assert found is not None
    proposed = [int(n) for n in found.groups()]
    assert all(m > n - k for m, n, k in zip(proposed, size, network.multiple, strict=True))
    assert network(torch.zeros(1, settings.in_channels, *proposed)).shape[2:] == torch.Size(proposed)


@pytest.mark.parametrize("shape", [(1, 3, 8, 16, 16), (1, 8, 16, 16)])
def test_wrong_channels_or_axes_are_refused(settings, shape):
    with pytest.raises(ValueError, match=re.escape(f"(N, {settings.in_channels}, Z, Y, X)")):
        seeded(settings)(torch.zeros(shape))


def test_saved_weights_give_the_same_logits(settings):
    network, other = seeded(settings), seeded(settings, seed=7)
    image = image_for(network)
    network(image)  # fills the running statistics of batch normalisation
    stream = io.BytesIO()
    torch.save(network.state_dict(), stream)
    stream.seek(0)
    other.load_state_dict(torch.load(stream, weights_only=True))
    with torch.no_grad():
        assert torch.equal(network.eval()(image), other.eval()(image))


def test_exported_graph_gives_the_same_logits_at_any_size(settings, tmp_path):
    network = seeded(settings)
    network(image_for(network))
    network.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_graph(network, tmp_path / "graph.onnx", with_map=False)
    engine = ONNXRuntimeEngine(tmp_path / "graph.onnx", network.multiple, ModelOptions(threads=1))
    z, y, x = network.multiple
    for size in ((2 * z, 2 * y, 2 * x), (3 * z, 4 * y, 2 * x)):
        image = torch.randn(1, settings.in_channels, *size, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            expected = network(image).numpy()
        np.testing.assert_allclose(engine.run(image.numpy())["logits"], expected, atol=1e-3)
        assert np.ptp(expected) > 1e-2
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), f"export changed {name}"


def test_layers_of_the_map_are_named_deepest_first(settings):
    assert list(seeded(settings).map_layers) == ["bottleneck", "decoder1", "decoder2", "decoder3"]


def test_last_layer_of_the_map_is_what_the_head_reads(settings):
    network = seeded(settings).eval()
    image = image_for(network)
    with torch.no_grad():
        network.head.weight.abs_()  # of negative weights alone no map would be left
        network.head.bias.fill_(0.7)
        logits = network(image)
        closed = closed_form_map(logits, network.head.bias, 0)
    assert closed.max() > 0
    torch.testing.assert_close(closed, activation_map(network, image, 0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("filters", "low", "high"), [(8, 0.57e6, 0.71e6), (16, 2.28e6, 2.8e6), (32, 9.1e6, 11.2e6)]
)
@pytest.mark.parametrize("residual", ["concat", "concat_squeeze", "add"])
@pytest.mark.parametrize("upsampling", ["nearest", "transposed"])
def test_parameters_are_as_many_as_the_paper_leads_to_expect(filters, low, high, residual, upsampling):
    with torch.device("meta"):
        network = build(NetworkSettings(filters=filters, residual=residual, upsampling=upsampling))
    assert low < sum(p.numel() for p in network.parameters()) < high


def test_literal_dr_unet_has_the_parameters_counted_by_hand():
    # f = 1: channels 1, 2, 4 and 8. A unit of a -> b is 27 a b weights and 2 b of the norm.
    def unit(a, b):
        return 27 * a * b + 2 * b

    encoder = unit(1, 1) + unit(1, 1)  # out: 1 + 1 = 2
    encoder += unit(2, 2) + unit(2, 2)  # out: 2 + 2 = 4
    encoder += unit(4, 4) + unit(4, 4)  # out: 4 + 4 = 8
    bottleneck = 4 * unit(8, 8)
    decoder = unit(8, 4) + unit(4 + 8, 4) + unit(4, 4)
    decoder += unit(4, 2) + unit(2 + 4, 2) + unit(2, 2)
    decoder += unit(2, 1) + unit(1 + 2, 1) + unit(1, 1)
    head = 1 + 1
    network = build(NetworkSettings(filters=1))
    assert sum(p.numel() for p in network.parameters()) == encoder + bottleneck + decoder + head


@pytest.mark.parametrize(("architecture", "size"), [("dr_unet", 3), ("unet3d", 3), ("vnet", 5)])
def test_kernels_of_flat_levels_read_one_slice(architecture, size):
    network = build(NetworkSettings(architecture=architecture, filters=1, keep_z=True, flat_levels=2))
    along_z = [
        {m.kernel_size[0] for m in part.modules() if isinstance(m, Convolution)}
        for part in (*network.encoder, network.bottleneck, *network.decoder)
    ]
    assert along_z == [{1}, {1}, {size}, {size}, {size}, {1}, {1}]


def test_bottleneck_sums_the_outputs_of_its_cascade():
    network = seeded(NetworkSettings(filters=1, dilations=(1, 2, 4, 8))).eval()
    x = torch.randn(1, 8, 4, 5, 6)
    outputs = [x]
    for unit in network.bottleneck.units:
        outputs.append(unit(outputs[-1]))
    torch.testing.assert_close(network.bottleneck(x), outputs[1] + outputs[2] + outputs[3] + outputs[4])
    assert [unit[0].dilation for unit in network.bottleneck.units] == [(d, d, d) for d in (1, 2, 4, 8)]


@pytest.mark.parametrize("architecture", REGISTRY)
@pytest.mark.parametrize("keep_z", [True, False])
def test_pooling_takes_slices_only_without_keep_z(architecture, keep_z):
    network = build(NetworkSettings(architecture=architecture, filters=1, keep_z=keep_z))
    sizes = []
    network.bottleneck.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[2:])))
    network(torch.zeros(2, 1, 16, 16, 24))
    assert sizes == [(16, 2, 3) if keep_z else (2, 2, 3)]


CONVOLUTIONS = [
    # kernel, dilation, depth
    ((3, 3, 3), (1, 1, 1), 5),
    ((1, 3, 3), (1, 1, 1), 5),
    ((3, 3, 3), (2, 2, 2), 5),
    ((3, 3, 3), (1, 4, 4), 3),
    ((3, 3, 3), (8, 8, 8), 4),  # slices fewer than the dilation: only the middle tap reads the image
    ((3, 3, 3), (4, 1, 1), 4),  # just as many
    ((5, 3, 1), (1, 2, 1), 3),
    ((3, 3, 3), (1, 1, 1), 1),
    ((1, 1, 1), (1, 1, 1), 2),
]


@pytest.mark.parametrize(("kernel", "dilation", "depth"), CONVOLUTIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_slice_wise_convolution_equals_the_three_dimensional_one(kernel, dilation, depth, bias):
    torch.manual_seed(3)
    layer = Convolution(3, 4, kernel, dilation, bias=bias)
    image = torch.randn(2, 3, depth, 9, 10)
    results = []
    for slices in (True, False):
        x = image.clone().requires_grad_()
        layer.zero_grad()
        if slices:
            assert slice_wise(x)
            y = layer(x)
        else:
            y = F.conv3d(x, layer.weight, layer.bias, 1, layer.padding, layer.dilation)
        (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
        results.append([y.detach(), x.grad, *(p.grad.clone() for p in layer.parameters())])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_slice_wise_convolution_leaves_its_input_alone():
    x, weight = torch.randn(2, 3, 4, 5, 6), torch.randn(2, 3, 3, 3, 3)
    before = x.clone()
    convolve_slice_wise(x, weight, None, (1, 1, 1))
    assert torch.equal(x, before)


@pytest.mark.parametrize("stride", [(1, 2, 2), (2, 2, 2), (1, 3, 2)])
def test_slice_wise_up_convolution_equals_the_three_dimensional_one(stride):
    torch.manual_seed(4)
    layer = UpConvolution(3, 2, stride)
    image = torch.randn(2, 3, 4, 5, 6)
    results = []
    for slices in (True, False):
        x = image.clone().requires_grad_()
        layer.zero_grad()
        y = layer(x) if slices else F.conv_transpose3d(x, layer.weight, layer.bias, stride)
        (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
        results.append([y.detach(), x.grad, *(p.grad.clone() for p in layer.parameters())])
    assert results[0][0].shape == (2, 2, 4 * stride[0], 5 * stride[1], 6 * stride[2])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_exported_graph_keeps_its_three_dimensional_convolutions(tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx reads the graph's nodes; septum[train] brings it")
    network = seeded(NetworkSettings(filters=1, keep_z=True))
    export_graph(network, tmp_path / "graph.onnx", with_map=False)
    graph = onnx.load(tmp_path / "graph.onnx").graph
    convolutions = sum(isinstance(module, Convolution) for module in network.modules())
    assert sum(node.op_type == "Conv" for node in graph.node) == convolutions
    session = onnxruntime.InferenceSession(str(tmp_path / "graph.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 1, "depth", "height", "width"]
