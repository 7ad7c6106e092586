"""What a training shows while it goes on, and that showing it changes nothing."""

import json
import logging
import sys
import types
from xml.etree import ElementTree as ET

import pytest

from septum.training import partition
from septum.training.history import Events, epochs_between, is_due, line_of, write_history
from septum.training.learning_curve import learning_curve
from septum.training.loop import Deadline
from septum.training.two_stage import TwoStageRun
from support.miniature_training import assert_same, history_of, recipe_of, run_of

SVG = "{http://www.w3.org/2000/svg}"


def epochs(*seconds, scored=None):
    history = [{"epoch": float(i), "seconds": s} for i, s in enumerate(seconds, start=1)]
    for epoch, scoring in (scored or {}).items():
        history[epoch - 1]["scoring_seconds"] = scoring
    return history


@pytest.mark.parametrize(
    ("scoring", "every"), [(0.5, 1), (5.0, 1), (5.1, 2), (50.0, 10)], ids=["cheap", "5 %", "more", "half"]
)
def test_scoring_takes_a_twentieth_of_the_time_at_most(scoring, every):
    history = epochs(100 + scoring, 100, 100, scored={1: scoring})
    assert epochs_between(history) == every
    assert is_due(history, 1 + every, 999)
    assert not is_due(history, every, 999)


def test_first_and_last_epoch_are_scored_whatever_it_takes():
    assert is_due([], 1, 9)
    history = epochs(200, scored={1: 199.0})
    assert not is_due(history, 8, 9)
    assert is_due(history, 9, 9)


def test_each_network_shows_dice_by_structure_on_cases_that_it_has_not_seen_where_there_are_any(
    uninterrupted,
):
    _, folder = uninterrupted
    fold = history_of(folder / "localiser" / "fold0")
    assert 0 <= fold[0]["validation_dice_foreground"] <= 1
    # Nobody is left out of these: the cases that they are shown on are those that they learn from.
    assert "training_dice_foreground" in history_of(folder / "localiser" / "final")[-1]
    last = history_of(folder / "segmenter")[-1]
    assert {name for name in last if "dice" in name} == {f"training_dice_{s}" for s in ("RV", "MYO", "LV")}


def test_patients_of_a_fold_are_not_learnt_from_and_show_how_it_goes(data, tmp_path, monkeypatch):
    monkeypatch.setattr(partition, "MONITORED", 1)
    recipe = recipe_of(segmenter_epochs=2).model_copy(update={"fold": 1})
    run = run_of(recipe, data, tmp_path / "monitored")
    trained = run.run(Deadline())
    (monitored,) = {case.patient for case in run.partition.monitoring}
    assert monitored == "patient002"
    assert monitored not in {case.patient for case in run.partition.training}
    history = history_of(tmp_path / "monitored" / "segmenter")
    assert [name for name in history[0] if "dice" in name] == [
        f"validation_dice_{s}" for s in ("RV", "MYO", "LV")
    ]
    regions = json.loads((tmp_path / "monitored" / "validation-regions.json").read_text(encoding="utf-8"))
    assert len(regions["regions"]) == 1, "only of a case that is scored"
    monkeypatch.setattr(TwoStageRun, "_scoring", lambda *_: None)
    plain = run_of(recipe, data, tmp_path / "plain")
    assert_same(plain.run(Deadline()), trained)
    assert plain.parts.identities == run.parts.identities


