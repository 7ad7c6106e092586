"""The plan of a study: where units stand by their files, what a run takes, and how that is told."""

import json

import pytest

from septum.core import RecipeError
from septum_study import commands, estimate, plan
from septum_study.bench import recipe_of, split_sha256
from septum_study.estimate import Rate, TimeEstimate
from septum_study.ledger import Unit, claim, entry_path, publish
from septum_study.plan import State, standings, to_run
from septum_study.plan_report import LETTER, duration, plan_document, plan_text
from septum_study.results import results_path
from support.study_plan import entry_of, standing_of, study_of
from support.study_results import result

ROWS = ("acdc-unet3d", "acdc-mask-rcnn", "acdc-dr-unet")
MISSING = "Mask R-CNN needs torchvision, which is not installed; install it."


@pytest.fixture
def study(monkeypatch):
    """Three rows in two folds; Mask R-CNN cannot run."""
    monkeypatch.setattr(plan, "unavailable", lambda recipe: MISSING if recipe.method == "mask_rcnn" else None)
    return study_of(*ROWS)


def enter(study, folder, row, fold, trained=None, *, recipe_sha256=None):
    """Write an entry with its results, as a run of today's recipe would."""
    sha256 = recipe_of(study, row).sha256 if recipe_sha256 is None else recipe_sha256
    trained = {"segmenter": (50, "patience")} if trained is None else trained
    split = split_sha256(study, study.row(row).dataset)
    entry = entry_of(row, trained, fold, recipe_sha256=sha256, split_sha256=split)
    return publish(folder, entry, [result(row, fold, "patient001", "ED", "LV", 0.9)])


def states(study, folder):
    return {str(standing.unit): standing.state for standing in standings(study, folder)}


def test_without_a_ledger_all_units_are_left_but_those_that_cannot_run(study, tmp_path):
    found = standings(study, tmp_path / "nothing")
    assert [str(s.unit) for s in found] == [f"{row}:{fold}" for fold in (0, 1) for row in ROWS]
    assert [s.state for s in found] == 2 * [State.LEFT, State.UNAVAILABLE, State.LEFT]
    assert [s.remark for s in found] == 2 * ["", MISSING, ""]


def test_an_entry_of_todays_recipe_is_done_and_one_of_another_is_stale(study, tmp_path):
    entry = enter(study, tmp_path, "acdc-unet3d", 0)
    enter(study, tmp_path, "acdc-dr-unet", 1, recipe_sha256="of an older recipe")
    found = {str(s.unit): s for s in standings(study, tmp_path)}
    assert (found["acdc-unet3d:0"].state, found["acdc-unet3d:0"].entry) == (State.DONE, entry)
    assert found["acdc-unet3d:1"].state == State.LEFT
    assert found["acdc-dr-unet:1"].state == State.STALE


def test_training_that_a_cap_ended_is_preliminary(study, tmp_path):
    enter(study, tmp_path, "acdc-unet3d", 0, {"localiser/final": (300, "epochs"), "segmenter": (5, "capped")})
    assert states(study, tmp_path)["acdc-unet3d:0"] == State.PRELIMINARY


def test_results_of_a_method_that_cannot_run_here_stay_done_until_its_recipe_changes(study, tmp_path):
    enter(study, tmp_path, "acdc-mask-rcnn", 0)
    enter(study, tmp_path, "acdc-mask-rcnn", 1, recipe_sha256="of an older recipe")
    found = states(study, tmp_path)
    assert (found["acdc-mask-rcnn:0"], found["acdc-mask-rcnn:1"]) == (State.DONE, State.UNAVAILABLE)


@pytest.mark.parametrize("harm", ["changed", "removed", "no JSON"])
def test_an_entry_that_does_not_vouch_for_its_results_is_damaged(study, tmp_path, harm):
    enter(study, tmp_path, "acdc-unet3d", 0)
    results, entry = results_path(tmp_path, "acdc-unet3d", 0), entry_path(tmp_path, Unit("acdc-unet3d", 0))
    if harm == "changed":
        results.write_text(results.read_text().replace("0.9", "0.99"))
    elif harm == "removed":
        results.unlink()
    else:
        entry.write_text("{")
    damaged = standings(study, tmp_path)[0]
    assert (damaged.state, damaged.entry) == (State.DAMAGED, None)
    assert str(entry if harm == "no JSON" else results) in damaged.remark


def test_a_claimed_unit_is_running_until_it_is_let_go(study, tmp_path):
    unit = Unit("acdc-unet3d", 0)
    with claim(tmp_path, unit) as free:
        assert free
        assert states(study, tmp_path)[str(unit)] == State.RUNNING
    assert states(study, tmp_path)[str(unit)] == State.LEFT


