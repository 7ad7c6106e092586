"""``septum node`` at the command line, its HTTP server, and STOW-RS into it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("pynetdicom", reason="needs septum[node]")

from septum.node.senders import StowSender
from septum.node.settings import StowDestination
from septum.node.states import Instance, Outgoing, State
from septum.node.store import Store
from support.dicom_study import SECRETS
from support.node_parts import PATIENCE_S, node_of, peer_at, send, settings_of, wait_for
from support.node_studies import cine

WEB = {"host": "127.0.0.1", "port": 0, "stow": True}


@pytest.fixture
def peer(tmp_path):
    with peer_at(tmp_path / "pacs") as made:
        yield made


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(
            method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def numbers(text: str) -> dict[str, float]:
    """Values by name and labels; every line of Prometheus' format is a comment or a value."""
    lines = [
        line for line in text.splitlines() if not re.fullmatch(r"# (HELP|TYPE) septum_node_\w+ .+", line)
    ]
    assert all(re.fullmatch(r'septum_node_\w+(\{(\w+="[^"]*",?)+\})? [-+.e\d]+', line) for line in lines), (
        lines
    )
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_health_and_metrics_tell_how_the_node_is(tmp_path, peer, monkeypatch):
    with node_of(settings_of(tmp_path, send=[peer.destination], web=WEB)) as node:
        send(node.listener.port, cine())
        wait_for(lambda: [job.state for job in node.store.jobs()] == [State.SENT])
        status, text = ask(node.web.port, "GET", "/healthz")
        assert (status, json.loads(text)) == (200, {"healthy": True, "wrong": {}})
        found = numbers(ask(node.web.port, "GET", "/metrics")[1])
        assert found['septum_node_studies{state="sent"}'] == 1
        assert found['septum_node_instances_received_total{source="dimse:MR1"}'] == 30
        assert found['septum_node_objects_sent_total{destination="pacs"}'] == 5
        assert ask(node.web.port, "GET", "/studies")[0] == 404
        monkeypatch.setattr(type(node.inbox), "is_full", lambda _: True)
        status, text = ask(node.web.port, "GET", "/healthz")
        assert (status, list(json.loads(text)["wrong"])) == (503, ["disk"])
        assert ask(node.web.port, "POST", "/studies", b"x")[0] == 503


def test_a_study_sent_by_stow_comes_back_and_what_is_no_image_is_refused(tmp_path, peer):
    with node_of(settings_of(tmp_path, send=[peer.destination], web=WEB)) as node:
        outgoing = []
        for number, one in enumerate(cine()):
            path = tmp_path / f"{number}.dcm"
            one.save_as(path, enforce_file_format=True)
            outgoing.append((Outgoing(one.SOPInstanceUID, one.SOPClassUID, path.name), path))
        root = f"http://127.0.0.1:{node.web.port}"
        stored: list[str] = []
        sender = StowSender(StowDestination(kind="stow", name="node", url=root))
        sender.send(outgoing, stored.append)
        sender.close()
        assert len(stored) == 30
        wait_for(lambda: [job.state for job in node.store.jobs()] == [State.SENT])
        body = b"--b\r\n\r\nno image\r\n--b--\r\n"
        status, text = ask(
            node.web.port, "POST", "/studies", body, Content_Type="multipart/related; boundary=b"
        )
        assert (status, list(json.loads(text))) == (409, ["00081198"])
        assert ask(node.web.port, "POST", "/studies", body, Content_Type="text/plain")[0] == 400
    assert len(peer.got) == 5