def test_log_names_each_structure_and_the_time_left(data, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        run_of(recipe_of(), data, tmp_path).run(Deadline())
    (first,) = (m for m in caplog.messages if m.startswith("segmenter epoch 1/3"))
    words = first.partition(" training dice ")[2].split()
    assert words[0:6:2] == ["RV", "MYO", "LV"]
    assert first.endswith("min left")


def test_line_tells_time_left_from_the_pace():
    history = [
        {"epoch": float(i), "loss": 1.0, "learning_rate": 0.1, "seconds": s}
        for i, s in enumerate((600, 60, 60), start=1)
    ]
    assert line_of(history, 10).endswith("60.0 s, 0 h 07 min left")


def test_learning_curve_is_a_picture_with_a_line_for_loss_and_each_structure(uninterrupted):
    text = (uninterrupted[1] / "segmenter" / "learning_curve.svg").read_text(encoding="utf-8")
    picture = ET.fromstring(text)  # noqa: S314  # our own file
    assert picture.tag == f"{SVG}svg"
    assert len(picture.findall(f".//{SVG}polyline")) == 4
    words = " ".join(node.text or "" for node in picture.iter(f"{SVG}text"))
    assert all(name in words for name in ("segmenter", "loss", "RV", "MYO", "LV", "epoch", "training dice"))


def test_learning_curve_of_one_epoch_without_scores_and_of_a_name_with_markup():
    assert "&lt;" in learning_curve("a < b", [{"epoch": 1, "loss": 2.0}])
    assert "nan" not in learning_curve("a", [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": float("nan")}])


def test_events_are_written_where_tensorboard_is_and_go_on_after_an_interruption(data, tmp_path, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder, purge_step):
            written.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, float(value), step))

        def flush(self):
            pass

        def close(self):
            written.append("closed")

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    run_of(recipe_of(), data, tmp_path).run(Deadline())
    folder = str(tmp_path / "segmenter" / "tensorboard")
    own = written[written.index((folder, 1)) :]
    names = [entry[0] for entry in own if len(entry) == 3]
    assert names.count("loss") == 3
    assert "training_dice_LV" in names
    assert own[-1] == "closed"


class Broken:
    """A writer that a full disk makes fail in one of its methods."""

    def __init__(self, calls, failing):
        self.calls, self.failing = calls, failing

    def _called(self, name):
        self.calls.append(name)
        if name == self.failing:
            raise OSError(28, "No space left on device")

    def add_scalar(self, *_):
        self._called("add_scalar")

    def flush(self):
        self._called("flush")

    def close(self):
        self._called("close")


@pytest.mark.parametrize(
    ("failing", "calls"),
    [
        ("SummaryWriter", []),
        ("add_scalar", ["add_scalar"]),
        ("flush", ["add_scalar", "flush"]),
        ("close", ["add_scalar", "flush", "add_scalar", "flush", "close"]),
    ],
)
def test_broken_tensorboard_is_logged_once_and_ends_no_training(
    tmp_path, monkeypatch, caplog, failing, calls
):
    made = []

    def writer(*_, **__):
        if failing == "SummaryWriter":
            raise OSError(28, "No space left on device")
        return Broken(made, failing)

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    events = Events(tmp_path)
    for epoch in (1, 2):
        events.add({"epoch": epoch, "loss": 1.0})
    events.close()
    assert made == calls
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_tensorboard_that_cannot_be_imported_is_logged_once_and_ends_no_training(
    tmp_path, monkeypatch, caplog
):
    def import_module(_name):
        raise TypeError("Descriptors cannot be created directly.")

    monkeypatch.setattr("septum.training.history.importlib.import_module", import_module)
    events = Events(tmp_path)
    for epoch in (1, 2):
        events.add({"epoch": epoch, "loss": 1.0})
    events.close()
    assert len(caplog.records) == 1


def test_score_that_is_no_number_is_null_in_the_history(tmp_path):
    write_history(tmp_path, "segmenter", [{"epoch": 1, "loss": 2.0, "validation_dice_LV": float("nan")}])
    (line,) = history_of(tmp_path)
    assert line == {"epoch": 1, "loss": 2.0, "validation_dice_LV": None}


def test_training_without_tensorboard_writes_no_events(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run_of(recipe_of(epochs=1, segmenter_epochs=1), data, tmp_path).run(Deadline())
    assert not list(tmp_path.rglob("tensorboard"))