def test_a_run_takes_what_lacks_results_in_order_and_then_what_was_cut_short():
    capped = {"segmenter": (5, "capped")}
    found = [
        standing_of("a", 0, State.PRELIMINARY, entry_of("a", capped)),
        standing_of("b", 0, State.STALE, entry_of("b", {})),
        standing_of("c", 0, State.DONE, entry_of("c", {})),
        standing_of("d", 0, State.RUNNING),
        standing_of("e", 0, State.DAMAGED),
        standing_of("f", 0, State.UNAVAILABLE),
        standing_of("g", 0, State.LEFT),
    ]
    assert [unit.row for unit in to_run(found, {})] == ["b", "e", "g", "a"]


@pytest.mark.parametrize(
    ("caps", "taken"),
    [
        ({}, True),
        ({"localiser": 5, "segmenter": 5}, False),
        ({"localiser": 5, "segmenter": 4}, False),
        ({"localiser": 5, "segmenter": 6}, True),
        ({"localiser": 6, "segmenter": 5}, False),
        ({"localiser": 5}, True),
    ],
    ids=["none", "same", "lower", "higher", "of a finished part", "of another part alone"],
)
def test_a_preliminary_unit_is_run_again_only_if_the_caps_allow_more_than_before(caps, taken):
    trained = {"localiser/final": (4, "patience"), "segmenter": (5, "capped")}
    found = [standing_of("a", 0, State.PRELIMINARY, entry_of("a", trained))]
    assert bool(to_run(found, caps)) == taken


@pytest.fixture
def mixed(study, tmp_path):
    """Done, unavailable and stale in fold 0; preliminary, unavailable and damaged in fold 1."""
    enter(study, tmp_path, "acdc-unet3d", 0)
    enter(study, tmp_path, "acdc-dr-unet", 0, recipe_sha256="of an older recipe")
    enter(study, tmp_path, "acdc-unet3d", 1, {"segmenter": (5, "capped")})
    enter(study, tmp_path, "acdc-dr-unet", 1)
    results_path(tmp_path, "acdc-dr-unet", 1).unlink()
    return standings(study, tmp_path)


def estimated(**minutes):
    units = {
        Unit("acdc-" + row.replace("_", "-"), fold): m
        for row, ms in minutes.items()
        for fold, m in ms.items()
    }
    return TimeEstimate(Rate(2e12, "some GPU", "measured"), units)


def test_the_document_says_where_every_unit_stands(study, mixed, tmp_path):
    document = json.loads(json.dumps(plan_document(study, mixed, tmp_path), allow_nan=False))
    assert [unit["state"] for unit in document["units"]] == [
        "done", "unavailable", "stale", "preliminary", "unavailable", "damaged",
    ]  # fmt: skip
    assert document["states"] == {
        "done": 1, "preliminary": 1, "stale": 1, "damaged": 1, "running": 0, "left": 0, "unavailable": 2,
    }  # fmt: skip
    assert (document["next"], document["device"]) == ("acdc-dr-unet:0", None)
    first, second = document["units"][:2]
    assert (first["unit"], first["row"], first["fold"], first["dataset"]) == (
        "acdc-unet3d:0",
        "acdc-unet3d",
        0,
        "acdc",
    )
    assert first["entry"]["parts"] == [
        {"name": "segmenter", "epochs": 50, "best_epoch": 50, "validation": 0.9, "stopped": "patience"}
    ]
    assert (second["remark"], second["entry"], second["minutes_at_most"]) == (MISSING, None, None)


def test_the_document_has_the_estimate_by_unit_and_in_total(study, mixed, tmp_path):
    left = estimated(unet3d={1: 30.0}, dr_unet={0: 90.5, 1: 60.0})
    document = plan_document(study, mixed, tmp_path, left)
    assert document["device"] == {
        "name": "some GPU", "flop_per_second": 2e12, "source": "measured", "minutes_at_most": 180.5,
    }  # fmt: skip
    assert [unit["minutes_at_most"] for unit in document["units"]] == [None, None, 90.5, 30.0, None, 60.0]


def test_the_text_has_a_line_a_row_and_a_letter_a_fold(study, mixed, tmp_path):
    left = estimated(unet3d={1: 30.0}, dr_unet={0: 90.5, 1: 60.0})
    lines = plan_text(plan_document(study, mixed, tmp_path, left)).splitlines()
    table = [" ".join(line.split()) for line in lines[3:7]]
    assert table == [
        "row data 01 at most label",
        "acdc-unet3d acdc DP 30 min Acdc-Unet3D",
        "acdc-mask-rcnn acdc -- Acdc-Mask-Rcnn",
        "acdc-dr-unet acdc SX 2 h 30 min Acdc-Dr-Unet",
    ]
    assert (
        len(
            {
                line.index(label)
                for line, label in zip(lines[4:7], ("Acdc-U", "Acdc-M", "Acdc-D"), strict=True)
            }
        )
        == 1
    )
    assert "left: at most 3 h 00 min on some GPU (2,000 GFLOP/s, measured);" in lines
    assert "next: acdc-dr-unet:0" in lines


