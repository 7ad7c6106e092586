"""Parts that recipes share: known by all that they depend on, kept as their weights alone, found again."""

import json
import logging
import shutil

import pytest
import torch

from septum.core import LocalisationPath
from septum.core.locks import lock
from septum.datasets import acdc
from septum.methods.case_store import CaseStore
from septum.methods.torch_engine import TorchEngine
from septum.training import checkpoint, multi_stage
from septum.training.loop import Deadline, Fit, Interrupted
from septum.training.multi_stage import MultiStageRun
from septum.training.partition import TrainingData, partition_of
from septum.training.parts import LOCK, PartBusyError, Parts
from septum.training.recipe import MultiStageRecipe
from support.miniature_training import (
    CPU,
    Budget,
    assert_same,
    checkpoints,
    fixed_split,
    history_of,
    recipe_of,
    spoil,
)

PARTS = ["localiser/fold0", "localiser/fold1", "localiser/final", "segmenter"]


def literal_recipe(*, epochs=2, segmenter_epochs=3, **changes):
    """Without a running average, whose weights no validation chooses."""
    settings = recipe_of(epochs=epochs, segmenter_epochs=segmenter_epochs, ema=0.0).model_dump()
    settings["localisation"] |= {"fixed": (24, 24)}
    settings["localiser"]["optimisation"]["ema"] = 0.0
    return MultiStageRecipe.model_validate(settings | changes)


def segmenter_with(recipe, **changes):
    settings = recipe.model_dump()
    settings["segmenter"]["optimisation"] |= changes
    return MultiStageRecipe.model_validate(settings)


def shared_run(recipe, data, folder, **caps):
    dataset = acdc(data)
    partition = partition_of(dataset, fixed_split("acdc"), 0, validate=True)
    parts = Parts(folder, CPU, shared=True, max_epochs=caps)
    return MultiStageRun(recipe, TrainingData(CaseStore(dataset), partition), parts)


@pytest.fixture(scope="session")
def finished(data, tmp_path_factory):
    """A finished run and its folder, which is not to be changed."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("shared")
    run = shared_run(literal_recipe(), data, folder)
    return run.run(Deadline()), folder, run.parts.reports


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run's folder."""
    return shutil.copytree(finished[1], tmp_path / "copy")


@pytest.fixture
def trained(monkeypatch):
    """Folder and number of each epoch that is trained."""
    epochs, train = [], Fit._train_epoch

    def watched(fit, deadline):
        train(fit, deadline)
        epochs.append((fit.folder.name.rpartition("-")[0], fit.epoch))

    monkeypatch.setattr(Fit, "_train_epoch", watched)
    return epochs


def part_folder(folder, name):
    (found,) = (p for p in folder.glob(f"{name}-*") if p.is_dir())
    return found


def test_finished_part_keeps_its_weights_alone(finished):
    network, folder, reports = finished
    assert list(reports) == PARTS
    for name in PARTS:
        part = part_folder(folder, name)
        (kept,) = part.glob("*.pt")
        assert sorted(p.name for p in part.iterdir()) == [
            LOCK,
            kept.name,
            "history.jsonl",
            "learning_curve.svg",
        ]
        state = checkpoint.load_finished(part)
        assert set(state) == {"identity", "report", "weights"}
        assert part.name.endswith(state["identity"][:12])
        assert state["report"] == vars(reports[name])
        epochs = len(history_of(part))
        assert (reports[name].epochs, reports[name].stopped) == (epochs, "epochs")
        assert (reports[name].validation is None) == name.startswith("localiser/fold")
        assert {v.dtype for v in state["weights"].values()} == {torch.float16}
    segmenter = network.segmenter
    assert reports["segmenter"].parameters == sum(p.numel() for p in segmenter.parameters())
    assert all(torch.equal(p, p.half().float()) for p in segmenter.parameters()), (
        "what is scored is what is kept"
    )


def test_finished_parts_are_taken_over(finished, data, trained):
    reference, folder, reports = finished
    run = shared_run(literal_recipe(), data, folder)
    found = run.run(Deadline(at=0))
    assert trained == []
    assert_same(found, reference)
    assert not found.segmenter.training
    # The regions are known, so the networks that found them are not loaded; how they were trained is kept.
    assert run.parts.reports == reports


def test_network_just_trained_has_the_weights_that_are_kept_of_it(data, tmp_path, trained):
    # No validation has chosen, and so rounded, these.
    run = shared_run(literal_recipe(), data, tmp_path)
    first = run._fit_first("localiser/fold0", 1, Deadline(), {"patient002"})
    assert trained == [("fold0", 1)]
    again = run._fit_first("localiser/fold0", 1, Deadline(at=0), {"patient002"})
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))


def test_part_that_another_process_trains_is_left_to_it(data, copied, trained):
    with lock(part_folder(copied, "segmenter") / LOCK) as held:
        assert held
        with pytest.raises(PartBusyError, match="is being trained by another process"):
            shared_run(literal_recipe(), data, copied).run(Deadline())
    shared_run(literal_recipe(), data, copied).run(Deadline(at=0))
    assert trained == []


def test_recipes_that_agree_on_a_part_share_it(finished, data, copied, trained):
    other = segmenter_with(literal_recipe(), learning_rate=2e-2)
    assert other.sha256 != literal_recipe().sha256
    found = shared_run(other, data, copied).run(Deadline())
    assert trained == [("segmenter", epoch) for epoch in (1, 2, 3)]
    assert len([p for p in copied.glob("segmenter-*") if p.is_dir()]) == 2
    assert len(list(copied.glob("localiser/*"))) == 3
    alone = [v for _, v in sorted(found.localiser.state_dict().items())]
    assert all(map(torch.equal, alone, (v for _, v in sorted(finished[0].localiser.state_dict().items()))))


