"""The viewer in a browser: looking, correcting, deciding by mouse and keys, and what the files say then."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs septum[view]")

from support.hearts import LV, RV
from support.view_browser import Reader, ViewProcess
from support.view_studies import write_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.browser import Page

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("stroke", "steps", "accepted", "killed", "tabs", "keys", "phone")
READER = "A. Reader"
SPACING_MM = 1.5
Point = tuple[float, float]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    write_result(folder, "stroke")
    for name in NAMES[1:]:
        for ending in (".nii.gz", "_seg.nii.gz", "_seg.json"):
            shutil.copy(folder / f"stroke{ending}", folder / f"{name}{ending}")
    return folder


@pytest.fixture(scope="module")
def server(results) -> Iterator[ViewProcess]:
    process = ViewProcess(results, "--reader", READER)
    yield process
    assert process.stop() == 0


@pytest.fixture
def reader(browser, server) -> Reader:
    browser.width(1440)
    reader = Reader(browser)
    reader.enter(server.address)
    return reader


def capsule(shape: tuple[int, int], ends: tuple[Point, Point], radius: float) -> Any:
    """Pixels whose centres are within a radius of a line from (x, y) to (x, y), and those at its ends."""
    y, x = np.indices(shape) + 0.5
    (x0, y0), (x1, y1) = ends
    along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / max(1e-9, (x1 - x0) ** 2 + (y1 - y0) ** 2)
    share = np.clip(along, 0, 1)
    return (x - x0 - share * (x1 - x0)) ** 2 + (y - y0 - share * (y1 - y0)) ** 2 <= radius**2


def test_a_stroke_of_a_known_shape_is_in_the_saved_mask_and_its_numbers(reader, results):
    reader.open("stroke")
    before = reader.mask()
    reader.at(0, 5)
    reader.page.press("b", "3")
    reader.page.evaluate("septum.view.hand.patch({diameter_mm: 9})")
    ends = ((30.5, 30.5), (42.5, 34.5))
    reader.draw(*ends)
    assert reader.arrived()["version"] == 1
    drawn = reader.mask()
    # The browser places the hand on whole pixels of the screen: the rim may differ by that.
    sure = capsule(before.shape[2:], ends, 2.8), capsule(before.shape[2:], ends, 3.2)
    assert (drawn[0, 5][sure[0]] == LV).all()
    assert (drawn[0, 5][~sure[1]] == before[0, 5][~sure[1]]).all()
    others = np.ones(before.shape[:2], bool)
    others[0, 5] = False
    assert (drawn[others] == before[others]).all()
    assert (reader.mask_shown() == drawn).all()

    added = int((drawn == LV).sum() - (before == LV).sum())
    grown_ml = added * 8.0 * SPACING_MM**2 / 1000
    original = json.loads((results / "stroke_seg.json").read_bytes())["indices"]["items"]
    edv, esv = original["lv_edv_ml"]["value"] + grown_ml, original["lv_esv_ml"]["value"]
    assert added > 0
    assert reader.item("lv_edv_ml") == pytest.approx(edv, abs=2e-3)
    assert reader.item("lv_ef_percent") == pytest.approx(100 * (edv - esv) / edv, abs=2e-3)
    shown = f"{100 * (edv - esv) / edv:.1f}"
    reader.page.wait(f"document.querySelector('tr[data-key=lv_ef_percent] .now').textContent === '{shown}'")

    reader.page.press("Ctrl+s")
    reader.page.wait("septum.study.history.get().saved === 1")
    saved = np.asarray(nib.load(results / "stroke_seg.nii.gz").dataobj).T
    assert (saved == drawn).all()
    written = json.loads((results / "stroke_seg.json").read_bytes())["indices"]["items"]
    assert written["lv_ef_percent"]["value"] == pytest.approx(reader.item("lv_ef_percent"), abs=1e-3)


def test_slices_go_out_and_come_back_and_each_step_is_undone_to_the_same_mask(reader):
    reader.open("steps")
    first = reader.mask()
    reader.at(0, 4)
    kept = [first]
    for key in ("i", "i", "Shift+1", "Shift+ArrowUp", "n", "Shift+n"):
        reader.page.press(key)
        reader.arrived()
        kept.append(reader.mask())
    assert not kept[1][0, 4].any()
    assert (kept[2] == first).all()
    assert not (kept[3][0, 4] == RV).any()
    assert (kept[3][0, 4] == LV).any()
    above = reader.page.evaluate("septum.study.neighbour(4, -1)")
    assert (kept[4][0, 4] == first[0, above]).all()
    smaller, larger = sorted(int((first[0, z] == LV).sum()) for z in (3, 5))
    assert smaller < int((kept[5][0, 4] == LV).sum()) < larger
    assert (kept[6][0, 4] != kept[5][0, 4]).any()
    for state in reversed(kept[:-1]):
        reader.page.press("Ctrl+z")
        reader.arrived()
        assert (reader.mask() == state).all()
        assert (reader.mask_shown() == state).all()
    for state in kept[1:]:
        reader.page.press("Ctrl+Shift+Z")
        reader.arrived()
        assert (reader.mask_shown() == state).all()


def test_an_accepted_study_is_in_the_table_and_the_next_one_opens(reader, results):
    reader.open("accepted")
    reader.page.press("q")
    reader.page.write("Base is right.")
    reader.page.press("Escape", "a")
    reader.page.wait("septum.study.review.get().state === 'accepted'")
    with (results / "review.csv").open(newline="") as file:
        rows = {row["study"]: row for row in csv.DictReader(file)}
    told = rows["accepted"]
    assert (told["state"], told["reader"], told["comment"]) == ("accepted", READER, "Base is right.")
    reader.page.press("PageDown")
    reader.page.wait("!document.title.startsWith('accepted') && document.querySelector('#pane') !== null")
    reader.page.press("Escape")
    reader.page.wait("document.querySelector('.done')?.textContent.startsWith('1 of')")


def test_a_killed_server_costs_no_stroke(reader, server):
    reader.open("killed")
    reader.at(0, 5)
    reader.page.press("1")
    reader.draw((30.5, 42.5), (36.5, 42.5))
    reader.arrived()
    server.kill()
    reader.draw((24.5, 74.5), (30.5, 74.5))
    reader.page.wait("document.querySelector('.notices')?.textContent.includes('does not answer')")
    drawn = reader.mask_shown()
    assert drawn[0, 5, 74, 26] == RV
    server.start()
    reader.page.wait("septum.edits.line.get().state === 'locked'")
    reader.enter(server.address)
    reader.open("killed")
    reader.arrived()
    assert (reader.mask() == drawn).all()


def test_of_two_windows_the_second_is_told_and_its_stroke_is_not_lost(reader, server, browser):
    reader.open("tabs")
    reader.page.evaluate("septum.edits.refresh = async () => {}")  # as if it had not looked meanwhile
    with browser.another() as page:
        page.width(1440)
        other = Reader(page)
        other.enter(server.address)
        other.open("tabs")
        other.at(0, 5)
        other.page.press("1")
        other.draw((30.5, 42.5), (36.5, 42.5))
        other.arrived()
        taken = other.mask()
    reader.at(0, 4)
    reader.page.press("1")
    reader.draw((24.5, 74.5), (30.5, 74.5))
    reader.page.wait("septum.edits.line.get().state === 'conflict'")
    assert (reader.mask_shown() == taken).all()
    reader.page.evaluate(
        "[...document.querySelectorAll('.notice button')].find((b) => b.textContent.includes('mine')).click()"
    )
    reader.arrived()
    both = reader.mask()
    assert both[0, 5, 42, 32] == RV
    assert both[0, 4, 74, 26] == RV


def test_the_keyboard_alone_opens_draws_and_accepts(reader):
    page = reader.page
    page.wait("document.querySelector('.study-row') !== null")
    page.press("/")
    page.wait("document.activeElement instanceof HTMLInputElement")
    page.write("keys")
    page.wait("document.querySelector('.study-row')?.textContent.includes('keys')")
    page.press("Enter")
    page.wait("document.activeElement?.classList.contains('study-row')")
    page.press("Enter")
    reader.opened("keys")
    start = page.evaluate("septum.study.place.get()")
    page.press("ArrowRight", "ArrowDown")
    now = page.evaluate("septum.study.place.get()")
    assert now["t"] == start["t"] + 1
    assert now["z"] != start["z"]
    before = reader.mask()
    page.press("e", "k", "Enter", *["ArrowRight"] * 4, "Enter", "k")
    reader.arrived()
    after = reader.mask()
    changed = np.argwhere(after != before)
    assert len(changed) > 0
    assert {(t, z) for t, z, _, _ in changed.tolist()} == {(now["t"], now["z"])}
    assert not after[after != before].any()
    page.press("a")
    page.wait("septum.study.review.get().state === 'corrected'")
    page.press("?")
    page.wait("document.querySelector('dialog[open] kbd') !== null")
    page.press("Escape")
    page.wait("document.querySelector('dialog') === null")


def test_a_phone_shows_everything_in_its_width(reader):
    reader.page.width(390, 844)
    reader.open("phone")
    reader.page.wait("document.querySelector('#pane').clientWidth > 300")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 390
    for selector in ("#pane", ".matrix", ".numbers", ".corrections", ".review"):
        right = reader.page.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().right")
        assert 0 < right <= 391, selector


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing(reader, scheme):
    if not AXE.is_file():
        pytest.skip("needs axe-core: npm ci in web/")
    page = reader.page
    page.colours(scheme)
    page.evaluate(AXE.read_text() + ";0")
    assert violations(page) == []
    reader.open("phone")
    page.press("m", "g")
    assert violations(page) == []
    page.press("?")
    assert violations(page) == []
    page.press("Escape")


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, once nothing moves any more."""
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then((told) => told.violations.map((v) =>"
        " v.id + ': ' + v.nodes.map((n) => n.target + ' ' + n.failureSummary).join(' | ')))"
    )
    return list(found)


def test_nothing_is_asked_of_any_other_place(reader):
    assert reader.page.requests
    assert all(address.startswith("http://127.0.0.1:") for address in reader.page.requests)
