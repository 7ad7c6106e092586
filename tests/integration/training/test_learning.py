"""What a training run learns from, and what it learns."""

import json
import math
import time
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch

from septum.augmentation import AugmentationSettings
from septum.core import LocalisationPath, RecipeError
from septum.datasets import acdc
from septum.inference import Segmenter, Stage
from septum.methods import case_store
from septum.methods.patches import PatchSampler
from septum.methods.samples import prepare_case, read_case
from septum.methods.torch_engine import TorchEngine
from septum.metrics import dice
from septum.preprocessing import PreprocessingSettings
from septum.training.loop import Deadline, Fit, Interrupted
from septum.training.objective import LOSSES, stage_task
from septum.training.recipe import MultiStageRecipe
from support.miniature_training import (
    CPU,
    PATIENTS,
    checkpoints,
    history_of,
    recipe_of,
    run_of,
    write_patient,
)
from support.one_volume import segment_one


def test_regions_are_out_of_fold_and_cover_every_training_case(uninterrupted):
    regions = json.loads((uninterrupted[1] / "regions.json").read_text())["regions"]
    assert set(regions) == {f"patient{i:03d}_{p}" for i in range(1, PATIENTS) for p in ("ED", "ES")}
    for region in regions.values():
        assert LocalisationPath(region["path"])
        assert 0 <= region["foreground_inside"] <= 1
        assert set(region["size"][1:]) <= {24, 32, 40}


def test_test_patients_are_never_read(data, tmp_path, monkeypatch):
    seen = []

    def watched(case, dataset):
        seen.append(case)
        return read_case(case, dataset)

    monkeypatch.setattr(case_store, "read_case", watched)
    run_of(recipe_of(epochs=1, segmenter_epochs=1), data, tmp_path).run(Deadline())
    assert {case.patient for case in seen} == {f"patient{i:03d}" for i in range(1, PATIENTS)}


def test_folds_hold_each_patient_out_once(data, tmp_path):
    first, second = run_of(recipe_of(), data, tmp_path)._parts()
    assert not first & second
    assert first | second == {f"patient{i:03d}" for i in range(1, PATIENTS)}


def test_training_learns_the_disk(data, tmp_path):
    # Long enough for so easy a picture: the whole pipeline finds it in a patient never seen.
    settings = recipe_of(epochs=20, segmenter_epochs=40).model_dump()
    for name in ("localiser", "segmenter"):
        settings[name]["optimisation"]["learning_rate"] = 0.05
    recipe, dataset = MultiStageRecipe.model_validate(settings), acdc(data)
    trained = run_of(recipe, data, tmp_path).run(Deadline())
    native = read_case(dataset.of({f"patient{PATIENTS:03d}"})[0], dataset)
    segmenter = Stage(TorchEngine(trained.segmenter), recipe.segmenter.preprocessing)
    labels, found = segment_one(
        native.volume,
        Stage(TorchEngine(trained.localiser), recipe.localiser.preprocessing),
        Segmenter(segmenter, dataset.schema.values, trained.localisation),
    )
    assert found.path is LocalisationPath.MAP
    assert (labels == native.labels).mean() > 0.93
    assert dice(labels > 0, native.labels > 0) > 0.9
    history = history_of(tmp_path / "segmenter")
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]


def sampler_of(data, **changes):
    recipe, dataset = recipe_of(**changes), acdc(data)
    natives = [read_case(case, dataset) for case in dataset.cases[:3]]
    prepared = [prepare_case(n, dataset.schema.values, recipe.segmenter.preprocessing) for n in natives]
    return PatchSampler(prepared, {}, recipe.segmenter)


def fit_of(sampler, folder):
    return Fit(stage_task(sampler.settings), sampler, 0, folder, "x", CPU)


def test_time_is_kept_within_an_epoch(data, tmp_path):
    started = time.monotonic()
    with pytest.raises(Interrupted):
        fit_of(sampler_of(data, steps_per_epoch=10_000), tmp_path).run(Deadline(at=started + 0.5))
    assert time.monotonic() - started < 30  # an epoch of so many steps takes minutes
    (kept,) = tmp_path.iterdir()
    assert kept.name.startswith("epoch-00000-step-")


def test_divergence_is_reported_and_not_saved(data, tmp_path, monkeypatch):
    monkeypatch.setitem(LOSSES, "dice_cross_entropy", lambda logits, _target: logits.sum() * math.nan)
    with pytest.raises(RecipeError, match="diverged in epoch 1"):
        fit_of(sampler_of(data), tmp_path).run(Deadline())
    assert not checkpoints(tmp_path)


def rate_at(fit, step):
    fit._set_rate(step)
    (group,) = fit.optimiser.param_groups
    return group["lr"]


