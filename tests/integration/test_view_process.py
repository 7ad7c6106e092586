"""`septum view` as a process: its address, a kill in the middle, two at once, the end by Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.view_studies import write_result

OUT_OF_THE_SLICE = {"action": "slice", "frames": [0], "structures": None, "present": False}


class Viewer:
    """A running viewer, spoken to by plain HTTP."""

    def __init__(self, process, address):
        self.process, self.address = process, address
        parts = urlsplit(address)
        self.origin, self.port = f"http://{parts.netloc}", parts.port
        self.cookie = f"septum-{parts.port}={parts.query.removeprefix('token=')}"

    def ask(self, path, body=None, **headers):
        given = {"cookie": self.cookie, "origin": self.origin, "content-type": "application/json"} | headers
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, data, given)  # noqa: S310  # our own
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # the same
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


@contextmanager
def viewer(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "septum", "view", *map(str, arguments), "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    try:
        yield Viewer(process, process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path):
    write_result(tmp_path)
    return tmp_path


def test_a_viewer_that_is_killed_goes_on_with_every_stroke_that_was_answered(folder):
    with viewer(folder) as running:
        key = running.ask("/api/studies")[1]["studies"][0]["id"]
        for version, z in enumerate((8, 7)):
            status, told = running.ask(
                f"/api/studies/{key}/edits", {"base": version, "slices": [z], **OUT_OF_THE_SLICE}
            )
            assert (status, told["version"]) == (200, version + 1)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    with viewer(folder) as running:
        study = running.ask(f"/api/studies/{key}")[1]
        assert (study["version"], study["edits"], study["can_undo"]) == (2, 2, True)
        assert study["numbers"] == told["numbers"]
        slices = {z for t, z, _ in running.ask(f"/api/studies/{key}/mask")[1]["slices"] if t == 0}
        assert not slices & {7, 8}


def test_foreign_hosts_and_origins_are_refused_and_nothing_listens_elsewhere(folder):
    with viewer(folder) as running:
        assert running.ask("/api/studies")[0] == 200
        assert running.ask("/api/studies", host=f"evil.example:{running.port}")[0] == 403
        key = running.ask("/api/studies")[1]["studies"][0]["id"]
        revert = {"base": 0, "action": "revert", "changes": None}
        assert running.ask(f"/api/studies/{key}/edits", revert, origin="https://evil.example")[0] == 403
        assert running.ask("/api/studies", cookie="")[0] == 403
        listening = [
            line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
            if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == running.port
        ]  # fmt: skip
        assert listening == [f"0100007F:{running.port:04X}"]


def test_ctrl_c_ends_it_and_leaves_nothing_behind(folder):
    before = sorted(path.name for path in folder.iterdir())
    with viewer(folder) as running:
        assert running.ask("/api/studies")[0] == 200
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=30) == 0
        assert "Traceback" not in running.process.stderr.read()
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_second_viewer_of_one_folder_is_refused_and_one_of_another_takes_the_next_port(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_result(other)
    with viewer(folder) as first:
        again = subprocess.run(
            [sys.executable, "-m", "septum", "view", str(folder), "--no-browser"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert again.returncode == 4
        assert str(folder) in again.stderr
        assert "Traceback" not in again.stderr
        with viewer(other) as second:
            assert second.port != first.port
            assert second.ask("/api/studies")[0] == 200


def test_a_study_is_segmented_first_and_shown_when_it_is_there(folder, tmp_path):
    out = tmp_path / "new"
    with viewer(folder / "heart.nii.gz", "-o", out, "--reader", "Ada") as running:
        until = time.monotonic() + 240
        while not (told := running.ask("/api/studies")[1])["studies"]:
            assert told["progress"]["total"] in (0, 1)
            assert time.monotonic() < until
            time.sleep(0.5)
        assert told["reader"] == "Ada"
        study = running.ask(f"/api/studies/{told['studies'][0]['id']}")[1]
        assert study["image"]["available"]
    assert (out / "heart_seg.json").is_file()


def test_what_cannot_be_segmented_ends_the_viewer_with_its_sentence_and_exit_code(tmp_path):
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"no image")
    done = subprocess.run(
        [sys.executable, "-m", "septum", "view", str(bad), "-o", str(tmp_path / "out"), "--no-browser"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3
    assert "bad.nii.gz" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("RESULTS", "-o", "elsewhere"), ("missing",), ()])
def test_a_wrong_command_line_is_told(folder, arguments):
    done = subprocess.run(
        [sys.executable, "-m", "septum", "view", *(str(folder) if a == "RESULTS" else a for a in arguments)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
