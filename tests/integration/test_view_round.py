"""A review of thirty studies in a row, by keys alone: every decision in the table, and memory that stays."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs septum[view]")

from support.hearts import cine, heart
from support.view_browser import Reader, ViewProcess
from support.view_studies import write_result

COUNT, FRAMES = 30, 12
#: Every sixth study is rejected, every third of the others corrected.
DECISIONS = ["rejected" if k % 6 == 5 else "corrected" if k % 3 == 0 else "accepted" for k in range(COUNT)]
#: One open study holds more than this: thirty that are kept would be told from four.
STUDY_MB = 9.0


def memory_mb(process: int) -> float:
    """Memory that a process has now."""
    status = Path(f"/proc/{process}/status")
    if not status.is_file():
        pytest.skip("needs /proc")
    line = next(one for one in status.read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024.0


def write_results(folder: Path) -> None:
    """One heart under thirty names."""
    beat = 0.15 - 0.15 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)
    write_result(folder, "one", mask=cine(*(heart(float(emptied)) for emptied in beat)))
    for number in range(COUNT):
        for ending in (".nii.gz", "_seg.nii.gz", "_seg.json"):
            (folder / f"heart{number:02d}{ending}").hardlink_to(folder / f"one{ending}")
    for path in folder.glob("one*"):
        path.unlink()


def decide(reader: Reader, decision: str) -> None:
    """Take a decision on the study that is shown: a corrected one loses a slice at the base."""
    page = reader.page
    if decision == "corrected":
        page.press("ArrowUp", "i")
        reader.arrived()
    page.press("r" if decision == "rejected" else "a")
    page.wait(f"septum.study.review.get().state === {decision!r}")


def test_thirty_studies_are_decided_on_by_keys_and_memory_stays_bounded(tmp_path, browser):
    write_results(tmp_path)
    server = ViewProcess(tmp_path, "--reader", "A. Reader")
    used_mb = []
    try:
        browser.width(1280, 720)
        reader = Reader(browser)
        reader.enter(server.address)
        browser.press("Enter")
        for number, decision in enumerate(DECISIONS):
            reader.opened(f"heart{number:02d}")
            decide(reader, decision)
            used_mb.append(memory_mb(server.process.pid))
            browser.press("j")
        browser.press("Escape")
        browser.wait(f"document.querySelector('.done')?.textContent.startsWith('{COUNT} of {COUNT}')")
    finally:
        assert server.stop() == 0
    with (tmp_path / "review.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["study"] for row in rows] == [f"heart{number:02d}" for number in range(COUNT)]
    assert [row["state"] for row in rows] == DECISIONS
    assert {row["reader"] for row in rows} == {"A. Reader"}
    for number, decision in enumerate(DECISIONS):
        told = json.loads((tmp_path / f"heart{number:02d}_seg.json").read_bytes())
        assert told["mask_origin"] == ("corrected" if decision == "corrected" else "model")
        kept = tmp_path / f"heart{number:02d}_original_mask.nii.gz"
        assert kept.is_file() is (decision == "corrected")
    assert max(used_mb) - used_mb[9] < 10 * STUDY_MB, used_mb
