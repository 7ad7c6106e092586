"""A node at a real Orthanc: it looks for studies there, and the results come back into the same study."""

from __future__ import annotations

import hashlib
import re
import subprocess
import time
from io import BytesIO

import pydicom
import pytest

pytest.importorskip("pynetdicom", reason="needs septum[node]")

from septum.node.http_client import HttpClient, HttpError
from septum.node.senders import sender_of
from septum.node.states import Outgoing
from support.dcmtk import dcmtk, found_by
from support.dicom_study import write
from support.node_parts import TruthSegmenter, node_of, settings_of, wait_for
from support.node_studies import cine
from support.orthanc import needs_orthanc, orthanc_at

RESULTS = ["OT", "SEG", "SEG", "SEG", "SR"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    needs_orthanc()
    with orthanc_at(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture
def pacs(server):
    """The same Orthanc, without the studies of other tests."""
    for study in server.get("/studies"):
        server.delete(f"/studies/{study}")
    return server


def put(pacs, objects) -> None:
    for one in objects:
        content = BytesIO()
        one.save_as(content, enforce_file_format=True)
        pacs.put(content.getvalue())


def polled(pacs, folder, **changes):
    return settings_of(
        folder, **({"receive": None, "orthanc": [pacs.source], "send": [pacs.destination]} | changes)
    )


def test_a_study_in_orthanc_comes_back_in_the_same_study_and_an_independent_reader_opens_it(pacs, tmp_path):
    segmenter = TruthSegmenter()
    with node_of(polled(pacs, tmp_path), segmenter) as node:
        wait_for(lambda: node.pollers[0].answered_at)
        objects = cine("1.2.3.11")
        put(pacs, objects[:20])
        time.sleep(0.2)
        put(pacs, objects[20:])
        wait_for(lambda: pacs.results() == RESULTS, "results in Orthanc")
        time.sleep(3.0)  # the study rests again, and Orthanc says so
        wait_for(lambda: [job.state.value for job in node.store.jobs()] == ["sent"])
    assert segmenter.calls == 1
    assert len(pacs.get("/studies")) == 1
    for series in pacs.get("/series?expand"):
        for instance in series["Instances"] if series["MainDicomTags"]["Modality"] == "SEG" else ():
            path = tmp_path / f"{instance}.dcm"
            path.write_bytes(pacs.file(instance))
            done = subprocess.run(
                ["dcmdump", "+P", "SegmentLabel", path], capture_output=True, text=True, check=True
            )
            assert done.stdout.count("SegmentLabel") == 3
            assert pydicom.dcmread(path).pixel_array.shape[1:] == (68, 72)


def test_results_reach_orthanc_by_stow_and_a_second_sending_changes_nothing(pacs, tmp_path):
    stow = {"kind": "stow", "name": "web", "url": f"{pacs.url}/dicom-web"}
    with node_of(settings_of(tmp_path, send=[stow])) as node:
        write(tmp_path / "study", cine("1.2.3.12"))
        to = ["127.0.0.1", str(node.listener.port), "+sd", tmp_path / "study"]
        command = [dcmtk("storescu"), "-aet", "MR1", "-aec", "SEPTUM", *to]
        subprocess.run(command, check=True)
        wait_for(lambda: pacs.results() == RESULTS, "results in Orthanc")
        subprocess.run(command, check=True)
        time.sleep(1.5)
        assert [(job.version, job.state.value) for job in node.store.jobs()] == [(1, "sent")]
    assert pacs.results() == RESULTS
    told = found_by(pacs.dicom, "PACS", "SERIES", "StudyInstanceUID=1.2.3.12", "Modality")
    assert sorted(re.findall(r"\(0008,0060\) CS \[(\w+) ?\]", told)) == RESULTS


class Outages:
    """Ends Orthanc amid the images of a study, and again amid its results; its last answer is lost."""

    def __init__(self, pacs, monkeypatch) -> None:
        self.pacs, self.fetched, self.stored, self.is_over = pacs, 0, [], [False, False]
        self.call = HttpClient.call

        def call(client, method, path, body=None, headers=None):
            return self.counted(client, method, path, body, headers)

        monkeypatch.setattr(HttpClient, "call", call)
        monkeypatch.setattr("septum.node.service._AFTER_ERROR_S", 0.3)

    def counted(self, client, method, path, body, headers):
        answer = self.call(client, method, path, body, headers)
        self.fetched += path.endswith("/file")
        if (method, path) == ("POST", "/instances"):
            self.stored.append(hashlib.sha256(body).hexdigest())
        for number, is_due in enumerate((self.fetched == 10, len(self.stored) == 2)):
            if is_due and not self.is_over[number]:
                self.pacs.stop()
                self.is_over[number] = True
                raise HttpError("Orthanc is away")
        return answer


def test_orthanc_may_go_away_amid_images_and_amid_results_and_nothing_is_lost_or_sent_twice(
    pacs, tmp_path, monkeypatch
):
    outages, segmenter = Outages(pacs, monkeypatch), TruthSegmenter()
    limits = {"least_free_gb": 0.0, "first_pause_s": 0.1, "longest_pause_s": 0.3, "send_attempts": 1000}
    put(pacs, cine("1.2.3.13"))
    source = pacs.source | {"from_beginning": True}
    settings = polled(
        pacs, tmp_path, orthanc=[source], limits=limits, complete={"quiet_s": 0.5, "patience_s": 30.0}
    )
    with node_of(settings, segmenter) as node:
        wait_for(lambda: outages.is_over[0] and node.pollers[0].is_away and node.health(), "the first outage")
        time.sleep(1.5)  # three looks in vain, or more
        assert [job.state.value for job in node.store.jobs()] == ["received"]
        pacs.start()
        wait_for(lambda: outages.is_over[1], "the second outage")
        wait_for(lambda: node.store.deliveries(1)["pacs"][2] >= 4, "attempts to send")
        pacs.start()
        wait_for(lambda: [job.state.value for job in node.store.jobs()] == ["sent"], "an end")
        wait_for(lambda: not node.health(), "healthy again")
    assert pacs.modalities() == sorted([*RESULTS, *30 * ["MR"]])
    assert len(outages.stored) == len(set(outages.stored)) == 5
    assert (segmenter.calls, outages.fetched) == (1, 31)  # one image a second time: its answer was lost


def test_half_a_study_waits_for_the_other_half_and_more_of_it_is_another_version(pacs, tmp_path):
    segmenter = TruthSegmenter()
    objects = cine("1.2.3.14", frames=5)
    early = [one for one in objects if one.SOPInstanceUID.split(".")[-2] != "6"]
    late = [one for one in objects if one.SOPInstanceUID.split(".")[-2] == "6"]
    with node_of(polled(pacs, tmp_path), segmenter) as node:
        wait_for(lambda: node.pollers[0].answered_at)
        put(pacs, early)
        wait_for(lambda: [job.state.value for job in node.store.jobs()] in (["sent"], ["failed"]), "an end")
        put(pacs, late)
        wait_for(lambda: [job.state.value for job in node.store.jobs()][1:] == ["sent"], "another version")
    assert segmenter.calls == 2
    assert pacs.results() == sorted(2 * RESULTS)


@pytest.mark.parametrize(("kind", "path"), [("orthanc", ""), ("stow", "/dicom-web"), ("dimse", "")])
def test_orthanc_tells_which_objects_it_has_by_each_way(pacs, tmp_path, kind, path):
    files = []
    for number, one in enumerate(cine("1.2.3.16")[:2]):
        one.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        files.append((Outgoing(one.SOPInstanceUID, one.SOPClassUID, ""), tmp_path / f"{number}.dcm"))
    to = {"ae_title": "PACS", "host": "127.0.0.1", "port": pacs.dicom} if kind == "dimse" else {}
    way = {"kind": kind, "name": "pacs"} | (to or {"url": f"{pacs.url}{path}"})
    sender = sender_of(settings_of(tmp_path, send=[way]).send[0])
    assert sender.find(files) == set()
    stored: list[str] = []
    sender.send(files[:1], stored.append)
    assert sender.find(files) == set(stored) == {files[0][0].uid}
    sender.close()
