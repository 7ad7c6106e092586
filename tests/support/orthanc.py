"""A real Orthanc with its DICOMweb plugin, started by tests where it is installed."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.node_parts import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 60.0
PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB = "libOrthancDicomWeb.so"


def needs_orthanc() -> None:
    """Skip where there is no Orthanc."""
    if shutil.which("Orthanc") is None or not (PLUGINS / DICOMWEB).exists():
        pytest.skip("needs Orthanc with its DICOMweb plugin (Debian: orthanc, orthanc-dicomweb)")


class Orthanc:
    """One server with its database in a folder; it can be ended and started again on its ports."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.http, self.dicom = folder, free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plugins").mkdir(exist_ok=True)
        link = folder / "plugins" / DICOMWEB
        link.unlink(missing_ok=True)
        link.symlink_to(PLUGINS / DICOMWEB)
        settings = {
            "Name": "PACS", "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"),
            "HttpPort": self.http, "DicomPort": self.dicom, "DicomAet": "PACS", "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
            "StableAge": 1, "Plugins": [str(folder / "plugins")], "DicomWeb": {"Enable": True},
            "UnknownSopClassAccepted": True, "OverwriteInstances": False,
        }  # fmt: skip
        (folder / "orthanc.json").write_text(json.dumps(settings))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    @property
    def source(self) -> dict[str, Any]:
        return {"name": "pacs", "url": self.url, "poll_s": 0.3}

    @property
    def destination(self) -> dict[str, Any]:
        return {"kind": "orthanc", "name": "pacs", "url": self.url}

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["Orthanc", self.folder / "orthanc.json"], stdout=log, stderr=log
            )
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.get("/system")
            except OSError:
                assert time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
                assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def get(self, path: str) -> Any:
        return json.loads(self._call("GET", path))

    def put(self, content: bytes) -> None:
        self._call("POST", "/instances", content)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def file(self, instance: str) -> bytes:
        return self._call("GET", f"/instances/{instance}/file")

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, (path, answer.status)
        return content

    def modalities(self) -> list[str]:
        """Of all series, each as often as it has instances."""
        series = self.get("/series?expand")
        return sorted(one["MainDicomTags"]["Modality"] for one in series for _ in one["Instances"])

    def results(self) -> list[str]:
        return [one for one in self.modalities() if one != "MR"]


@contextmanager
def orthanc_at(folder: Path) -> Iterator[Orthanc]:
    server = Orthanc(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
