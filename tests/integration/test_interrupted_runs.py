"""Runs that end before their time: nothing half-written, nothing left about, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from septum.core import files
from septum.core.locks import passing_lock
from septum.workflows import output_folder
from septum.workflows.output_paths import OutputPaths

if TYPE_CHECKING:
    from pathlib import Path

#: Begins to write a file, says so, and goes on when it is told to.
SLOW_WRITER = """
import sys
from pathlib import Path
from septum.core.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("whole")
    print("writing", flush=True)
    input()
"""


def start_writing(target: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SLOW_WRITER, str(target)]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_what_a_killed_run_left_is_removed_at_once_and_what_is_being_written_is_kept(
    septum, bundle, write_study, tmp_path, files_in
):
    out = tmp_path / "out"
    living, killed = start_writing(out / "b.txt"), start_writing(out / "a_seg.nii.gz")
    killed.kill()
    killed.communicate()
    assert len(list(out.glob(".septum-*"))) == 2
    assert septum("segment", write_study(tmp_path / "a.nii.gz"), "-o", out, "--model", bundle).code == 0
    assert len(list(out.glob(".septum-*"))) == 1
    living.communicate("go on")
    assert living.returncode == 0
    assert (out / "b.txt").read_text() == "whole"
    assert files_in(out) == ["a_seg.json", "a_seg.nii.gz", "b.txt"]


def test_meshes_that_a_killed_run_was_writing_are_removed_by_the_next(
    septum, bundle, write_study, tmp_path, files_in
):
    out, call = tmp_path / "out", ("segment", write_study(tmp_path / "a.nii.gz"), "-o", tmp_path / "out")
    septum(*call, "--model", bundle, "--mesh", "stl")
    killed = start_writing(out / "a_mesh/a_LV.stl")
    killed.kill()
    killed.communicate()
    assert septum(*call, "--model", bundle, "--overwrite").code == 0
    assert files_in(out) == ["a_seg.json", "a_seg.nii.gz"]
    assert not (out / "a_mesh").exists()


def test_an_old_leftover_is_removed_where_locks_do_not_tell(tmp_path, monkeypatch, files_in):
    monkeypatch.setattr(output_folder, "remove_abandoned", lambda _: False)
    old = tmp_path / ".septum-old"
    old.touch()
    (tmp_path / ".septum-young").touch()
    os.utime(old, (time.time() - 7200,) * 2)
    output_folder.remove_leftovers(tmp_path)
    assert files_in(tmp_path) == [".septum-young"]


def test_a_leftover_whose_name_another_run_uses_meanwhile_is_kept(tmp_path, monkeypatch):
    lock, flock = tmp_path / ".septum-case.lock", files.fcntl.flock
    lock.touch()

    def after_another_run(stream, how):
        lock.unlink()
        lock.write_text("another's")
        flock(stream, how)

    monkeypatch.setattr(files.fcntl, "flock", after_another_run)
    assert not files.remove_abandoned(lock)
    assert lock.read_text() == "another's"


def start_and_wait_for_the_first_result(command: list[object], first: Path) -> subprocess.Popen[str]:
    """A running command that has just finished its first case.

    Ctrl-C reaches it also where these tests run in the background of a shell that keeps Ctrl-C from them.
    """
    running = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 120
    while not first.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return running


@pytest.fixture
def long_run(bundle, write_study, tmp_path):
    """A command with eight cines to do, and its output folder."""
    for i in range(8):
        write_study(tmp_path / "data" / f"case{i}.nii.gz", frames=20, seed=i)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "septum", "segment", tmp_path / "data", "-o", out]
    return [*command, "--model", bundle, "--threads", "1"], out


def test_an_interrupted_run_says_so_in_one_line(long_run):
    command, out = long_run
    out.mkdir()
    # The last case cannot be written before the signal comes, however long this process is kept waiting.
    with passing_lock(OutputPaths(out, "case7", out / "case7_seg.nii.gz").lock, 1.0) as held:
        assert held
        running = start_and_wait_for_the_first_result(command, out / "case0_seg.nii.gz")
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=120)
    assert running.returncode == 130, told
    assert "Traceback" not in told
    assert told.splitlines()[-1] == "septum: interrupted; run the same command again to go on."
    assert not list(out.glob(".septum-*"))


def test_a_killed_run_is_continued(long_run):
    """A kill in the middle leaves whole files only; a rerun does what is left, and no more."""
    command, out = long_run
    running = start_and_wait_for_the_first_result(command, out / "case0_seg.nii.gz")
    running.kill()
    running.communicate()
    assert running.returncode == -signal.SIGKILL

    visible = [path for path in out.iterdir() if not path.name.startswith(".")]
    names = [path.name.removesuffix("_seg.nii.gz") for path in visible if path.suffix == ".gz"]
    finished = {f"{name}_seg.json": (out / f"{name}_seg.json").read_bytes() for name in names}
    assert 1 <= len(finished) < 8
    for path in visible:
        if path.suffix == ".gz":
            assert np.asarray(nib.load(path).dataobj).shape == (48, 44, 3, 20)

    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{len(finished)} already done" in again.stdout
    assert {name: (out / name).read_bytes() for name in finished} == finished
    assert len(list(out.glob("*_seg.json"))) == len(list(out.glob("*_seg.nii.gz"))) == 8