def test_the_text_explains_letters_that_occur_and_gives_each_reason_once(study, mixed, tmp_path):
    text = plan_text(plan_document(study, mixed, tmp_path))
    legend = {line.split()[0]: line.split()[1:3] for line in text.split("\n\n")[2].splitlines()}
    assert legend == {
        "D": ["1", "done"], "P": ["1", "preliminary"], "S": ["1", "stale"], "X": ["1", "damaged"],
        "-": ["2", "unavailable"],
    }  # fmt: skip
    assert text.count(MISSING) == 1
    assert f"acdc-mask-rcnn:0,1  {MISSING}" in text.splitlines()
    assert "acdc-dr-unet:1  " in text
    assert "at most" not in text, "there is no estimate"


def test_folds_stand_in_their_order_whatever_the_order_of_execution(tmp_path):
    study = study_of("acdc-unet3d", "acdc-dr-unet", order="rows")
    found = [
        standing_of("acdc-unet3d", 1, State.LEFT),
        standing_of("acdc-unet3d", 0, State.DONE, entry_of("acdc-unet3d", {})),
    ]
    assert " D. " in plan_text(plan_document(study, found, tmp_path))


def test_when_all_is_done_nothing_is_next_and_no_time_is_left(tmp_path):
    study = study_of("acdc-unet3d", folds=1)
    found = [standing_of("acdc-unet3d", 0, State.DONE, entry_of("acdc-unet3d", {}))]
    document = plan_document(study, found, tmp_path, estimated())
    assert document["next"] is None
    text = plan_text(document)
    assert "nothing is left to run" in text
    assert "left: " not in text


def test_every_state_has_a_letter_of_its_own():
    assert set(LETTER) == set(State)
    assert len(set(LETTER.values())) == len(State)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0.0, "< 1 min"), (0.99, "< 1 min"), (1.4, "1 min"), (59.4, "59 min"), (59.6, "1 h 00 min"),
        (200.0, "3 h 20 min"), (2879.0, "47 h 59 min"), (2880.0, "2 d 0 h"), (4359.0, "3 d 1 h"),
    ],
)  # fmt: skip
def test_durations_in_words(minutes, words):
    assert duration(minutes) == words


TOML = """
name = "tiny"
title = "A tiny study"
split = "published"
folds = 1
order = "folds"
presentation = ["atrium"]
tables.2.title = "Atrium"

[[rows]]
key = "atrium"
recipe = "paper/lasc-unet3d"
label = "3D U-Net"
dataset = "lasc"
filters = 8
tables = ["2"]
origin = "added"
"""


@pytest.fixture
def declared(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(TOML, encoding="utf-8")
    return str(file)


def test_a_study_of_ones_own_is_planned_without_its_data(declared, tmp_path, monkeypatch):
    monkeypatch.setattr(estimate, "measured_rate", lambda _: Rate(1e12, "some CPU", "measured"))
    document = commands.plan(declared, tmp_path / "results", "cpu", estimate=True)
    (unit,) = document["units"]
    # 0.11707 TFLOP a sample: 300 epochs of 3 x 52 + 13 of them, then 16 test cases with 1.5 s of their own.
    assert unit["minutes_at_most"] == pytest.approx((0.11707 * (300 * 169 + 16) + 24) / 60, rel=1e-4)
    assert document["next"] == "atrium:0"
    assert "atrium  lasc  .  1 h 39 min" in commands.plan_text(document)
    assert not (tmp_path / "results").exists(), "a plan writes nothing"


def test_without_an_estimate_nothing_is_counted_or_measured(declared, tmp_path, monkeypatch):
    def fail(*_):
        raise AssertionError("not asked for")

    monkeypatch.setattr(estimate, "measured_rate", fail)
    monkeypatch.setattr(estimate, "cost_of", fail)
    document = commands.plan(declared, tmp_path, None, estimate=False)
    assert (document["device"], document["units"][0]["minutes_at_most"]) == (None, None)


def test_an_estimate_for_a_device_that_is_not_there_is_refused(declared, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RecipeError, match="cuda"):
        commands.plan(declared, tmp_path, "cuda", estimate=True)
