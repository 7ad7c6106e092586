"""Training in miniature: whatever interrupts it, the weights come out the same to the last bit."""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from septum.augmentation import AugmentationSettings
from septum.core import LocalisationPath, RecipeError
from septum.datasets import Split, acdc
from septum.inference.steps import Stage, segment_volume
from septum.methods.samples import PatchSampler, prepare_case, read_case
from septum.methods.torch_engine import TorchEngine
from septum.metrics import dice
from septum.preprocessing import PreprocessingSettings
from septum.training import checkpoint, loop, multi_stage
from septum.training.loop import Deadline, Fit, Interrupted
from septum.training.multi_stage import MultiStageRun
from septum.training.recipe import Recipe

CPU = torch.device("cpu")
PATIENTS = 5  # four to train on, one to test


def write_patient(root, number, rng):
    """Random images about a bright disk in a ring, stored as ACDC stores them."""
    folder = root / f"patient{number:03d}"
    folder.mkdir(parents=True)
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\n", encoding="utf-8")
    for frame, radius_mm in ((1, 44), (2, 36)):
        y, x = np.indices((40, 38)) * 4.0
        distance = np.hypot(y - 70 - 4 * number, x - 90 + 3 * number)
        bodies = [distance < share * radius_mm for share in (0.5, 0.75, 1)]
        labels = np.select(bodies, [3, 2, 1], 0)
        labels = np.stack([labels] * (3 + number % 2)).astype(np.uint8)
        image = 200 * labels + rng.normal(400, 40, labels.shape)
        for end, array in (("", image.astype(np.int16)), ("_gt", labels)):
            file = nib.Nifti1Image(array.transpose(2, 1, 0), np.diag([4.0, 4.0, 9.0, 1.0]))
            nib.save(file, folder / f"patient{number:03d}_frame{frame:02d}{end}.nii.gz")


def stage(*, classes, epochs, **changes):
    return {
        "network": {
            "filters": 2,
            "keep_z": True,
            "flat_levels": 2,
            "norm": "instance",
            "residual": "add",
            "upsampling": "transposed",
            "out_channels": classes,
        },
        "preprocessing": {"in_plane_mm": 8.0 if classes == 1 else 4.0},
        "patch": {"size": (16, 16) if classes == 1 else (24, 24), "jitter_mm": 8.0},
        "augmentation": {"rotation_deg": 90, "mirror": 0.5, "log_gamma": 0.2, "elastic_mm": 2, "noise": 0.1},
        "loss": "bce_dice" if classes == 1 else "dice_cross_entropy",
        "optimisation": {
            "optimiser": "adamw",
            "learning_rate": 1e-2,
            "weight_decay": 0.01,
            "schedule": "cosine",
            "warmup_steps": 2,
            "batch": 2,
            "epochs": epochs,
            "steps_per_epoch": 2,
            "ema": 0.7,
            "gradient_norm": 5.0,
        }
        | changes,
    }


def recipe_of(*, epochs=2, segmenter_epochs=3, **changes):
    return Recipe.model_validate(
        {
            "name": "tiny",
            "title": "a test",
            "dataset": "acdc",
            "seed": 3,
            "localiser_folds": 2,
            "localiser_fold_epochs": 1,
            "localiser": stage(classes=1, epochs=epochs),
            "localisation": {"sizes": [24, 32], "margin_mm": 4.0, "centre": "box"},
            "segmenter": stage(classes=4, epochs=segmenter_epochs, **changes),
        }
    )


def run_of(recipe, data, folder):
    return MultiStageRun(recipe, acdc(data), folder, CPU)


def fixed_split(_dataset):
    names = [f"patient{i:03d}" for i in range(1, PATIENTS + 1)]
    return Split(dataset="acdc", test=(names[-1],), folds=tuple((n,) for n in names[:-1]))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The split of the small data set, and one thread, since sums may depend on their number."""
    monkeypatch.setattr(multi_stage, "load_split", fixed_split)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("acdc"), np.random.default_rng(0)
    for number in range(1, PATIENTS + 1):
        write_patient(root, number, rng)
    return root


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    """What a run gives that nothing interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multi_stage, "load_split", fixed_split)
        torch.set_num_threads(1)
        folder = tmp_path_factory.mktemp("reference")
        return run_of(recipe_of(), data, folder).run(Deadline()), folder


class Budget(Deadline):
    """Time for so many epochs."""

    def __init__(self, epochs):
        super().__init__()
        object.__setattr__(self, "left", epochs)

    def allows(self, seconds):  # noqa: ARG002  # counts epochs instead
        object.__setattr__(self, "left", self.left - 1)
        return self.left >= 0


