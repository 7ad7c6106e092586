"""What a question by C-FIND gives, and what it raises where no answer comes."""

from __future__ import annotations

import pytest

pytest.importorskip("pynetdicom", reason="needs septum[node]")

from pydicom import Dataset

from septum.node.finding import answers


class Line:
    """An association that answers, is lost while it is asked, or was lost before."""

    def __init__(self, *statuses, lost=None):
        self.statuses, self.lost = statuses, lost

    def send_c_find(self, asked, _):
        if self.lost is not None:
            raise self.lost
        for status in self.statuses:
            told = Dataset()
            if status is not None:
                told.Status = status
            yield told, asked if status == 0xFF00 else None


@pytest.mark.parametrize(("statuses", "count"), [((0xFF00, 0x0000), 1), ((0x0000,), 0), ((0xA700,), 0)])
def test_what_is_found_is_given_and_a_refusal_finds_nothing(statuses, count):
    assert len(list(answers(Line(*statuses), Dataset(), "PACS"))) == count


@pytest.mark.parametrize("line", [Line(None), Line(0xFF00, None), Line(lost=RuntimeError("no association"))])
def test_a_line_that_is_lost_is_no_answer(line):
    with pytest.raises(ConnectionError):
        list(answers(line, Dataset(), "PACS"))
