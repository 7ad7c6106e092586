"""The command ``septum train``: what it hands over to training."""

from __future__ import annotations

import logging
import sys
import types
from pathlib import Path

import pytest

from septum.cli.train import find_recipe


@pytest.fixture
def calls_of_train(monkeypatch):
    """What the command hands over, in place of training."""
    called = []
    outcome = types.SimpleNamespace(
        finished=False, bundle=None, message="time budget used up.", comparison=""
    )
    fake = types.ModuleType("septum.training.command")
    fake.train = lambda *arguments: called.append(arguments) or outcome
    monkeypatch.setitem(sys.modules, "septum.training.command", fake)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    return called


def test_train_hands_over_what_it_was_told(septum, tmp_path, calls_of_train):
    answer = septum(
        "train", "production/cine", "--data", tmp_path, "--run", tmp_path / "run", "--time-budget", "50m"
    )
    assert (answer.code, answer.out) == (0, "time budget used up.\n")
    assert calls_of_train == [
        (find_recipe("production/cine"), tmp_path, tmp_path / "run", 3000.0, "cpu", None)
    ]
    assert find_recipe("production/cine").name == "cine.toml"


def test_train_finds_data_and_run_folder_by_itself(septum, tmp_path, monkeypatch, calls_of_train):
    monkeypatch.setenv("SEPTUM_DATA", str(tmp_path))
    assert septum("train", "production/cine").code == 0
    (tmp_path / "mine.toml").touch()
    assert septum("train", tmp_path / "mine.toml", "--data", "given").code == 0
    folders = [arguments[1:3] for arguments in calls_of_train]
    assert folders == [(tmp_path, Path("runs/cine")), (Path("given"), Path("runs/mine"))]
    monkeypatch.delenv("SEPTUM_DATA")
    answer = septum("train", "production/cine")
    assert answer.code == 2
    assert "--data" in answer.err