def test_who_has_no_token_or_is_not_on_the_list_is_refused(tmp_path, peer):
    (tmp_path / "token").write_text("hidden\n")
    web = WEB | {"token_file": tmp_path / "token"}
    with node_of(settings_of(tmp_path, send=[peer.destination], web=web)) as node:
        kind = {"Content_Type": "multipart/related; boundary=b"}
        assert ask(node.web.port, "POST", "/studies", b"--b--\r\n", **kind)[0] == 401
        assert (
            ask(node.web.port, "POST", "/studies", b"--b--\r\n", Authorization="Bearer hidden", **kind)[0]
            == 200
        )
    web = WEB | {"allow": ["10.9.9.9"]}
    with node_of(settings_of(tmp_path / "b", send=[peer.destination], web=web)) as node:
        assert ask(node.web.port, "GET", "/metrics")[0] == 403


def write_config(folder, peer) -> str:
    path = folder / "node.toml"
    path.write_text(
        'data = "state"\n[receive]\nhost = "127.0.0.1"\nport = 0\n'
        'peers = [{ ae_title = "MR1", address = "127.0.0.1" }]\n[complete]\nquiet_s = 0.5\n'
        f'[[send]]\nkind = "dimse"\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\n'
        f"port = {peer.port}\n"
        '[segmenting]\nmodels = ["cine"]\nthreads = 1\n[limits]\nleast_free_gb = 0.0\n'
    )
    return str(path)


def test_the_command_segments_with_the_shipped_model_until_it_is_ended(tmp_path, peer):
    command = [sys.executable, "-m", "septum", "node", "--config", write_config(tmp_path, peer)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as node:
        assert node.stderr is not None
        found = next(
            m for line in node.stderr if (m := re.search(r"as SEPTUM at 127\.0\.0\.1 port (\d+)", line))
        )
        assert set(send(int(found[1]), cine(frames=2))) == {0}
        wait_for(lambda: "SR" in peer.modalities() or "OT" in peer.modalities())
        wait_for(lambda: len(peer.got) in (1, 5))
        time.sleep(0.5)
        node.send_signal(signal.SIGTERM)
        told = node.stderr.read()
        assert "ends" in told
        assert not [secret for secret in (*SECRETS, "1.2.3.1") if secret in told]
        assert node.wait(PATIENCE_S) == 0


def test_status_and_retry_show_and_bring_back_what_has_failed(septum, tmp_path, peer):
    config = write_config(tmp_path, peer)
    assert septum("node", "status", "--config", config).code == 3
    store = Store(tmp_path / "state" / "node.sqlite")
    store.add("1.2.3", Instance("1.2.3.4", "a.dcm", "0"), "dimse:MR1")
    store.move(1, State.FAILED, "incomplete: 1 of 2 instances have come")
    answer = septum("node", "status", "--config", config)
    assert answer.code == 0
    assert "1 failed" in answer.out
    assert "1 of 2 instances" in answer.out
    assert "1.2.3" not in answer.out
    told = json.loads(septum("node", "status", "--config", config, "--json", "--uids").out)
    assert (told["running"], told["studies"]["failed"], told["jobs"][0]["study_uid"]) == (False, 1, "1.2.3")
    assert septum("node", "retry", "--config", config).code == 2
    assert septum("node", "retry", "--config", config, "7").code == 3
    assert septum("node", "retry", "--config", config, "1").out == "job 1: queued\n"
    assert store.job(1).state is State.QUEUED
    assert septum("node", "retry", "--config", config, "--all-failed").out == ""
    store.close()


def test_a_node_needs_its_file(septum):
    assert septum("node").code == 2
    assert septum("node", "--config", "nowhere.toml").code == 3


def test_the_audit_log_names_studies_by_codes(tmp_path, peer):
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        send(node.listener.port, cine())
        wait_for(lambda: [job.state for job in node.store.jobs()] == [State.SENT])
    lines = [json.loads(line) for line in (tmp_path / "node" / "audit.log").read_text().splitlines()]
    events = {line["event"] for line in lines}
    assert events >= {"started", "association", "complete", "begun", "segmented", "stored", "sent"}
    assert len({line["study"] for line in lines if "study" in line}) == 1
    assert not [secret for secret in (*SECRETS, "1.2.3.1") if secret in json.dumps(lines)]
