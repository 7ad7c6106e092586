"""The list of the viewer in a browser: thousands of rows, how far a segmentation is, who opens the page."""

from __future__ import annotations

import csv
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs septum[view]")

from septum.cli import main
from septum.report.viewer_link import PORT
from septum.view.server import Running, free_socket
from septum.view.worklist import Progress, Worklist
from support.view_browser import SCROLL, Reader, free_port
from support.view_studies import many_results, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.browser import Page

MANY = 5000
MOST_ROWS = 80


@pytest.fixture
def page(browser) -> Page:
    browser.width(1440)
    return browser


@contextmanager
def served(worklist: Worklist) -> Iterator[str]:
    """The address of a server of this process."""
    running = Running(worklist, free_socket(free_port()))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running.address
    finally:
        running.stop()
        thread.join()


def test_five_thousand_studies_scroll_and_only_a_window_of_rows_exists(page, tmp_path):
    many_results(tmp_path, MANY)
    with served(Worklist([tmp_path])) as address:
        Reader(page).enter(address)
        assert page.evaluate("document.querySelector('[role=grid]').ariaRowCount") == f"{MANY + 1}"
        scrolled = page.evaluate(f"{SCROLL}(60, 900)")
        assert scrolled["moved"] > 40 * 900
        assert np.median(scrolled["gaps_ms"]) < 100
        assert max(scrolled["rows"]) < MOST_ROWS
        assert scrolled["bare"] == 0
        page.evaluate("document.querySelector('.study-row').focus()")
        page.press("End")
        assert f"case{MANY - 1:04d}" in page.evaluate("document.activeElement.textContent")
        page.press("/")
        page.write("case1234")
        page.wait("document.querySelectorAll('.study-row').length === 1")


def test_how_far_a_segmentation_is_is_shown_and_studies_appear_as_they_are_done(page, tmp_path):
    worklist = Worklist([tmp_path])
    worklist.progress = Progress(done=1, total=4, current="next_one", frame=5, frames=20)
    with served(worklist) as address:
        page.visit(address, "document.querySelector('.work-box')?.hidden === false")
        told = page.evaluate("document.querySelector('.work-box').textContent")
        assert all(word in told for word in ("1 of 4", "next_one", "5 of 20"))
        assert page.evaluate("document.querySelector('.work-box progress').value") == pytest.approx(1.25 / 4)
        write_result(tmp_path, "next_one")
        worklist.add(tmp_path, tmp_path / "next_one_seg.json")
        worklist.progress = None
        page.wait("document.querySelector('.study-row') !== null")
        page.wait("document.querySelector('.work-box').hidden")


def test_a_comment_stands_in_the_list_with_its_reader(page, tmp_path):
    write_result(tmp_path, "one")
    (tmp_path / "one_review.json").write_text(
        '{"state": "rejected", "reader": "Ada", "comment": "no contrast", "at": ""}'
    )
    with served(Worklist([tmp_path])) as address:
        Reader(page).enter(address)
        assert page.evaluate("document.querySelector('.cell.reader[title]').title") == "Ada: no contrast"


@pytest.mark.parametrize(("options", "opened"), [((), 1), (("--no-browser",), 0)])
def test_the_page_is_opened_in_a_browser_unless_that_is_not_wanted(tmp_path, monkeypatch, options, opened):
    pages: list[str] = []
    port = free_port()
    address = f"http://127.0.0.1:{port}/?token=t"
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", pages.append)
    write_result(tmp_path, "one")

    def view(*_named: object, ready, **_more: object) -> int:
        ready(address)
        return 0

    monkeypatch.setattr("septum.view.command.view", view)
    assert main.main(["view", str(tmp_path), "--port", str(port), *options]) == 0
    assert pages == [address] * opened


def test_a_newcomer_corrects_and_accepts_by_the_mouse_and_is_asked_for_a_name(page, tmp_path):
    write_result(tmp_path, "one")
    with served(Worklist([tmp_path])) as address:
        reader = Reader(page)
        reader.enter(address)
        reader.click(".study-row")
        reader.opened("one")
        assert "accept" in reader.text(".hint")
        reader.draw((24.5, 74.5), (30.5, 74.5))
        reader.arrived()
        reader.click(".review .good")
        page.wait("document.activeElement?.id === 'asked'")
        page.write("Ada Newcomer")
        reader.click("dialog .good")
        page.wait("septum.study.review.get().state === 'corrected'")
    (row,) = csv.DictReader((tmp_path / "review.csv").read_text().splitlines())
    assert (row["state"], row["reader"]) == ("corrected", "Ada Newcomer")
    assert (tmp_path / "one_original_mask.nii.gz").is_file()


def test_a_report_page_opens_its_study_where_a_viewer_runs(page, tmp_path):
    write_result(tmp_path, "heart", ("report",))
    write_result(tmp_path, "other")
    with served(Worklist([tmp_path])) as address:
        Reader(page).enter(address)  # the browser knows the token from here on
        report, port = tmp_path / "heart_report.html", address.split(":")[2].split("/")[0]
        at_port = report.read_text(encoding="utf-8").replace(f":{PORT}/", f":{port}/")
        report.write_text(at_port, encoding="utf-8")
        page.open(report)
        link = "[...document.links].find((link) => link.hash.startsWith('#/study/'))"
        page.evaluate(f"setTimeout(() => {link}.click())")  # the page may go before it would answer
        Reader(page).opened("heart")