def assert_same(trained, reference):
    for name in ("localiser", "segmenter"):
        ours, theirs = getattr(trained, name).state_dict(), getattr(reference, name).state_dict()
        assert list(ours) == list(theirs)
        for key, value in ours.items():
            assert torch.equal(value, theirs[key]), f"{name}.{key}"
    assert trained.localisation == reference.localisation


def checkpoints(folder):
    return sorted(folder.glob("epoch-*.pt"))


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_run_interrupted_after_every_epoch_gives_the_same_weights(data, uninterrupted, tmp_path):
    reference, folder = uninterrupted
    interruptions = 0
    while True:
        try:
            trained = run_of(recipe_of(), data, tmp_path).run(Budget(1))
            break
        except Interrupted:
            interruptions += 1
    assert interruptions == 2 * 1 + 2 + 3 - 1, "two folds, the final localiser, the segmenter"
    assert_same(trained, reference)
    assert (tmp_path / "regions.json").read_text() == (folder / "regions.json").read_text()
    for part in ("localiser/fold0", "localiser/final", "segmenter"):
        ours, theirs = (json.loads((f / part / "history.json").read_text()) for f in (tmp_path, folder))
        for a, b in zip(ours, theirs, strict=True):
            assert {**a, "seconds": 0} == {**b, "seconds": 0}


def test_finished_run_is_taken_up_without_training_again(data, uninterrupted, monkeypatch):
    reference, folder = uninterrupted
    monkeypatch.setattr(Fit, "_train_epoch", lambda _self: pytest.fail("nothing is left to train"))
    assert_same(run_of(recipe_of(), data, folder).run(Deadline(at=0)), reference)


def test_no_time_at_all_loses_nothing(data, uninterrupted, tmp_path):
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Budget(4))
    before = {p: p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file()}
    assert before
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Deadline(at=time.monotonic()))
    assert {p: p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file()} == before
    assert_same(run_of(recipe_of(), data, tmp_path).run(Deadline()), uninterrupted[0])


@pytest.mark.parametrize("damage", [spoil, lambda path: path.write_bytes(path.read_bytes()[:1000])])
def test_damaged_newest_checkpoint_falls_back_to_the_one_before(
    data, uninterrupted, tmp_path, caplog, damage
):
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Budget(2 * 1 + 2 + 2))
    older, newest = checkpoints(tmp_path / "segmenter")
    damage(newest)
    with caplog.at_level(logging.WARNING):
        trained = run_of(recipe_of(), data, tmp_path).run(Deadline())
    assert newest.name in caplog.text
    assert "damaged" in caplog.text
    assert_same(trained, uninterrupted[0])
    kept = checkpoints(tmp_path / "segmenter")
    assert len(kept) == 2
    assert not {older, newest} & set(kept), "the damaged one is not kept in place of a whole one"


def test_part_trained_by_another_recipe_is_refused(data, tmp_path):
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Budget(2 + 2 + 1))
    with pytest.raises(RecipeError, match="segmenter holds a run of another recipe"):
        run_of(recipe_of(learning_rate=2e-2), data, tmp_path).run(Deadline())
    with pytest.raises(RecipeError, match="final holds a run of another recipe"):
        run_of(recipe_of(epochs=1), data, tmp_path).run(Deadline())


def test_regions_that_another_recipe_found_are_found_again(data, tmp_path):
    # Stopped after the regions and before the final localiser's first checkpoint.
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Budget(2))
    before = (tmp_path / "regions.json").read_text()
    settings = recipe_of().model_dump()
    settings["localisation"]["sizes"] = [16]
    with pytest.raises(Interrupted):
        run_of(Recipe.model_validate(settings), data, tmp_path).run(Budget(0))
    assert not checkpoints(tmp_path / "localiser" / "final")
    assert (tmp_path / "regions.json").read_text() != before


def test_checkpoint_of_another_recipe_is_refused(data, tmp_path):
    recipe = recipe_of()
    dataset = acdc(data)
    native = read_case(dataset.cases[0], dataset)
    sampler = PatchSampler(
        [prepare_case(native, (1, 2, 3), recipe.segmenter.preprocessing)], {}, recipe.segmenter
    )
    Fit(sampler, 0, tmp_path, "one", CPU).run(Deadline())
    with pytest.raises(RecipeError, match="another recipe"):
        Fit(sampler, 0, tmp_path, "two", CPU).run(Deadline())


