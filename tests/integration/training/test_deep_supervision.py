"""Deep supervision: side outputs train, and nothing of them is left in what is used."""

import onnx
import pytest
import torch

from septum.losses import dice_cross_entropy
from septum.methods.settings import StageSettings
from septum.training.export import export_graph
from septum.training.objective import stage_task


def settings(**changes):
    return StageSettings.model_validate(
        {
            "loss": "dice_cross_entropy",
            "network": {"filters": 2, "out_channels": 4, "keep_z": True, "norm": "instance"},
            "preprocessing": {},
            "patch": {"size": (16, 16)},
            "optimisation": {},
            **changes,
        }
    )


def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 1, 3, 16, 16, generator=generator), torch.randint(
        0, 4, (2, 3, 16, 16), generator=generator, dtype=torch.uint8
    )


@pytest.mark.parametrize("architecture", ["dr_unet", "unet3d", "vnet"])
def test_every_side_output_learns_at_its_own_size(architecture):
    network = {"architecture": architecture, "filters": 2, "out_channels": 4, "keep_z": True}
    task = stage_task(settings(network=network, side_weights=(0.25, 0.5)))
    built = task.build()
    task.objective(built, *images()).backward()
    assert len(built.side_heads) == 2
    assert all(p.grad.abs().sum() > 0 for p in built.side_heads.parameters())


def test_loss_is_the_weighted_mean_of_its_levels():
    alone, deep = stage_task(settings()), stage_task(settings(side_weights=(0.5,)))
    torch.manual_seed(3)
    network = deep.build()
    image, classes = images()
    side = network.side_heads[0](network.features(image)[-2])
    coarse = classes[:, :, ::2, ::2]
    expected = (alone.objective(network, image, classes) + 0.5 * dice_cross_entropy(side, coarse)) / 1.5
    torch.testing.assert_close(deep.objective(network, image, classes), expected)


def test_a_bundles_graph_knows_nothing_of_side_outputs(tmp_path):
    network = stage_task(settings(side_weights=(0.25, 0.5))).build()
    export_graph(network, tmp_path / "graph.onnx", with_map=False)
    names = [entry.name for entry in onnx.load(tmp_path / "graph.onnx").graph.initializer]
    assert names
    assert not any("side_heads" in name for name in names)