def test_learning_rate_by_hand(data, tmp_path):
    # Four epochs of two steps; warm-up over 2, then half a cosine: .5 (1 + cos(pi s / 8)).
    fit = fit_of(sampler_of(data, segmenter_epochs=4, learning_rate=1.0), tmp_path)
    rates = [rate_at(fit, step) for step in (0, 1, 4, 7)]
    cosine = [0.5 * (1 + math.cos(math.pi * step / 8)) for step in (0, 1, 4, 7)]
    assert rates == pytest.approx([0.5 * cosine[0], *cosine[1:]])
    assert fit.optimiser.param_groups[0]["lr"] == rates[-1]
    constant = fit_of(sampler_of(data, schedule="constant", warmup_steps=0), tmp_path)
    assert rate_at(constant, 0) == rate_at(constant, 5) == 1e-2


def test_without_an_average_the_last_weights_are_used(data, tmp_path):
    fit = fit_of(sampler_of(data, segmenter_epochs=1, ema=0.0), tmp_path)
    assert fit.average is None
    assert fit.run(Deadline()) is fit.network


def test_exported_weights_are_the_running_average(data, tmp_path, monkeypatch):
    decay = 0.6
    fit = fit_of(sampler_of(data, segmenter_epochs=1, steps_per_epoch=3, ema=decay), tmp_path)
    steps, update = [], fit.average.update_parameters

    def record(network):
        steps.append({name: value.clone() for name, value in network.state_dict().items()})
        update(network)

    monkeypatch.setattr(fit.average, "update_parameters", record)
    found = fit.run(Deadline()).state_dict()
    for name, value in found.items():
        expected = steps[0][name]
        for step in steps[1:]:
            expected = decay * expected + (1 - decay) * step[name]
        torch.testing.assert_close(value, expected)


def test_each_case_comes_once_before_any_comes_again(data):
    sampler = sampler_of(data)
    order = [case.name for case in sampler.order(8, np.random.default_rng(0))]
    everyone = {case.name for case in sampler.cases}
    assert len(order) == 8
    assert set(order[:3]) == set(order[3:6]) == everyone


def test_sample_is_centred_on_the_region_given(data):
    settings = recipe_of().segmenter
    still = settings.model_copy(
        update={
            "augmentation": AugmentationSettings(),
            "patch": settings.patch.model_copy(update={"jitter_mm": 0.0}),
        }
    )
    case = sampler_of(data).cases[0]
    sampler = PatchSampler([case], {case.name: (15.5, 20.5)}, still)
    image, classes = sampler.sample(case, np.random.default_rng(0), CPU)
    place = (slice(None), slice(4, 28), slice(9, 33))
    assert image.shape == (1, 1, case.geometry.shape[0], 24, 24)
    assert torch.equal(classes[0], case.classes[place])
    torch.testing.assert_close(image[0, 0], case.image[place], rtol=1e-4, atol=1e-3)


def test_case_is_read_slices_first_with_its_values_mapped(data):
    dataset = acdc(data)
    case = dataset.cases[0]
    stored = nib.load(case.mask).get_fdata().transpose(2, 1, 0)
    native = read_case(case, dataset)
    assert np.array_equal(native.labels, stored)
    assert native.volume.geometry.spacing_mm == (9.0, 4.0, 4.0)
    assert native.volume.array.shape == native.volume.geometry.shape == stored.shape
    mapped = read_case(case, replace(dataset, mask_values={1: 3, 2: 1, 3: 0}))
    assert np.array_equal(mapped.labels, np.select([stored == 1, stored == 2], [3, 1], 0))
    # Classes are channels: the place of a value among those asked for, from 1.
    classes = prepare_case(native, (3, 1), PreprocessingSettings()).classes.numpy()
    assert np.array_equal(classes, np.select([stored == 3, stored == 1], [1, 2], 0))


def test_mask_on_another_grid_is_refused(tmp_path):
    write_patient(tmp_path, 1, np.random.default_rng(0))
    mask = next(tmp_path.rglob("*frame01_gt.nii.gz"))
    nib.save(nib.Nifti1Image(np.ones((38, 40, 2), np.uint8), np.diag([4.0, 4.0, 9.0, 1.0])), mask)
    dataset = acdc(tmp_path)
    with pytest.raises(RecipeError, match="shape of its image") as refused:
        read_case(dataset.cases[0], dataset)
    assert str(mask) in str(refused.value)


def test_cine_given_as_one_case_is_refused(tmp_path):
    write_patient(tmp_path, 1, np.random.default_rng(0))
    for file in tmp_path.rglob("*frame01*.nii.gz"):
        volume = np.asarray(nib.load(file).dataobj)
        nib.save(nib.Nifti1Image(np.stack([volume] * 2, axis=3), np.diag([4.0, 4.0, 9.0, 1.0])), file)
    dataset = acdc(tmp_path)
    with pytest.raises(RecipeError, match="expected a single volume, got a cine of 2 frames"):
        read_case(dataset.cases[0], dataset)


def test_network_that_cannot_be_built_is_an_error_of_the_recipe(data, tmp_path):
    sampler = sampler_of(data)
    network = sampler.settings.network.model_copy(update={"architecture": "vnet", "residual": "add"})
    sampler.settings = sampler.settings.model_copy(update={"network": network})
    with pytest.raises(RecipeError, match="residual"):
        fit_of(sampler, tmp_path)
