"""A node with peers in this process: a study in, segmentation, measurements and page back."""

from __future__ import annotations

import json
import socket
import tempfile
import time
import warnings
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

pytest.importorskip("pynetdicom", reason="needs septum[node]")

from septum.core import Flag, InputError, OutputError, Verdict
from septum.node.states import State
from septum.node.store import Store
from support.dicom_objects import dciodvfy_errors
from support.dicom_study import SECRETS, localisers, screenshot
from support.node_parts import AtriumSegmenter, TruthSegmenter, node_of, peer_at, send, settings_of, wait_for
from support.node_studies import cine, late_gadolinium

RESULTS = ["OT", "SEG", "SEG", "SEG", "SR"]


@pytest.fixture
def peer(tmp_path):
    with peer_at(tmp_path / "pacs") as made:
        yield made


def states(node) -> list[str]:
    return [job.state.value for job in node.store.jobs()]


def wait_for_states(node, *wanted: str) -> None:
    wait_for(lambda: states(node) == list(wanted), f"{wanted}")


def everything_written(folder) -> bytes:
    """Names of all files of a node, and contents of those that hold no images."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".log", ".json", ".sqlite", ".key"}
    contents = [path.read_bytes() for path in files if path.suffix != ".dcm"]
    return b"\n".join([*contents, *(str(path.relative_to(folder)).encode() for path in files)])


def without_database(folder) -> bytes:
    """The same without the database, which knows studies and images by their UIDs."""
    for path in folder.glob("node.sqlite*"):
        path.rename(folder.parent / path.name)
    (folder / "none.sqlite").touch()
    return everything_written(folder)


def test_a_study_comes_back_with_segmentations_measurements_and_a_page(tmp_path, peer, caplog):
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        assert set(send(node.listener.port, [*cine(), *localisers(), screenshot()])) == {0}
        wait_for_states(node, "sent")
        for one in (localisers()[0], screenshot()):  # what is said of refusals
            one.StudyInstanceUID = ""
            assert send(node.listener.port, [one]) == [0xC000]
        told = node.metrics_text() + json.dumps(node.health())
    assert peer.modalities() == RESULTS
    found = {one.SeriesNumber: one for one in map(pydicom.dcmread, peer.found.values())}
    assert {(one.StudyInstanceUID, str(one.PatientName)) for one in found.values()} == {
        ("1.2.3.1", SECRETS[0])
    }
    assert all("preliminary" in one.SeriesDescription for one in found.values())
    assert [len(found[number].DimensionIndexSequence) for number in (9001, 9003, 9004)] == [3, 2, 2]
    for path in peer.found.values():
        if path != peer.found[found[9005].SOPInstanceUID]:
            assert dciodvfy_errors(path) == []
    written = everything_written(tmp_path / "node") + (caplog.text + told).encode()
    assert not [secret for secret in SECRETS if secret.encode() in written]
    written = without_database(tmp_path / "node") + (caplog.text + told).encode()
    assert not [uid for uid in ("1.2.3.1", "1.2.3.1.5", "2.25.") if uid.encode() in written]


def test_a_cine_and_a_volume_of_late_gadolinium_of_one_study_come_back_each(tmp_path, peer):
    with node_of(settings_of(tmp_path, send=[peer.destination]), TruthSegmenter(), AtriumSegmenter()) as node:
        assert set(send(node.listener.port, [*cine(), *late_gadolinium()])) == {0}
        wait_for_states(node, "sent")
        assert node.store.jobs()[0].reason == "verdict fine; verdict fine"
    assert peer.modalities() == sorted([*RESULTS, "OT", "SEG", "SR"])
    labels = [
        [item.SegmentLabel for item in one.SegmentSequence]
        for one in map(pydicom.dcmread, peer.found.values())
        if one.Modality == "SEG"
    ]
    assert sorted(map(len, labels)) == [1, 3, 3, 3]


def test_its_own_results_are_never_answered_by_this_node_or_another_one(tmp_path, peer):
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        send(node.listener.port, cine())
        wait_for_states(node, "sent")
        results = [pydicom.dcmread(path) for path in peer.found.values()]
        assert set(send(node.listener.port, results)) == {0}
        time.sleep(1.0)
        assert states(node) == ["sent"]
    with node_of(settings_of(tmp_path / "other", send=[peer.destination])) as node:
        assert set(send(node.listener.port, results)) == {0}
        assert (node.store.jobs(), node.store.count("1.2.3.1")) == ([], 0)
    assert len(peer.got) == 5


def test_the_same_study_again_is_not_segmented_again_and_another_node_makes_the_same_objects(tmp_path, peer):
    segmenter = TruthSegmenter()
    with node_of(settings_of(tmp_path, send=[peer.destination]), segmenter) as node:
        send(node.listener.port, cine())
        wait_for_states(node, "sent")
        assert set(send(node.listener.port, cine())) == {0}
        send(node.listener.port, localisers())  # another series: another version, with the same images used
        wait_for_states(node, "sent", "sent")
    assert (segmenter.calls, len(peer.got)) == (1, 5)
    before = set(peer.found)
    with node_of(settings_of(tmp_path / "other", send=[peer.destination])) as node:
        send(node.listener.port, cine())
        wait_for_states(node, "sent")
    assert set(peer.found) == before


def test_two_studies_mixed_in_one_association_are_two_results(tmp_path, peer):
    one, other = cine("1.2.3.21"), cine("1.2.3.22")
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        send(node.listener.port, [each for pair in zip(one, other, strict=True) for each in pair])
        wait_for_states(node, "sent", "sent")
    found = [pydicom.dcmread(path).StudyInstanceUID for path in peer.found.values()]
    assert sorted(found) == 5 * ["1.2.3.21"] + 5 * ["1.2.3.22"]


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_compressed_images_are_taken(tmp_path, peer, syntax):
    pytest.importorskip("pylibjpeg", reason="needs septum[jpeg]")
    objects = []
    for number, one in enumerate(cine()):
        one.compress(syntax, generate_instance_uid=False)
        one.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        objects.append(pydicom.dcmread(tmp_path / f"{number}.dcm"))
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        assert set(send(node.listener.port, objects)) == {0}
        wait_for_states(node, "sent")
    assert peer.modalities() == RESULTS


def with_name(objects, folder, charset: str, name: bytes):
    """The same objects with the bytes of a name as they are, whatever their character set says."""
    placeholder = b"N" * len(name)
    found = []
    for number, one in enumerate(objects):
        path = folder / f"{number}.dcm"
        one.PatientName, one.SpecificCharacterSet = placeholder.decode(), charset
        one.save_as(path, enforce_file_format=True)
        path.write_bytes(path.read_bytes().replace(placeholder, name))
        found.append(pydicom.dcmread(path))
    return found


# Of the sender, whose images these are.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("charset", ["", "ISO_IR 192", "ISO_IR 999"])
def test_a_name_that_does_not_fit_its_character_set_stops_no_study_and_is_text_in_the_results(
    tmp_path, peer, charset, caplog
):
    name = "Müller^Jörgen".encode("latin-1")
    objects = with_name(cine(frames=2), tmp_path, charset, name)
    policy = {"send": ["seg", "sr"]}
    with node_of(settings_of(tmp_path, send=[peer.destination], policy=policy)) as node:
        assert set(send(node.listener.port, objects)) == {0}
        wait_for_states(node, "sent")
    assert peer.modalities() == ["SEG", "SR"]
    for result in map(pydicom.dcmread, peer.found.values()):
        assert (result.SpecificCharacterSet, result.PatientID) == ("ISO_IR 192", SECRETS[1])
        written = result.PatientName.original_string.decode("utf-8")
        assert written[0] + written[-4:] == "Mrgen"
    assert b"rgen" not in everything_written(tmp_path / "node") + caplog.text.encode()


def test_an_image_that_comes_twice_counts_once_and_another_content_of_it_is_another_version(tmp_path, peer):
    segmenter = TruthSegmenter()
    with node_of(settings_of(tmp_path, send=[peer.destination]), segmenter) as node:
        objects = cine()
        assert set(send(node.listener.port, [*objects, *objects[:7]])) == {0}
        wait_for_states(node, "sent")
        assert len(node.store.instances("1.2.3.1")) == 30
        objects[3].PixelData = objects[4].PixelData
        send(node.listener.port, objects[:7])
        wait_for_states(node, "sent", "sent")
        assert len(node.store.instances("1.2.3.1")) == 30
    assert (segmenter.calls, len(peer.found)) == (2, 10)


def test_a_study_without_a_stack_that_can_be_segmented_is_ignored_with_the_reason(tmp_path, peer):
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        send(node.listener.port, late_gadolinium())
        wait_for_states(node, "ignored")
        assert "nothing to segment" in node.store.jobs()[0].reason
        assert str(tmp_path) not in node.store.jobs()[0].reason
    assert peer.got == []


class Rejecting(TruthSegmenter):
    def __call__(self, folder):
        result = super().__call__(folder)
        flag = Flag("low_estimated_dice", Verdict.REJECT, "It is too little.")
        return replace(result, quality=replace(result.quality, verdict=Verdict.REJECT, flags=(flag,)))


@pytest.mark.parametrize(("policy", "sent"), [("page", ["OT"]), ("nothing", [])])
def test_of_a_rejected_mask_the_page_is_sent_or_nothing(tmp_path, peer, policy, sent):
    with node_of(
        settings_of(tmp_path, send=[peer.destination], policy={"rejected": policy}), Rejecting()
    ) as node:
        send(node.listener.port, cine())
        wait_for_states(node, "sent")
        assert "reject" in node.store.jobs()[0].reason
    assert peer.modalities() == sent


class Failing(TruthSegmenter):
    def __init__(self, error: Exception, times: int = 100) -> None:
        super().__init__()
        self.error, self.times = error, times

    def __call__(self, folder):
        if self.calls < self.times:
            self.calls += 1
            raise self.error
        return super().__call__(folder)


def test_a_study_that_cannot_be_used_is_given_up_at_once_and_the_next_one_is_done(tmp_path, peer):
    with node_of(
        settings_of(tmp_path, send=[peer.destination]), Failing(InputError("It is damaged."), 1)
    ) as node:
        send(node.listener.port, cine("1.2.3.31"))
        wait_for_states(node, "failed")
        assert (node.store.jobs()[0].reason, node.store.jobs()[0].attempts) == ("It is damaged.", 1)
        send(node.listener.port, cine("1.2.3.32"))
        wait_for_states(node, "failed", "sent")


def test_what_nobody_foresaw_is_tried_again_and_names_nobody(tmp_path, peer, caplog):
    segmenter = Failing(ZeroDivisionError(SECRETS[0]), 2)
    with node_of(settings_of(tmp_path, send=[peer.destination]), segmenter) as node:
        send(node.listener.port, cine())
        wait_for_states(node, "sent")
        assert node.store.jobs()[0].attempts == 3
    assert SECRETS[0] not in caplog.text
    assert SECRETS[0].encode() not in everything_written(tmp_path / "node")


def test_who_is_not_on_the_list_is_rejected(tmp_path, peer):
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        assert send(node.listener.port, cine(), calling="OTHER") == []
        assert send(node.listener.port, cine(), called="OTHER") == []
        assert node.store.jobs() == []
    elsewhere = {"host": "127.0.0.1", "port": 0, "peers": [{"ae_title": "MR1", "address": "10.9.9.9"}]}
    with node_of(settings_of(tmp_path / "b", send=[peer.destination], receive=elsewhere)) as node:
        assert send(node.listener.port, cine()) == []


def test_with_too_many_studies_in_work_new_ones_wait_at_their_senders(tmp_path, peer):
    limits = {"least_free_gb": 0.0, "most_waiting": 1}
    quiet = {"quiet_s": 60.0}
    with node_of(settings_of(tmp_path, send=[peer.destination], limits=limits, complete=quiet)) as node:
        assert set(send(node.listener.port, cine("1.2.3.41"))) == {0}
        assert set(send(node.listener.port, cine("1.2.3.42")[:1])) == {0xA700}
        assert states(node) == ["received"]


def test_a_study_whose_count_disagrees_with_its_archive_waits_and_can_be_forced(tmp_path, peer):
    archive = {"ae_title": "PACS", "host": "127.0.0.1", "port": peer.port}
    receive = {
        "host": "127.0.0.1",
        "port": 0,
        "peers": [{"ae_title": "MR1", "address": "127.0.0.1", "count": archive}],
    }
    peer.counts = {"1.2.3.51": 30, "1.2.3.52": 31}
    with node_of(settings_of(tmp_path, send=[peer.destination], receive=receive)) as node:
        send(node.listener.port, cine("1.2.3.51"))
        send(node.listener.port, cine("1.2.3.52"))
        wait_for_states(node, "sent", "failed")
        assert "30 of 31" in node.store.jobs()[1].reason
        assert peer.asked == ["STUDY", "STUDY"]  # once for each study
        node.store.retry(2)
        wait_for_states(node, "sent", "sent")


def test_a_destination_that_refuses_is_tried_again_and_given_up_and_taken_up_by_hand(tmp_path, peer):
    limits = {"least_free_gb": 0.0, "first_pause_s": 0.05, "longest_pause_s": 0.1, "send_attempts": 2}
    with node_of(settings_of(tmp_path, send=[peer.destination], limits=limits)) as node:
        peer.refuse = 2
        send(node.listener.port, cine())
        wait_for_states(node, "failed")
        assert "0xA700" in node.store.jobs()[0].reason
        assert node.store.retry(1) is State.DONE
        wait_for_states(node, "sent")
    assert len(peer.got) == 5


def test_an_object_whose_acknowledgement_was_lost_is_not_sent_a_second_time(tmp_path, peer, monkeypatch):
    acknowledge, lost = Store.acknowledge, ["of the second object"]

    def lose(store, destination, uid):
        if lost and len(peer.got) == 2:
            lost.pop()
            raise ConnectionError("cut off")
        acknowledge(store, destination, uid)

    monkeypatch.setattr(Store, "acknowledge", lose)
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        send(node.listener.port, cine())
        wait_for_states(node, "sent")
    assert not lost
    assert len(peer.got) == len(peer.found) == 5
    assert peer.asked == 4 * ["IMAGE"]


def test_a_second_node_on_the_same_folder_is_refused(tmp_path, peer):
    settings = settings_of(tmp_path, send=[peer.destination])
    with node_of(settings), pytest.raises(OutputError, match="in use"), node_of(settings):
        pass


def test_a_node_that_cannot_begin_says_why_and_leaves_its_folder_to_the_next(tmp_path, peer):
    before = tempfile.tempdir
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web = {"host": "127.0.0.1", "port": port, "stow": True}
        with (
            pytest.raises(OutputError, match="cannot listen"),
            node_of(settings_of(tmp_path, send=[peer.destination], web=web)),
        ):
            pass
    none = tmp_path / "none.pem"
    web = {"host": "127.0.0.1", "port": 0, "stow": True, "tls": {"certificate": none, "key": none}}
    with (
        pytest.raises(InputError, match="PEM"),
        node_of(settings_of(tmp_path, send=[peer.destination], web=web)),
    ):
        pass
    assert tempfile.tempdir == before
    with node_of(settings_of(tmp_path, send=[peer.destination])) as node:
        assert node.health() == {}


def test_the_page_is_a_picture_that_any_viewer_opens(tmp_path, peer):
    with node_of(settings_of(tmp_path, send=[peer.destination], policy={"send": ["page"]})) as node:
        send(node.listener.port, cine())
        wait_for_states(node, "sent")
    (path,) = peer.found.values()
    page = pydicom.dcmread(path)
    assert (page.Modality, page.BurnedInAnnotation, page.ConversionType) == ("OT", "NO", "WSD")
    assert page.pixel_array.shape == (768, 1024, 3)
    assert len(np.unique(page.pixel_array)) > 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert json.loads(page.to_json())
