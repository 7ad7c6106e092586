"""What a run says while it goes on, and where it says it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys

import pytest

from septum.cli import progress
from septum.core import InputError
from septum.workflows import case_steps
from septum.workflows.events import Failure, FrameDone, Planned


@pytest.fixture
def interrupt_at(monkeypatch):
    """``interrupt_at("c.nii.gz")``: the user interrupts when this file is read."""
    original = case_steps.read_study

    def set_up(name):
        def read(path, **settings):
            if path.name == name:
                raise KeyboardInterrupt
            return original(path, **settings)

        monkeypatch.setattr(case_steps, "read_study", read)

    return set_up


def test_lines_stand_as_cases_are_done_and_an_interrupt_counts(
    septum, bundle, write_study, tmp_path, interrupt_at
):
    for i, name in enumerate("acde"):
        write_study(tmp_path / f"data/{name}.nii.gz", seed=i)
    (tmp_path / "data/b.nii.gz").write_text("no image")
    interrupt_at("d.nii.gz")
    answer = septum(
        "segment", tmp_path / "gone.nii", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle
    )
    assert answer.code == 130
    assert [line.split("  ")[0] for line in answer.out.splitlines()] == [
        str(tmp_path / f"out/{name}_seg.nii.gz") for name in "ac"
    ]
    counts, last = [line for line in answer.err.splitlines() if line][-2:]
    assert counts == "septum: 2 of 6 done, 2 failed, 2 left."
    assert last == "septum: interrupted; run the same command again to go on."


def test_what_is_given_for_one_study_and_taken_for_all_is_said(septum, bundle, write_study, tmp_path):
    sources = [write_study(tmp_path / f"{name}.nii.gz", seed=i) for i, name in enumerate("ab")]
    command = ("-o", tmp_path / "out", "--model", bundle, "--height", 1.8, "--ed", 0)
    assert "taken for each" not in septum("segment", sources[0], *command).err
    assert (
        "septum: end-diastole, height: taken for each of the 2 studies;"
        in septum("segment", *sources, *command).err
    )


def test_a_cine_of_an_atrium_has_its_largest_volume(septum, write_study, tmp_path):
    cine = write_study(tmp_path / "a.nii.gz", frames=2)
    answer = septum("segment", cine, "-o", tmp_path, "--model", "la")
    largest = max(json.loads((tmp_path / "a_seg.json").read_text())["indices"]["volumes_ml"]["LA"])
    assert f"  2 frames: LA {largest:.1f} ml at its largest  " in answer.out


def test_what_failed_before_the_first_case_is_no_case(septum, bundle, write_study, tmp_path, interrupt_at):
    (tmp_path / "empty").mkdir()
    source = write_study(tmp_path / "a.nii.gz")
    interrupt_at("a.nii.gz")
    answer = septum("segment", tmp_path / "empty", source, "-o", tmp_path / "out", "--model", bundle)
    assert answer.code == 130
    assert "septum: 0 of 1 done, 0 failed, 1 left." in answer.err.splitlines()


def test_machines_get_no_lines(septum, bundle, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz")
    answer = septum("segment", source, "-o", tmp_path / "out", "--model", bundle, "--json")
    assert answer.out.startswith("{")


def test_the_bar_on_a_terminal_does_not_catch_the_results(bundle, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz")
    command = [sys.executable, "-m", "septum", "segment", source, "-o", tmp_path / "out", "--model", bundle]
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        command, env=environment, stderr=terminal, stdout=subprocess.PIPE, text=True, check=True
    )
    os.close(terminal)
    drawn = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while part := os.read(controller, 65536):
            drawn += part
    os.close(controller)
    result, summary = done.stdout.splitlines()
    assert result.startswith(f"{tmp_path / 'out/a_seg.nii.gz'}  RV ")
    assert summary == "1 segmented. Numbers are in the .json beside each mask. For research use only."
    assert b"a_seg.nii.gz" not in drawn


def test_the_bar_counts_a_case_whose_result_is_still_being_written(monkeypatch, tmp_path):
    shown = []

    class Counted(progress.NoBar):
        def update(self, **fields):
            shown.append(fields.get("completed"))

    monkeypatch.setattr(progress, "NoBar", Counted)
    narrator = progress.Narrator()
    failed = Failure(tmp_path / "a.nii", InputError("a.nii is bad"))
    for event in (Planned(3), FrameDone("a", 4, 4), FrameDone("b", 1, 4), failed, FrameDone("b", 2, 4)):
        narrator(event)
    assert shown == [0, 1.0, 1.25, 1, 1.5]


def test_info_on_what_is_not_there(septum, tmp_path):
    answer = septum("info", tmp_path / "nothere")
    assert answer.code == 3
    (line,) = answer.err.splitlines()
    assert line.startswith(
        f"septum: error: {tmp_path / 'nothere'} does not exist: expected a shipped model ("
    )


def test_info_on_a_folder_without_a_description(septum, bundle):
    (bundle / "model.json").unlink()
    answer = septum("info", bundle)
    assert answer.code == 5
    assert str(bundle) in answer.err
    assert "model.json" in answer.err


def test_a_process_that_ends_while_networks_are_compiled_keeps_its_exit_code(tmp_path):
    (tmp_path / "a.nii.gz").write_text("no image")
    command = [sys.executable, "-m", "septum", "segment", tmp_path / "a.nii.gz", "-o", tmp_path / "out"]
    ended = [subprocess.run(command, capture_output=True, check=False) for _ in range(6)]
    assert [one.returncode for one in ended] == [3] * 6
