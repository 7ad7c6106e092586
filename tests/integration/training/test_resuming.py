"""Whatever interrupts a training run, the weights come out the same to the last bit."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from septum.core import OutputError, RecipeError
from septum.datasets import acdc
from septum.methods.patches import PatchSampler
from septum.methods.samples import prepare_case, read_case
from septum.training import checkpoint, loop
from septum.training.history import TIMES
from septum.training.loop import Deadline, Fit, Interrupted
from septum.training.objective import stage_task
from septum.training.recipe import MultiStageRecipe
from support import miniature_training
from support.full_disk import full_disk
from support.miniature_training import (
    CPU,
    STEPS,
    Budget,
    assert_same,
    checkpoints,
    history_of,
    recipe_of,
    run_of,
    spoil,
)


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
    ours, theirs = (json.loads((f / "regions.json").read_text()) for f in (tmp_path, folder))
    assert ours["regions"] == theirs["regions"]
    for part in ("localiser/fold0", "localiser/final", "segmenter"):
        ours, theirs = (history_of(f / part) for f in (tmp_path, folder))
        for a, b in zip(ours, theirs, strict=True):
            assert {k: v for k, v in a.items() if k not in TIMES} == {
                k: v for k, v in b.items() if k not in TIMES
            }


def test_finished_run_is_taken_up_without_training_again(data, uninterrupted, monkeypatch):
    reference, folder = uninterrupted
    monkeypatch.setattr(Fit, "_train_epoch", lambda *_: pytest.fail("nothing is left to train"))
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


@pytest.mark.parametrize("epochs", [0, 2 + 2, 2 + 2 + 1], ids=["first part", "first epoch", "second epoch"])
def test_epoch_cut_short_goes_on_at_its_next_step(data, uninterrupted, tmp_path, epochs, monkeypatch):
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Budget(epochs, steps=1))
    assert len(list(tmp_path.rglob("epoch-*-step-000001-*.pt"))) == 1
    steps, take = [], PatchSampler.step
    monkeypatch.setattr(PatchSampler, "step", lambda *a: steps.append(1) or take(*a))
    assert_same(run_of(recipe_of(), data, tmp_path).run(Deadline()), uninterrupted[0])
    assert len(steps) == (2 * 1 + 2 + 3 - epochs) * STEPS - 1


def test_long_epoch_leaves_checkpoints_within_it(data, uninterrupted, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    kept, save = [], checkpoint.save
    monkeypatch.setattr(
        checkpoint, "save", lambda *a, step, **k: kept.append(step) or save(*a, step=step, **k)
    )
    assert_same(run_of(recipe_of(), data, tmp_path).run(Deadline()), uninterrupted[0])
    before_scoring = kept.count(STEPS)
    assert before_scoring >= 2 * 1 + 2 + 2, "the first and the last epoch of each network are scored"
    others = [step for step in kept if step != STEPS]
    assert others == [1, 0] * (2 * 1 + 2 + 3), "before the second step of each epoch, and after it"
    assert loop.SAVE_EVERY_S <= 600


def test_checkpoint_within_an_epoch_is_newer_than_that_before_it(tmp_path):
    for epoch, step in ((7, 0), (7, 9), (7, 120), (8, 0)):
        checkpoint.save(tmp_path, epoch, {"at": [epoch, step]}, step=step)
        assert checkpoint.load_newest(tmp_path) == {"at": [epoch, step]}
        assert len(checkpoints(tmp_path)) <= 2


def test_full_disk_is_told_as_such_and_the_checkpoint_before_stays(tmp_path):
    checkpoint.save(tmp_path, 1, {"epoch": 1})
    with full_disk(), pytest.raises(OutputError, match="cannot be written"):
        checkpoint.save(tmp_path, 2, {"epoch": 2, "weights": torch.zeros(10_000)})
    assert checkpoint.load_newest(tmp_path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == checkpoints(tmp_path)


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
    with pytest.raises(RecipeError, match=r"localiser/\w+ holds a run of another recipe"):
        run_of(recipe_of(epochs=1), data, tmp_path).run(Deadline())


def test_regions_that_another_recipe_found_are_found_again(data, tmp_path):
    # Stopped after the regions and before the final localiser's first checkpoint.
    with pytest.raises(Interrupted):
        run_of(recipe_of(), data, tmp_path).run(Budget(2))
    before = (tmp_path / "regions.json").read_text()
    settings = recipe_of().model_dump()
    settings["localisation"]["sizes"] = [16]
    with pytest.raises(Interrupted):
        run_of(MultiStageRecipe.model_validate(settings), data, tmp_path).run(Budget(0))
    assert not checkpoints(tmp_path / "localiser" / "final")
    assert (tmp_path / "regions.json").read_text() != before


def test_checkpoint_of_another_recipe_is_refused(data, tmp_path):
    recipe = recipe_of()
    dataset = acdc(data)
    native = read_case(dataset.cases[0], dataset)
    sampler = PatchSampler(
        [prepare_case(native, (1, 2, 3), recipe.segmenter.preprocessing)], {}, recipe.segmenter
    )
    Fit(stage_task(sampler.settings), sampler, 0, tmp_path, "one", CPU).run(Deadline())
    with pytest.raises(RecipeError, match="another recipe"):
        Fit(stage_task(sampler.settings), sampler, 0, tmp_path, "two", CPU).run(Deadline())


def test_killed_process_resumes_to_the_same_weights(data, tmp_path):
    recipe = recipe_of(segmenter_epochs=12)
    reference = run_of(recipe, data, tmp_path / "whole").run(Deadline())
    command = [sys.executable, miniature_training.__file__, str(data), str(tmp_path / "killed")]
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
