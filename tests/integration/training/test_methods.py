"""Every method from its recipe to a prediction, in miniature."""

import json

import pytest
import torch

from septum.core import LocalisationPath, RecipeError
from septum.datasets import acdc
from septum.methods.case_store import CaseStore
from septum.training.detect import DetectThenSegmentRun
from septum.training.loop import Deadline, Interrupted
from septum.training.methods import RUNS
from septum.training.partition import TrainingData, partition_of
from septum.training.parts import Parts
from septum.training.recipe_file import load_recipe
from support.miniature_training import CPU, Budget, fixed_split, history_of

COMMON = """
name = "any"
title = "any"
dataset = "acdc"
"""
STAGE = """
[{name}]
{loss}
network = {network}
preprocessing = {{ slice_mm = 9.0, in_plane_mm = {mm}, size = [{size}] }}
patch = {{ size = [{patch}] }}
optimisation = {{ learning_rate = 1e-3, batch = 2, stacked = true, epochs = {epochs}, steps_per_epoch = 2 }}
"""
SIZE = {"size": "4, 48, 48", "mm": 4.0, "patch": "48, 48", "epochs": 2}
SEGMENTER = STAGE.format(
    name="segmenter",
    loss='loss = "multiclass_dice"',
    network="{ out_channels = 4, filters = 2, keep_z = true }",
    **SIZE,
)
REGION = SEGMENTER.replace("patch = { size = [48, 48] }", "patch = { size = [24, 32], jitter_mm = 4.0 }")
COARSE = SIZE | {"size": "4, 24, 24", "mm": 8.0, "patch": "24, 24"}
TWO_STAGE = "localiser_folds = 2\nlocaliser_fold_epochs = 1\n"
LOCALISATION = "[localisation]\nfixed = [24, 32]\n"
FIRST = "[first]\ndownsample = [1, 2, 2]\ncoarse = { filters = 2, keep_z = true }\n"
LOCALISER = STAGE.format(
    name="localiser", loss='loss = "bce_dice"', network="{ filters = 2, keep_z = true }", **COARSE
)
DETECTOR = STAGE.format(name="localiser", loss="", network="{ filters = 2, keep_z = true }", **COARSE)

RECIPES = {
    "whole_volume": SEGMENTER,
    "end_to_end": FIRST + SEGMENTER,
    "multi_stage": TWO_STAGE + LOCALISER + LOCALISATION + REGION,
    "detect_then_segment": TWO_STAGE + DETECTOR + LOCALISATION + REGION,
}
PATHS = {
    "whole_volume": {LocalisationPath.WHOLE},
    "end_to_end": {LocalisationPath.WHOLE},
    "multi_stage": set(LocalisationPath) - {LocalisationPath.WHOLE, LocalisationPath.DETECTOR},
    "detect_then_segment": {LocalisationPath.DETECTOR},
}


def recipe_of(folder, method):
    file = folder / "recipe.toml"
    file.write_text(f'{COMMON}method = "{method}"\n{RECIPES[method]}', encoding="utf-8")
    return load_recipe(file)


def run_of(recipe, data, folder, *, validate=True, **options):
    dataset = acdc(data)
    partition = partition_of(dataset, fixed_split("acdc"), 0, validate=validate)
    parts = Parts(folder / "parts", CPU, shared=True, **options)
    return RUNS[recipe.method](
        recipe, TrainingData(CaseStore(dataset, folder / "prepared"), partition), parts
    )


@pytest.mark.parametrize("method", RECIPES)
def test_method_is_trained_interrupted_and_used(data, tmp_path, method):
    recipe = recipe_of(tmp_path, method)
    with pytest.raises(Interrupted):
        run_of(recipe, data, tmp_path).pipeline(Budget(1, steps=1))
    run = run_of(recipe, data, tmp_path)
    pipeline = run.pipeline(Deadline())
    native = run.store.native(acdc(data).of({"patient005"})[0])
    found = pipeline.predict(native)
    assert found.labels.shape == native.labels.shape
    assert set(found.labels.ravel().tolist()) <= {0, 1, 2, 3}
    assert found.working.shape == (4, 48, 48)
    assert found.localisation.path in PATHS[method]
    size = (4, 48, 48) if LocalisationPath.WHOLE in PATHS[method] else (4, 24, 32)
    assert found.localisation.region.size == size
    report = run.parts.reports["segmenter"]
    assert (report.epochs, report.stopped) == (2, "epochs")
    assert 0 <= report.validation <= 1
    again = run_of(recipe, data, tmp_path).pipeline(Deadline(at=0)).predict(native)
    assert (again.labels == found.labels).all()
    assert again.localisation == found.localisation


