"""The benchmark's peer: how nnU-Net is called, and what a command is said to cost."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from footprint import Cost, cost_of, disk_bytes, proportional_bytes, session_of
from peers import nnunet, nnunet_untrained

watches = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="commands are watched on Linux only")

#: When the runs here start, in seconds of the clock that also dates files.
STARTED = 1_700_000_000

#: Stands in for nnUNetv2_predict: one mask per image, but for as many as MISSING, written 10 s apart.
PREDICT = f"""#!/bin/sh
mkdir -p "$4"
written={STARTED}
for image in $(ls "$2" | tail -n +$((1 + ${{MISSING:-0}}))); do
  written=$((written + 10))
  cp "$2/$image" "$4/${{image%_0000.nii.gz}}.nii.gz"
  touch -d "@$written" "$4/${{image%_0000.nii.gz}}.nii.gz"
done
"""


@pytest.fixture
def peer(tmp_path):
    program = tmp_path / "environment" / "bin" / "nnUNetv2_predict"
    program.parent.mkdir(parents=True)
    program.write_text(PREDICT, encoding="utf-8")
    program.chmod(0o755)
    return nnunet.Peer(tmp_path / "environment", tmp_path / "work")


@pytest.fixture
def volumes(tmp_path):
    files = [tmp_path / f"{name}.nii.gz" for name in ("b", "a", "c")]
    for file in files:
        file.write_bytes(b"volume")
    return files


@pytest.mark.parametrize(
    ("mode", "own"), [("2d", ["-c", "2d", "--disable_tta"]), ("3d", ["-c", "3d_fullres"])]
)
def test_nnunet_is_called_with_its_own_defaults(mode, own):
    command = nnunet.command(nnunet.Peer(Path("/venv")), nnunet.MODES[mode], Path("/in"), Path("/out"))
    assert command[0] == "/venv/bin/nnUNetv2_predict"
    common = ["-i", "/in", "-o", "/out", "-d", "27", "-f", "0", "-device", "cpu"]
    assert sorted(command[1:]) == sorted(common + own)


def test_nnunet_chooses_its_threads_whatever_the_shell_says():
    shell = {"PATH": "/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": "src", "nnUNet_def_n_proc": "1"}
    assert nnunet.environment(nnunet.Peer(work=Path("/bench")), shell) == {
        "PATH": "/bin",
        "nnUNet_raw": "/bench/raw",
        "nnUNet_preprocessed": "/bench/preprocessed",
        "nnUNet_results": "/bench/results",
    }


@watches
def test_a_run_tells_when_each_mask_was_written(peer, volumes, monkeypatch):
    monkeypatch.setattr(nnunet, "time", SimpleNamespace(time=lambda: STARTED))
    assert nnunet.segment(peer, nnunet.MODES["2d"], volumes).masks_s == (10, 20, 30)


@watches
def test_a_missing_mask_is_an_error(peer, volumes, monkeypatch):
    monkeypatch.setenv("MISSING", "1")
    with pytest.raises(RuntimeError, match="2 masks of 3 volumes"):
        nnunet.segment(peer, nnunet.MODES["3d"], volumes)


def test_the_warm_time_leaves_out_start_and_first_volume():
    cost = Cost(wall_s=30.0, cpu_s=50.0, peak_bytes=1, looks=1, looking_s=0.0)
    assert nnunet.warm_s(nnunet.Run(cost, (20.0, 23.0, 25.0))) == 2.5
    with pytest.raises(ValueError, match="two volumes"):
        nnunet.warm_s(nnunet.Run(cost, (20.0,)))


def test_the_environment_is_built_with_the_version_that_is_named():
    script = Path(nnunet.__file__).with_name("make_nnunet.sh").read_text(encoding="utf-8")
    assert f"nnunetv2=={nnunet.VERSION}\n" in script


def test_a_work_folder_is_of_one_making(tmp_path):
    work = tmp_path / "work"
    nnunet_untrained.claim(work, {"seed": 0})
    nnunet_untrained.claim(work, {"seed": 0})
    with pytest.raises(SystemExit, match="give another --work"):
        nnunet_untrained.claim(work, {"seed": 1})


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="expected an empty folder"):
        nnunet_untrained.claim(tmp_path, {"seed": 0})
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@watches
def test_memory_is_that_of_all_processes_of_a_command(tmp_path):
    hold = f"import time; held = b'x' * {64 * 2**20}; time.sleep(1)"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    cost = cost_of([sys.executable, "-c", start], tmp_path / "output.txt")
    assert 64 * 2**20 < cost.peak_bytes < 256 * 2**20
    assert cost.wall_s >= 1


@watches
def test_a_command_that_nobody_watches_is_timed_alone(tmp_path):
    cost = cost_of(["true"], tmp_path / "output.txt", memory=False)
    assert (cost.peak_bytes, cost.looks) == (0, 0)
    assert cost.wall_s > 0


@watches
def test_a_command_that_fails_is_an_error_with_its_last_words(tmp_path):
    with pytest.raises(RuntimeError, match=r"status 3:\nno such heart"):
        cost_of(["sh", "-c", "echo no such heart >&2; exit 3"], tmp_path / "output.txt")


def test_the_session_is_found_behind_any_name():
    assert session_of("17 (a) b 9 (c)) S 1 16 15 0 -1") == 15


def test_the_proportional_set_size_is_in_bytes():
    assert proportional_bytes("0-1 ---p [rollup]\nRss: 90 kB\nPss:    12 kB\nPss_Anon:  7 kB\n") == 12288
    assert proportional_bytes("") == 0


def test_room_on_disk_counts_a_file_once(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"x" * 100_000)
    once = disk_bytes(folder)
    (tmp_path / "elsewhere").write_bytes(b"x" * 100_000)
    os.link(folder / "file", folder / "hard")
    (folder / "soft").symlink_to(tmp_path / "elsewhere")
    assert 100_000 <= once <= disk_bytes(folder) < 200_000
