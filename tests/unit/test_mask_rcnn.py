"""Mask R-CNN as a network, where torchvision is there, and what is said where it is not."""

import math
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest
import torch
from pydantic import ValidationError

from septum.core import MissingExtraError
from septum.methods import mask_rcnn
from septum.methods.mask_rcnn import SliceMaskRCNN, training_objective, unavailable
from septum.methods.mask_rcnn_settings import MaskRCNNSettings

REASON = unavailable()
needs_torchvision = pytest.mark.skipif(REASON is not None, reason=str(REASON))

SMALL = MaskRCNNSettings(out_channels=3, proposals_per_slice=8, score_threshold=0.5)


@pytest.fixture
def no_cached_reason():
    unavailable.cache_clear()
    yield
    unavailable.cache_clear()


def volume(depth=4, size=32):
    """A volume (1, 1, Z, Y, X) with a ring about a disk in all slices but the last, and its classes."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.zeros(1, depth, size, size, dtype=torch.uint8)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    square = (y - 15) ** 2 + (x - 17) ** 2
    classes[0, :-1, square <= 9**2] = 1
    classes[0, :-1, square <= 6**2] = 2
    levels = torch.tensor([0.0, -1.0, 2.0])
    image = levels[classes.long()] + 0.2 * torch.randn(classes.shape, generator=generator)
    return image[:, None], classes


@pytest.mark.usefixtures("no_cached_reason")
def test_without_torchvision_the_network_says_what_to_install(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(mask_rcnn, "version", missing)
    with pytest.raises(MissingExtraError, match=r"not installed; run pip install 'septum\[mask-rcnn\]'"):
        SliceMaskRCNN(MaskRCNNSettings())


@pytest.mark.usefixtures("no_cached_reason")
@pytest.mark.parametrize("kind", [ImportError, RuntimeError, AttributeError, OSError])
def test_torchvision_of_another_torch_is_named_with_its_error(monkeypatch, kind):
    def broken():
        raise kind("operator torchvision::nms does not exist\nand more")

    monkeypatch.setattr(mask_rcnn, "version", lambda _: "0.29.1")
    monkeypatch.setattr(mask_rcnn, "_detection", broken)
    reason = unavailable()
    assert reason is not None
    assert "torchvision 0.29.1 does not load beside torch" in reason
    assert "(operator torchvision::nms does not exist)" in reason
    assert "\n" not in reason


@pytest.mark.usefixtures("no_cached_reason")
def test_this_module_does_not_load_torchvision():
    code = "import sys, septum.methods.mask_rcnn; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_refuse_what_the_network_cannot_be():
    with pytest.raises(ValidationError, match="out_channels"):
        MaskRCNNSettings(out_channels=1)
    with pytest.raises(ValidationError, match="weights"):
        MaskRCNNSettings(weights="COCO_V1")


@needs_torchvision
def test_all_layers_are_trained_and_no_batch_norm_is_frozen():
    network = SliceMaskRCNN(SMALL)
    assert all(parameter.requires_grad for parameter in network.parameters())
    names = {type(module).__name__ for module in network.modules()}
    assert "BatchNorm2d" in names
    assert "FrozenBatchNorm2d" not in names


@needs_torchvision
def test_untrained_network_gives_log_probabilities_of_the_volume_s_shape():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL).eval()
    with torch.inference_mode():
        logits = network(torch.randn(2, 1, 2, 32, 64))
    assert logits.shape == (2, 3, 2, 32, 64)
    torch.testing.assert_close(logits.exp().sum(dim=1), torch.ones(2, 2, 32, 64))


@needs_torchvision
def test_slices_at_once_do_not_change_what_is_found():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL.model_copy(update={"score_threshold": 0.0})).eval()
    network.detector.roi_heads.detections_per_img = 4  # more would only take longer
    image, _ = volume()
    with torch.inference_mode():
        together = network(image)
        network.settings = network.settings.model_copy(update={"slices_at_once": 2})
        in_parts = network(image)
    assert (together[:, 1:] > together[:, :1]).any()  # something is found
    torch.testing.assert_close(in_parts, together, atol=1e-3, rtol=0)


@needs_torchvision
def test_objective_s_gradient_is_that_of_the_weighted_parts():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL.model_copy(update={"slices_at_once": 3})).train()
    image, classes = volume(depth=5)
    torch.manual_seed(1)
    loss = training_objective(network, image, classes)
    (3 * loss).backward()
    got = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    torch.manual_seed(1)
    slices = image[0].movedim(1, 0)  # the parts are slices 0, 2, 4 and slices 1, 3
    parts = [network.losses(slices[i::2], classes[0, i::2]) for i in range(2)]
    expected = (3 * parts[0] + 2 * parts[1]) / 5
    (3 * expected).backward()
    torch.testing.assert_close(loss, expected.detach(), check_stride=False)
    for found, parameter in zip(got, network.parameters(), strict=True):
        assert float((found - parameter.grad).norm()) <= 1e-3 * float(parameter.grad.norm())


@needs_torchvision
def test_volume_without_any_structure_has_a_finite_objective():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL).train()
    loss = training_objective(network, torch.randn(1, 1, 2, 32, 32), torch.zeros(1, 2, 32, 32))
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@needs_torchvision
def test_objective_under_bfloat16_autocast_is_float32_and_reaches_all_parameters():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL.model_copy(update={"slices_at_once": 2})).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = training_objective(network, *volume())
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(parameter.grad is not None for parameter in network.parameters())
    network.eval()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(volume()[0]).dtype == torch.float32


@needs_torchvision
def test_modes_are_not_mixed_up():
    network = SliceMaskRCNN(SMALL)
    image, classes = volume()
    with pytest.raises(ValueError, match="evaluation mode only"):
        network.train()(image)
    with pytest.raises(ValueError, match="training mode only"):
        training_objective(network.eval(), image, classes)


@needs_torchvision
def test_few_steps_lower_the_objective():
    torch.manual_seed(0)
    network = SliceMaskRCNN(SMALL).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    image, classes = volume()
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = training_objective(network, image, classes)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-2:]) < 0.7 * sum(losses[:2])