def test_network_of_the_whole_volume_is_monitored_on_patients_that_it_has_not_seen(data, tmp_path):
    run_of(recipe_of(tmp_path, "whole_volume"), data, tmp_path, validate=False).pipeline(Deadline())
    (folder,) = (tmp_path / "parts").glob("segmenter-*")
    named = {name for name in history_of(folder)[0] if "dice" in name}
    assert named == {f"validation_dice_{s}" for s in ("RV", "MYO", "LV")}


def test_regions_of_a_detector_are_out_of_fold_too(data, tmp_path):
    run_of(recipe_of(tmp_path, "detect_then_segment"), data, tmp_path).pipeline(Deadline())
    (file,) = (tmp_path / "parts").glob("regions-*.json")
    regions = json.loads(file.read_text())["regions"]
    assert set(regions) == {f"patient00{n}_{phase}" for n in (2, 3, 4) for phase in ("ED", "ES")}
    assert {region["path"] for region in regions.values()} == {"detector"}


TRANSFER = """
[refinements]
[refinements.transfer]
dataset = "acdc"
[refinements.transfer.training]
preprocessing = { in_plane_mm = 4.0, size = [4, 48, 48] }
patch = { size = [24, 32] }
optimisation = { batch = 2, stacked = true, epochs = 2, steps_per_epoch = 1 }
"""


def transferring_run(data, folder, **options):
    file = folder / "recipe.toml"
    text = f'{COMMON}method = "detect_then_segment"\n{TWO_STAGE}{DETECTOR}{LOCALISATION}{REGION}{TRANSFER}'
    file.write_text(
        text.replace("out_channels = 4", "in_channels = 2").replace("multiclass", "bce"), encoding="utf-8"
    )
    dataset = acdc(data)
    store, partition = CaseStore(dataset), partition_of(dataset, fixed_split("acdc"), 0, validate=True)
    other = TrainingData(store, partition)
    run = object.__new__(DetectThenSegmentRun)  # the data set's own segmenter is not what this is about
    run.recipe, run.parts = load_recipe(file), Parts(folder / "parts", CPU, shared=True, **options)
    run.data = TrainingData(store, partition, {"acdc": other}.__getitem__)
    return run


def test_segmenter_starts_from_the_weights_of_the_other_data_set(data, tmp_path):
    run = transferring_run(data, tmp_path)
    initial, identity = run.initial_weights(Deadline())
    torch.manual_seed(7)
    network = run.segmenter_task().build()
    fresh = {name: value.clone() for name, value in network.state_dict().items()}
    initial(network)
    source = run.initial_weights(Deadline(at=0))[0]
    other = run.segmenter_task().build()
    source(other)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, fresh[name])}
    assert any(name.startswith("network.encoder") for name in changed)
    assert not any("head" in name for name in changed), "what is answered is another question there"
    assert all(torch.equal(other.state_dict()[name], network.state_dict()[name]) for name in changed)
    assert identity == f"{run.parts.identities['transfer/acdc']} None", "what was trained, without a cap"
    assert run.parts.reports["transfer/acdc"].epochs == 2


def test_what_starts_from_a_capped_training_is_known_as_such(data, tmp_path):
    identities = {
        str(caps): transferring_run(data, tmp_path, max_epochs=caps).initial_weights(Deadline())[1]
        for caps in ({"transfer": 1}, {}, {"segmenter": 1})
    }
    free = identities["{}"]
    assert identities["{'segmenter': 1}"] == free
    assert identities["{'transfer': 1}"] != free


def test_transfer_without_the_other_data_set_is_refused(data, tmp_path):
    run = transferring_run(data, tmp_path)
    run.data = TrainingData(run.data.store, run.data.partition)
    with pytest.raises(RecipeError, match="its transfer needs data set acdc; none is given"):
        run.initial_weights(Deadline())
