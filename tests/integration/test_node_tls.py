"""Encrypted connections of the node: C-STORE in and out, and its HTTP server, with certificates of a test."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess

import pytest

pytest.importorskip("pynetdicom", reason="needs septum[node]")
if shutil.which("openssl") is None:
    pytest.skip("needs openssl, which makes the certificates", allow_module_level=True)

from typing import TYPE_CHECKING

from septum.node.settings import Tls
from septum.node.tls import client_context, server_context
from support.dcmtk import dcmtk
from support.dicom_study import write
from support.node_parts import node_of, peer_at, send, settings_of, wait_for
from support.node_studies import cine

if TYPE_CHECKING:
    import ssl

PEERS = [{"ae_title": "MR1", "address": "127.0.0.1"}]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Two identities that sign themselves: of the node, and of everybody else."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("node", "other"):
        subprocess.run(
            [
                "openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048", "-batch",
                "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
    return folder


def identity(folder, name: str, trusted: str = "") -> dict[str, str]:
    files = {"certificate": str(folder / f"{name}.pem"), "key": str(folder / f"{name}.key")}
    return files | ({"authorities": str(folder / f"{trusted}.pem")} if trusted else {})


def client(**files: str) -> ssl.SSLContext:
    return client_context(Tls.model_validate(files))


def jobs(node) -> list[str]:
    return [job.state.value for job in node.store.jobs()]


@pytest.fixture
def peer(tmp_path, certificates):
    """An archive that speaks TLS alone."""
    context = server_context(Tls.model_validate(identity(certificates, "other")))
    with peer_at(tmp_path / "pacs", context) as made:
        yield made


def encrypted(tmp_path, peer, certificates, trusted: str = "", **changes):
    receive = {"host": "127.0.0.1", "port": 0, "peers": PEERS, "tls": identity(certificates, "node", trusted)}
    destination = peer.destination | {"tls": {"authorities": str(certificates / "other.pem")}}
    return settings_of(tmp_path, **({"receive": receive, "send": [destination]} | changes))


def test_a_study_comes_in_and_its_results_go_out_encrypted(tmp_path, peer, certificates):
    with (
        node_of(encrypted(tmp_path, peer, certificates)) as node,
        socket.create_connection(("127.0.0.1", node.listener.port)),  # a silent caller stops nobody
    ):
        assert send(node.listener.port, cine()) == []  # not encrypted
        assert send(node.listener.port, cine(), tls=client()) == []  # does not know the node
        trusting = client(authorities=str(certificates / "node.pem"))
        assert set(send(node.listener.port, cine(), tls=trusting)) == {0}
        wait_for(lambda: jobs(node) == ["sent"])
    assert peer.modalities() == ["OT", "SEG", "SEG", "SEG", "SR"]


def test_with_authorities_a_caller_must_show_a_certificate(tmp_path, peer, certificates):
    folder = write(tmp_path / "study", cine(frames=2))
    with node_of(encrypted(tmp_path, peer, certificates, "other")) as node:
        to = ["127.0.0.1", str(node.listener.port), "+sd", folder]
        shared = [dcmtk("storescu"), "-aet", "MR1", "-aec", "SEPTUM", "+cf", certificates / "node.pem"]
        own = [certificates / "other.key", certificates / "other.pem"]
        anonymous = subprocess.run([*shared, "+tla", *to], capture_output=True, check=False)
        assert anonymous.returncode != 0
        assert jobs(node) == []
        subprocess.run([*shared, "+tls", *own, *to], check=True, capture_output=True)
        assert len(node.store.instances("1.2.3.1")) == 12


def test_an_archive_that_shows_an_unknown_certificate_gets_nothing(tmp_path, peer, certificates):
    limits = {"least_free_gb": 0.0, "send_attempts": 1}
    destination = peer.destination | {"tls": {"authorities": str(certificates / "node.pem")}}
    settings = encrypted(tmp_path, peer, certificates, send=[destination], limits=limits)
    with node_of(settings) as node:
        trusting = client(authorities=str(certificates / "node.pem"))
        send(node.listener.port, cine(), tls=trusting)
        wait_for(lambda: jobs(node) == ["failed"])
    assert peer.got == []


def test_the_http_server_is_encrypted(tmp_path, peer, certificates):
    web = {"host": "127.0.0.1", "port": 0, "tls": identity(certificates, "node")}
    with node_of(encrypted(tmp_path, peer, certificates, web=web)) as node:
        trusting = client(authorities=str(certificates / "node.pem"))
        connection = http.client.HTTPSConnection("localhost", node.web.port, timeout=30, context=trusting)
        connection.request("GET", "/healthz")
        assert json.loads(connection.getresponse().read())["healthy"]
        connection.close()
