"""What is kept of a training: weights in half precision, compact states, what is left when it is finished."""

import copy

import pytest
import torch

from septum.networks import NetworkSettings, build
from septum.training import checkpoint
from septum.training.compact import compact, decode, encode, expand
from septum.training.objective import stage_task
from septum.training.recipe_file import load_recipe
from septum.training.single import task_of
from septum.training.weights import half_precision, restore
from support.recipes import PAPER


def network_of(seed, **settings):
    torch.manual_seed(seed)
    return build(NetworkSettings(filters=2, keep_z=True, **settings))


def state_of(network, *, steps=0, best=None):
    """The state that ``Fit`` would write, after some steps of Adam or with moments made up."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.randn(2, 1, 2, 8, 8)).square().mean().backward()
        optimiser.step()
    if not steps:
        for parameter in network.parameters():
            moments = {"exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.full_like(parameter, 1e-6)}
            optimiser.state[parameter] = {"step": torch.tensor(1.0)} | moments
    state = {
        "identity": "x",
        "epoch": 1,
        "history": [],
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    return state | ({"best": {"epoch": 1, "score": 0.5, "weights": best}} if best is not None else {})


def test_parameters_are_kept_in_half_precision_and_statistics_in_full():
    network, other = network_of(0), network_of(1)
    parameters = dict(network.named_parameters())
    variance = next(name for name in network.state_dict() if name.endswith("running_var"))
    with torch.no_grad():
        network.state_dict()[variance].fill_(1e6)  # beyond what 16 bits hold
    kept = half_precision(network)
    assert {kept[name].dtype for name in parameters} == {torch.float16}
    restore(other, kept)
    for name, value in network.state_dict().items():
        found = other.state_dict()[name]
        assert found.dtype == value.dtype
        expected = value.half().float() if name in parameters else value
        assert torch.equal(found, expected), name
    assert half_precision(other).keys() == kept.keys()
    assert all(torch.equal(half_precision(other)[name], kept[name]) for name in kept), "rounded only once"


def test_kept_weights_are_a_copy():
    network = network_of(0)
    kept = half_precision(network)
    before = {name: value.clone() for name, value in kept.items()}
    with torch.no_grad():
        for value in network.state_dict().values():
            value.add_(1)
    assert all(torch.equal(kept[name], before[name]) for name in kept)


def test_second_moment_of_one_byte_is_right_within_nine_percent_and_a_step_within_five():
    # Codes lie a quarter of an octave apart, so the farthest value lies an eighth off: 2^(1/8) - 1 = .0905.
    values = torch.cat([torch.logspace(-47.9, 15.4, 20_001, base=2.0), torch.tensor([1e-8, 1.0, 0.3])])
    found = decode(encode(values))
    assert encode(values).dtype == torch.uint8
    assert float((found / values - 1).abs().max()) <= 2**0.125 - 1 + 1e-6
    assert float((values.sqrt() / found.sqrt() - 1).abs().max()) < 0.05
    assert float((found / values - 1).abs().max()) > 0.08, "and not much better"


def test_ends_of_the_byte():
    # Nothing stays nothing; what lies below the range takes its lowest value, what lies above its highest.
    found = decode(encode(torch.tensor([0.0, 2.0**-60, 2.0**-48, 1.0, 2.0**30])))
    assert found.tolist() == pytest.approx([0.0, 2.0**-48, 2.0**-48, 1.0, 2.0**15.5], rel=1e-6, abs=0)
    assert encode(torch.tensor([0.0, 2.0**-48, 1.0])).tolist() == [0, 1, 193]


def test_compact_state_is_taken_up_with_its_weights_and_second_moments():
    network = network_of(0)
    state = state_of(network, steps=3)
    before = copy.deepcopy(state)
    found = expand(compact(state))
    assert {"identity": found["identity"], "epoch": found["epoch"]} == {"identity": "x", "epoch": 1}
    for name, value in before["network"].items():
        expected = value.half().float() if value.dim() > 1 else value
        assert torch.equal(found["network"][name], expected), name
        assert torch.equal(state["network"][name], value), "the state itself is left alone"
    fresh = torch.optim.Adam(network_of(1).parameters(), lr=1.0)
    fresh.load_state_dict(found["optimiser"])
    assert fresh.param_groups[0]["lr"] == 1e-3
    for (parameter, moments), entry in zip(
        fresh.state.items(), before["optimiser"]["state"].values(), strict=True
    ):
        assert float(moments["step"]) == 3
        assert moments["exp_avg"].shape == parameter.shape
        assert not moments["exp_avg"].any()
        torch.testing.assert_close(moments["exp_avg_sq"], entry["exp_avg_sq"], rtol=0.0906, atol=2.0**-48)


def test_full_state_is_taken_up_as_it_is():
    state = state_of(network_of(0), steps=1)
    assert expand(state) is state


@pytest.mark.parametrize("name", ["acdc-dr-unet", "acdc-multi-stage-keep-z", "acdc-end-to-end-keep-z-concat"])
def test_checkpoint_of_a_network_of_32_filters_stays_below_the_limit(tmp_path, name):
    recipe = load_recipe(PAPER / f"{name}.toml")
    network = (stage_task(recipe.segmenter) if name.startswith("acdc-multi") else task_of(recipe)).build()
    full = state_of(network, best=half_precision(network))
    checkpoint.save(tmp_path, 1, full, portable=True)
    (file,) = tmp_path.iterdir()
    assert 50e6 < file.stat().st_size <= checkpoint.LARGEST == 60e6
    assert set(checkpoint.load_newest(tmp_path)["network"]) == set(network.state_dict())


def test_small_state_is_written_in_full(tmp_path):
    state = state_of(network_of(0), steps=1)
    checkpoint.save(tmp_path, 1, state)
    found = checkpoint.load_newest(tmp_path)
    assert "compact" not in found
    assert all(torch.equal(found["network"][name], value) for name, value in state["network"].items())
    assert any(entry["exp_avg"].any() for entry in found["optimiser"]["state"].values())


def test_finished_training_keeps_its_weights_alone(tmp_path):
    checkpoint.save(tmp_path, 1, {"epoch": 1})
    checkpoint.save(tmp_path, 2, {"epoch": 2})
    (tmp_path / ".septum-killed.pt").write_bytes(b"half")
    assert checkpoint.load_finished(tmp_path) is None
    checkpoint.finish(tmp_path, {"weights": 1})
    checkpoint.finish(tmp_path, {"weights": 2})
    assert [path.name[:6] for path in tmp_path.iterdir()] == ["final-"]
    assert checkpoint.load_finished(tmp_path) == {"weights": 2}
    assert checkpoint.load_newest(tmp_path) is None
