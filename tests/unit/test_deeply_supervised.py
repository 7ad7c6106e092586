"""Side outputs, threshold map and recursion about every network of the registry."""

import pytest
import torch

from septum.losses.composite import composite_objective
from septum.networks import REGISTRY, NetworkSettings
from septum.networks.deeply_supervised import DeeplySupervised, DeeplySupervisedSettings, decision_logits


def built(architecture="unet3d", keep_z=False, seed=0, **settings):
    torch.manual_seed(seed)
    base = NetworkSettings(architecture=architecture, in_channels=2, filters=2, keep_z=keep_z)
    return DeeplySupervised(DeeplySupervisedSettings(network=base, **settings))


def image_for(network, seed=1):
    size = [
        m * n for m, n in zip(network.multiple, (3 if network.multiple[0] == 1 else 1, 2, 3), strict=True)
    ]
    return torch.randn(1, 1, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("architecture", REGISTRY)
@pytest.mark.parametrize("keep_z", [False, True])
def test_every_output_of_every_network_has_the_size_of_the_image(architecture, keep_z):
    network = built(architecture, keep_z)
    image = image_for(network)
    for found in network.passes(image):
        assert len(found.sides) == 2
        assert {t.shape for t in (found.logits, found.threshold_logits, *found.sides)} == {image.shape}
    assert network(image).shape == image.shape


@pytest.mark.parametrize("architecture", REGISTRY)
def test_a_pass_is_the_networks_own_output(architecture):
    network = built(architecture).eval()
    image, previous = image_for(network), image_for(network, seed=2).sigmoid()
    own = network.network(torch.cat((image, previous), dim=1))
    torch.testing.assert_close(network.once(image, previous).logits, own)


def test_each_pass_is_fed_the_probability_of_the_one_before():
    network = built(passes=3).eval()
    image = image_for(network)
    first = network.once(image, torch.zeros_like(image))
    second = network.once(image, first.logits.sigmoid())
    third = network.once(image, second.logits.sigmoid())
    found = network.passes(image)
    assert len(found) == 3
    for one, expected in zip(found, (first, second, third), strict=True):
        torch.testing.assert_close(one.logits, expected.logits)
    torch.testing.assert_close(network(image), decision_logits(third.logits, third.threshold_logits))
    assert (second.logits - first.logits).abs().max() > 1e-3  # what is fed matters


def test_no_gradient_flows_from_a_pass_into_the_one_before():
    network = built().eval()
    image = image_for(network)
    network.passes(image)[1].logits.square().sum().backward()
    flowing = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    with torch.no_grad():
        previous = network.once(image, torch.zeros_like(image)).logits.sigmoid()
    network.once(image, previous).logits.square().sum().backward()
    for found, parameter in zip(flowing, network.parameters(), strict=True):
        if parameter.grad is None:  # of the side outputs and the threshold
            assert found is None
        else:
            torch.testing.assert_close(found, parameter.grad)


def test_the_threshold_starts_at_one_half_so_that_the_first_decision_is_the_usual_one():
    network = built(passes=1).eval()
    image = image_for(network)
    (found,) = network.passes(image)
    assert torch.equal(found.threshold_logits, torch.zeros_like(image))
    assert torch.equal(network(image) > 0, found.logits > 0)


def test_a_decision_is_above_zero_where_the_probability_exceeds_its_threshold():
    logits = torch.tensor([1.0, 1.0, -3.0, 0.0])
    threshold = torch.tensor([2.0, 0.0, -4.0, 0.0])
    assert torch.equal(decision_logits(logits, threshold).sign(), torch.tensor([-1.0, 1.0, 1.0, 0.0]))


@pytest.mark.parametrize("architecture", REGISTRY)
def test_the_objective_reaches_every_parameter(architecture):
    network = built(architecture).train()
    image = image_for(network)
    composite_objective(network, image, (image[:, 0] > 0).to(torch.uint8)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_objective_is_single_precision_under_autocast():
    network = built()
    image = image_for(network)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = composite_objective(network, image, (image[:, 0] > 0).to(torch.uint8))
        assert network.eval()(image).dtype == torch.float32
    assert loss.dtype == torch.float32
    assert loss.isfinite()


def test_training_lowers_the_objective():
    network = built().train()
    classes = torch.zeros(1, 8, 16, 24, dtype=torch.uint8)
    classes[:, 2:6, 4:12, 8:20] = 1
    image = image_for(network) + 3 * classes[:, None]
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = composite_objective(network, image, classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]


@pytest.mark.parametrize("channels", [{"in_channels": 1}, {"in_channels": 2, "out_channels": 4}])
def test_other_channels_than_recursion_needs_are_refused(channels):
    with pytest.raises(ValueError, match=r"in_channels = 2 .* and out_channels = 1"):
        DeeplySupervisedSettings(network=NetworkSettings(**channels))


def test_a_size_that_the_network_cannot_halve_is_refused():
    with pytest.raises(ValueError, match=r"pad the image to \(8, 16, 16\)"):
        built()(torch.zeros(1, 1, 8, 9, 16))
