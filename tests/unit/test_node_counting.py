"""An archive that counts the instances of studies is asked in peace."""

from __future__ import annotations

import pytest

pytest.importorskip("pynetdicom", reason="needs septum[node]")

from septum.node.counting import Counting
from septum.node.settings import Receive

PEERS = [
    {"ae_title": "MR1", "address": "10.0.0.5", "count": {"ae_title": "PACS", "host": "pacs", "port": 104}},
    {"ae_title": "MR2", "address": "10.0.0.6"},
]


class Archive:
    """Knows counts of studies, and notes every question."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {"1": 3, "2": 2}
        self.asked: list[str] = []
        self.now, self.is_away = 0.0, False
        self.counting = Counting(Receive.model_validate({"peers": PEERS}), 10.0, self.ask, lambda: self.now)

    def ask(self, archive, study, calling):
        assert (archive.ae_title, calling) == ("PACS", "SEPTUM")
        self.asked.append(study)
        if self.is_away:
            raise ConnectionError("PACS does not answer")
        return self.counts.get(study)

    def lacking(self, study="1", come=2, source="dimse:MR1"):
        return self.counting.lacking(source, study, come)


@pytest.fixture
def archive():
    return Archive()


def wait(archive, seconds: float, **question) -> None:
    """Look five times a second, as a node does."""
    for _ in range(round(5 * seconds)):
        archive.now += 0.2
        archive.lacking(**question)


def test_an_archive_is_asked_once_in_a_while_for_a_study_that_is_incomplete(archive):
    assert archive.lacking() == "2 of 3 instances have come"
    wait(archive, 9.0)
    assert archive.asked == ["1"]
    wait(archive, 30.0)
    assert len(archive.asked) in (4, 5)


def test_what_came_meanwhile_or_another_study_is_asked_for_at_once(archive):
    assert archive.lacking()
    assert archive.lacking(come=3) == ""
    assert archive.lacking("2", 1) == "1 of 2 instances have come"
    assert archive.asked == ["1", "1", "2"]


def test_a_study_that_nobody_counts_or_knows_lacks_nothing(archive):
    assert archive.lacking(source="dimse:MR2") == ""
    assert archive.lacking(source="orthanc:pacs") == ""
    assert archive.asked == []
    assert archive.lacking("unknown") == ""


def test_an_archive_that_is_away_is_asked_once_in_a_while_for_all_studies(archive):
    archive.is_away = True
    for study in ("1", "2", "1"):
        with pytest.raises(ConnectionError, match="PACS"):
            archive.lacking(study)
    assert archive.asked == ["1"]
    archive.now, archive.is_away = 10.5, False
    assert archive.lacking("2", 2) == ""
    assert archive.lacking("1", 3) == ""
    assert archive.asked == ["1", "2", "1"]
