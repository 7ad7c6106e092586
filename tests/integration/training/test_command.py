"""What ``septum train`` does once the networks are trained."""

import time

from septum.cli.train import find_recipe
from septum.training import command


def test_time_that_is_up_after_the_last_epoch_leaves_export_and_scores_for_the_next_call(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(command.MultiStageRun, "run", lambda *_: time.sleep(0.02))
    monkeypatch.setattr(command, "write_bundle", None)  # exporting would fail
    outcome = command.train(find_recipe("production/cine"), data, tmp_path, 0.01, "cpu", None)
    assert not outcome.finished
    assert outcome.bundle is None
    assert outcome.message == f"time budget used up; the same command goes on from {tmp_path}."