def test_killed_process_resumes_to_the_same_weights(data, tmp_path):
    recipe = recipe_of(segmenter_epochs=12)
    reference = run_of(recipe, data, tmp_path / "whole").run(Deadline())
    command = [sys.executable, __file__, str(data), str(tmp_path / "killed")]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        give_up = time.monotonic() + 120
        while len(checkpoints(tmp_path / "killed" / "segmenter")) < 2 and time.monotonic() < give_up:
            assert process.poll() is None, "it ended by itself"
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=30) == -signal.SIGKILL
    assert 0 < len(checkpoints(tmp_path / "killed" / "segmenter")) <= 3
    history = checkpoint.load_newest(tmp_path / "killed" / "segmenter")["epoch"]
    assert history < 12, "it was killed in the middle"
    trained = run_of(recipe, data, tmp_path / "killed").run(Deadline())
    assert_same(trained, reference)
    assert not list((tmp_path / "killed" / "segmenter").glob(".septum-*")), "nothing half-written is left"


def test_only_two_checkpoints_are_kept(uninterrupted):
    for part in ("localiser/final", "segmenter"):
        assert len(checkpoints(uninterrupted[1] / part)) == 2


def test_half_written_checkpoints_are_swept_away_by_the_next(tmp_path):
    (tmp_path / ".septum-killed.pt").write_bytes(b"half")
    checkpoint.save(tmp_path, 1, {"epoch": 1})
    assert [p.name for p in tmp_path.iterdir()] == [checkpoints(tmp_path)[0].name]
    assert checkpoint.load_newest(tmp_path) == {"epoch": 1}


def test_no_whole_checkpoint_means_a_fresh_start(tmp_path):
    assert checkpoint.load_newest(tmp_path / "nowhere") is None
    checkpoint.save(tmp_path, 1, {"epoch": 1})
    spoil(checkpoints(tmp_path)[0])
    assert checkpoint.load_newest(tmp_path) is None


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

    monkeypatch.setattr(multi_stage, "read_case", watched)
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Deadline(at=0))
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
    recipe, dataset = Recipe.model_validate(settings), acdc(data)
    trained = run_of(recipe, data, tmp_path).run(Deadline())
    native = read_case(dataset.of({f"patient{PATIENTS:03d}"})[0], dataset)
    labels, found = segment_volume(
        native.volume,
        Stage(TorchEngine(trained.localiser), recipe.localiser.preprocessing),
        Stage(TorchEngine(trained.segmenter), recipe.segmenter.preprocessing),
        trained.localisation,
        dataset.schema.values,
    )
    assert found.path is LocalisationPath.MAP
    assert (labels == native.labels).mean() > 0.93
    assert dice(labels > 0, native.labels > 0) > 0.9
    history = json.loads((tmp_path / "segmenter" / "history.json").read_text())
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]


def sampler_of(data, **changes):
    recipe, dataset = recipe_of(**changes), acdc(data)
    natives = [read_case(case, dataset) for case in dataset.cases[:3]]
    prepared = [prepare_case(n, dataset.schema.values, recipe.segmenter.preprocessing) for n in natives]
    return PatchSampler(prepared, {}, recipe.segmenter)


def test_divergence_is_reported_and_not_saved(data, tmp_path, monkeypatch):
    monkeypatch.setitem(loop.LOSSES, "dice_cross_entropy", lambda logits, _target: logits.sum() * math.nan)
    with pytest.raises(RecipeError, match="diverged in epoch 1"):
        Fit(sampler_of(data), 0, tmp_path, "x", CPU).run(Deadline())
    assert not checkpoints(tmp_path)


def test_learning_rate_by_hand(data, tmp_path):
    # Four epochs of two steps; warm-up over 2, then half a cosine: .5 (1 + cos(pi s / 8)).
    fit = Fit(sampler_of(data, segmenter_epochs=4, learning_rate=1.0), 0, tmp_path, "x", CPU)
    rates = [fit._set_rate(step) for step in (0, 1, 4, 7)]
    cosine = [0.5 * (1 + math.cos(math.pi * step / 8)) for step in (0, 1, 4, 7)]
    assert rates == pytest.approx([0.5 * cosine[0], *cosine[1:]])
    assert fit.optimiser.param_groups[0]["lr"] == rates[-1]
    constant = Fit(sampler_of(data, schedule="constant", warmup_steps=0), 0, tmp_path, "x", CPU)
    assert constant._set_rate(0) == constant._set_rate(5) == 1e-2


@pytest.mark.parametrize("decay", [0.0, 0.6])
def test_exported_weights_are_the_running_average(data, tmp_path, monkeypatch, decay):
    fit = Fit(sampler_of(data, segmenter_epochs=1, steps_per_epoch=3, ema=decay), 0, tmp_path, "x", CPU)
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
    mapped = read_case(case, replace(dataset, mask_values={1: 3, 2: 1}))
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


if __name__ == "__main__":  # the process that is killed
    torch.set_num_threads(1)
    multi_stage.load_split = fixed_split
    run_of(recipe_of(segmenter_epochs=12), Path(sys.argv[1]), Path(sys.argv[2])).run(Deadline())
