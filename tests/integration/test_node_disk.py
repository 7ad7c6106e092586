"""A node whose disk fills: images are refused and come again, results wait, and nothing is half written."""

from __future__ import annotations

import shutil
import subprocess

import pydicom
import pytest

pytest.importorskip("pynetdicom", reason="needs septum[node]")

from support.node_parts import node_of, peer_at, send, settings_of, wait_for
from support.node_studies import cine

RESULTS = ["OT", "SEG", "SEG", "SEG", "SR"]


@pytest.fixture
def peer(tmp_path):
    with peer_at(tmp_path / "pacs") as made:
        yield made


def states(node) -> list[str]:
    return [job.state.value for job in node.store.jobs()]


def wait_for_states(node, *wanted: str) -> None:
    wait_for(lambda: states(node) == list(wanted), f"{wanted}")


def test_a_full_disk_takes_nothing_in_until_there_is_room(tmp_path, peer, monkeypatch):
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        monkeypatch.setattr(type(node.inbox), "is_full", lambda _: True)
        assert send(node.listener.port, cine()) == []
        assert "disk" in node.health()
        monkeypatch.undo()
        assert set(send(node.listener.port, cine())) == {0}
        wait_for_states(node, "sent")


def test_an_image_that_does_not_fit_is_refused_as_out_of_resources_and_can_come_again(
    tmp_path, peer, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        monkeypatch.setattr("septum.node.inbox._start_of_dataset", full)
        assert set(send(node.listener.port, cine()[:2])) == {0xA700}
        monkeypatch.undo()
        assert not list((tmp_path / "node" / "inbox").rglob("*.dcm"))
        send(node.listener.port, cine())
        wait_for_states(node, "sent")


@pytest.fixture
def small_disk(tmp_path):
    """A folder of a node on a disk of 16 MB."""
    folder = tmp_path / "node"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder, room_bytes: int):
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(folder).free - room_bytes))
    return ballast


@pytest.mark.parametrize("room_bytes", [5_000, 150_000])
def test_a_disk_that_fills_amid_a_study_refuses_the_rest_and_keeps_nothing_half_written(
    small_disk, tmp_path, peer, room_bytes, caplog
):
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        ballast = fill(small_disk, room_bytes)
        statuses = send(node.listener.port, cine())
        taken = statuses.count(0)
        assert statuses == [*taken * [0], *(30 - taken) * [0xA700]]
        assert (taken > 0) is (room_bytes > 100_000)
        assert len(node.store.instances("1.2.3.1")) == taken
        assert list((small_disk / "incoming").iterdir()) == []
        for path in (small_disk / "inbox").rglob("*"):
            assert path.is_dir() or pydicom.dcmread(path).pixel_array.shape == (68, 72)
        ballast.unlink()
        assert set(send(node.listener.port, cine())) == {0}
        wait_for(lambda: states(node)[-1] == "sent")  # what fitted may have been a version of its own
    assert set(peer.modalities()) == set(RESULTS)
    assert "Traceback" not in caplog.text


def test_results_that_do_not_fit_on_the_disk_are_made_when_there_is_room(small_disk, tmp_path, peer, caplog):
    limits = {"least_free_gb": 0.0, "first_pause_s": 0.05, "longest_pause_s": 0.1, "attempts": 1}
    settings = settings_of(tmp_path, send=[peer.destination], limits=limits, policy={"send": ["page"]})
    with node_of(settings) as node:
        assert set(send(node.listener.port, cine())) == {0}
        ballast = fill(small_disk, 500_000)  # too little for a page
        wait_for(lambda: len(node.store.history(1)) > 5, "attempts")
        assert {state.value for _, state, _ in node.store.history(1)} == {"received", "queued", "running"}
        assert "No space left" in node.store.history(1)[-1][2] + node.store.history(1)[-2][2]
        ballast.unlink()
        wait_for_states(node, "sent")
    assert peer.modalities() == ["OT"]
    assert "Traceback" not in caplog.text