@pytest.mark.parametrize("change", [{"seed": 4}, {"localiser_fold_epochs": 2}])
def test_part_that_depends_on_something_else_is_another(data, copied, trained, change):
    shared_run(literal_recipe(**change), data, copied).run(Deadline())
    assert ("segmenter", 1) in trained
    assert (("final", 1) in trained) == ("seed" in change), "the final localiser has its own number of epochs"


@pytest.mark.parametrize("name", ["localiser/final", "segmenter"])
def test_damaged_part_is_trained_again_to_the_same_weights(finished, data, copied, trained, caplog, name):
    part = part_folder(copied, name)
    (kept,) = part.glob("final-*.pt")
    spoil(kept)
    with caplog.at_level(logging.WARNING):
        found = shared_run(literal_recipe(), data, copied).run(Deadline())
    assert kept.name in caplog.text
    assert {place for place, _ in trained} == {name.rpartition("/")[2]}
    assert_same(found, finished[0])
    trained.clear()
    assert_same(shared_run(literal_recipe(), data, copied).run(Deadline(at=0)), finished[0])
    assert trained == []
    assert len(list(part.glob("*.pt"))) == 1


def test_damaged_part_goes_on_from_a_checkpoint_where_one_is_left(finished, data, tmp_path, trained):
    with pytest.raises(Interrupted):
        shared_run(literal_recipe(), data, tmp_path / "run").run(Budget(2 * 1 + 2 + 2))
    part = part_folder(tmp_path / "run", "segmenter")
    shutil.copytree(part, tmp_path / "before")
    shared_run(literal_recipe(), data, tmp_path / "run").run(Deadline())
    (kept,) = part.glob("final-*.pt")
    spoil(kept)
    for file in checkpoints(tmp_path / "before"):  # as a kill between the two steps of finishing leaves them
        shutil.copy(file, part)
    trained.clear()
    found = shared_run(literal_recipe(), data, tmp_path / "run").run(Deadline())
    assert trained == [("segmenter", 3)]
    assert_same(found, finished[0])
    assert checkpoints(part) == []


def test_capped_part_keeps_its_checkpoints_and_goes_on_to_the_weights_of_an_uncapped_one(
    finished, data, tmp_path, trained
):
    capped = shared_run(literal_recipe(), data, tmp_path, segmenter=2)
    capped.run(Deadline())
    report, part = capped.parts.reports["segmenter"], part_folder(tmp_path, "segmenter")
    assert (report.epochs, report.stopped) == (2, "capped")
    assert capped.parts.reports["localiser/final"].stopped == "epochs"
    assert len(checkpoints(part)) == 2
    assert checkpoint.load_finished(part) is None
    trained.clear()
    assert_same(shared_run(literal_recipe(), data, tmp_path).run(Deadline()), finished[0])
    assert trained == [("segmenter", 3)]
    assert checkpoints(part) == []


def test_regions_of_capped_localisers_are_others_and_so_is_the_segmenter(data, tmp_path, trained):
    recipe = literal_recipe(localiser_fold_epochs=2)
    shared_run(recipe, data, tmp_path, localiser=1).run(Deadline())
    assert len(list(tmp_path.glob("regions-*.json"))) == 1
    trained.clear()
    shared_run(recipe, data, tmp_path).run(Deadline())
    assert [t for t in trained if t[0] != "segmenter"] == [("fold0", 2), ("fold1", 2), ("final", 2)]
    assert len(list(tmp_path.glob("regions-*.json"))) == 2
    assert len(list(tmp_path.glob("validation-regions-*.json"))) == 2


def test_regions_are_found_once_so_that_another_device_s_rounding_changes_nothing(
    finished, data, copied, monkeypatch, trained
):
    monkeypatch.setattr(MultiStageRun, "find_with", lambda *_: pytest.fail("they are known"))
    assert_same(shared_run(literal_recipe(), data, copied).run(Deadline(at=0)), finished[0])
    assert trained == []
    (file,) = copied.glob("validation-regions-*.json")
    regions = json.loads(file.read_text())["regions"]
    assert set(regions) == {"patient001_ED", "patient001_ES"}
    assert all(LocalisationPath(region["path"]) for region in regions.values())


@pytest.mark.parametrize(
    ("regions", "path"),
    [
        ({"evidence": "coarse_mask"}, "coarse_mask"),
        ({"evidence": "soft_argmax"}, "soft_argmax"),
        ({"evidence": "truth"}, "truth"),
        ({"layer": "decoder2"}, "map"),
        ({"layer": "bottleneck"}, "map"),
    ],
    ids=str,
)
def test_other_regions_at_test_train_nothing(finished, data, trained, monkeypatch, regions, path):
    layers = []

    def watched(network, layer="decoder3"):
        layers.append(layer)
        return TorchEngine(network, layer)

    monkeypatch.setattr(multi_stage, "TorchEngine", watched)
    folder = finished[1]
    before = sorted(folder.rglob("*"))
    run = shared_run(literal_recipe(regions_at_test=regions), data, folder)
    pipeline = run.pipeline(Deadline(at=0))
    assert trained == []
    assert sorted(folder.rglob("*")) == before
    native = run.store.native(run.partition.validation[0])
    found = pipeline.predict(native)
    fallbacks = {LocalisationPath.COARSE_MASK, LocalisationPath.TRAINING_CENTRE}
    expected = {LocalisationPath(path)} | (set() if path in ("truth", "soft_argmax") else fallbacks)
    assert found.localisation.path in expected
    assert found.localisation.region.size[1:] == (24, 24)
    assert layers == ([] if path == "truth" else [regions.get("layer", "decoder3")])
    assert found.labels.shape == native.labels.shape
