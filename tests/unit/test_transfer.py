"""What a network takes over from one that was trained on other data, and what it learns anew."""

import pytest
import torch

from septum.core import RecipeError
from septum.methods.transfer import take_over, weights_of
from septum.networks import NetworkSettings, build
from septum.networks.deeply_supervised import DeeplySupervised, DeeplySupervisedSettings
from septum.training.export import export_graph


def network(seed, **settings):
    torch.manual_seed(seed)
    made = build(NetworkSettings(**{"architecture": "unet3d", "filters": 2} | settings))
    made.train()(torch.randn(1, made.settings.in_channels, 8, 16, 16))  # moves the running statistics
    return made


def agree(state, other):
    return {name for name in state if torch.equal(state[name], other[name])}


def test_all_but_the_head_is_taken_over_running_statistics_included():
    trained, fresh = network(1), network(2)
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    left = take_over(fresh, trained.state_dict())
    assert left == ["head.weight", "head.bias"]
    state = fresh.state_dict()
    assert agree(state, trained.state_dict()) == set(state) - set(left)
    assert set(left) <= agree(state, before)
    assert any("running_mean" in name for name in set(state) - set(left))


def test_another_number_of_image_channels_leaves_the_first_convolution_fresh():
    left = take_over(network(2, in_channels=2), network(1).state_dict())
    assert left == ["encoder.0.0.0.weight", "head.weight", "head.bias"]


def test_other_classes_are_no_obstacle():
    assert take_over(network(2), network(1, out_channels=4).state_dict()) == ["head.weight", "head.bias"]


def deeply_supervised(seed):
    torch.manual_seed(seed)
    base = NetworkSettings(architecture="unet3d", in_channels=2, filters=2)
    return DeeplySupervised(DeeplySupervisedSettings(network=base))


def test_side_outputs_and_threshold_are_heads_too():
    left = take_over(deeply_supervised(2), deeply_supervised(1).state_dict())
    modules = {name.rsplit(".", 1)[0] for name in left}
    assert modules == {"network.head", "side_heads.0", "side_heads.1", "threshold_head"}


def test_nothing_that_agrees_is_an_error_and_changes_nothing():
    fresh = network(2)
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    with pytest.raises(RecipeError, match=r"none of the 2 weights .* same architecture and filters"):
        take_over(fresh, {"head.weight": fresh.head.weight + 1, "body.weight": torch.zeros(3)})
    assert agree(before, fresh.state_dict()) == set(before)


@pytest.mark.parametrize("with_map", [False, True])
def test_a_bundles_graph_gives_back_every_weight_of_its_network(tmp_path, with_map):
    settings = {"architecture": "dr_unet", "norm": "instance", "residual": "add", "upsampling": "transposed"}
    trained, fresh = network(1, **settings), network(2, **settings)
    for parameter in trained.parameters():  # as training leaves them: no two alike, or the export joins them
        torch.nn.init.normal_(parameter)
    export_graph(trained, tmp_path / "graph.onnx", with_map=with_map)
    assert take_over(fresh, weights_of(tmp_path / "graph.onnx"), with_heads=True) == []
    state = fresh.state_dict()
    assert agree(state, trained.state_dict()) == set(state)
