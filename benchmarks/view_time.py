"""Speed of ``septum view`` in a browser: first picture, rate of the cine, a stroke, the list.

``python benchmarks/view_time.py`` starts the viewer on a synthetic cine of 30 frames of 10 slices of
256 x 256 voxels, opens it in Chromium without a window, and writes ``benchmarks/results/view_time.json``.
The same cine is opened as a DICOM study of 300 files, by a viewer that was only just started. A list of 5,000
studies is scrolled. The page draws without a graphics processor there. Processor times are told, too: they
also hold where the machine is busy otherwise.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from frame_time_result import Machine, Spread, machine_facts
from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from septum.core.files import write_text  # noqa: E402
from septum.io import write_image  # noqa: E402
from septum.phantom import PhantomSettings, beating_heart  # noqa: E402
from support.browser import Page, browser_page, chromium  # noqa: E402
from support.dicom_study import Sheet, write_cine  # noqa: E402
from support.view_browser import SCROLL, Reader, ViewProcess  # noqa: E402
from support.view_studies import many_results, write_result  # noqa: E402

PHANTOM = PhantomSettings(frames=30, slices=10, matrix=(256, 256), in_plane_mm=1.4)
STROKES = 30
PLAYED_MS = 5000
STARTS = 5
LISTED = 5000
#: A quarter of the list's height by hand is about so many pixels at each refresh.
SCROLLED_PX, REFRESHES = 180, 300
#: A refresh that takes longer is seen as a hitch.
HITCH_MS = 50.0
RESULT = Path(__file__).parent / "results" / "view_time.json"

#: Plays, and gives how many frames were shown, the refreshes of the browser, and the rate of the beat.
PLAY = f"""(async () => {{
  const {{ study, view }} = septum;
  view.play.patch({{ on: true }});
  const gaps = [];
  let shown = 0, last = -1, before = performance.now();
  const begun = before;
  while (before - begun < {PLAYED_MS}) {{
    const now = await new Promise(requestAnimationFrame);
    gaps.push(performance.now() - before);
    before = performance.now();
    if (study.place.get().t !== last) {{ shown += 1; last = study.place.get().t; }}
  }}
  view.play.patch({{ on: false }});
  const times = study.detail.frame_times_ms;
  return {{
    shown, shown_per_s: 1000 * shown / (before - begun), gaps,
    true_per_s: 1000 * (times.length - 1) / (times.at(-1) - times[0]),
  }};
}})()"""


class Result(BaseModel):
    """What was measured, where, and on what.

    Attributes:
        first_picture_s: from the click in the list until the image is there.
        frames_shown_per_s: while the cine plays at its true rate.
        frames_of_the_beat_per_s: the true rate.
        refresh_ms: between two refreshes of the browser meanwhile.
        cpu_ms_per_frame_shown: processor time of the browser.
        stroke_to_numbers_ms: from the end of a stroke until its numbers are there.
        cpu_ms_per_stroke: processor time of browser and server, for the drawing of the stroke, too.
        dicom_first_picture_s: as ``first_picture_s``, of the DICOM study; each time by a new viewer.
        dicom_cpu_s: processor time of browser and server from the click on.
        dicom_start_to_picture_s: from the start of the command, with a browser that is open.
        list_start_s: from the start of the command until its address is there.
        list_first_row_s: from the address until the first row is there.
        list_refresh_ms: between two refreshes while the list is scrolled.
        list_hitches: refreshes of these that took more than 50 ms.
        list_most_rows: that existed at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 2
    benchmark: str = "view_time"
    machine: Machine
    python: str
    septum: str
    browser: str
    shape: tuple[int, ...]
    first_picture_s: Spread
    frames_shown_per_s: float
    frames_of_the_beat_per_s: float
    refresh_ms: Spread
    cpu_ms_per_frame_shown: float
    stroke_to_numbers_ms: Spread
    cpu_ms_per_stroke: float
    dicom_first_picture_s: Spread
    dicom_cpu_s: Spread
    dicom_start_to_picture_s: Spread
    list_start_s: float
    list_first_row_s: Spread
    list_refresh_ms: Spread
    list_hitches: int
    list_most_rows: int


def cpu_s(word: Path) -> float:
    """Processor time so far of the processes whose command has a word, and of those that they started."""
    spent, parents, named = {}, {}, set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        spent[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if str(word).encode() in command:
            named.add(pid)
    descends = {pid for pid in parents if pid in named or parents[pid] in named}
    descends |= {pid for pid in parents if parents[pid] in descends}
    return sum(spent[pid] for pid in descends)


def measure(page: Page, server: ViewProcess, profile: Path) -> dict[str, Any]:
    """Open, play and draw, and give the times."""
    reader = Reader(page)
    opened = []
    for _ in range(5):
        reader.enter(server.address)
        started = time.perf_counter()
        reader.open("cine")
        opened.append(time.perf_counter() - started)
    before_s = cpu_s(profile)
    played = page.evaluate(PLAY)
    used_s = cpu_s(profile) - before_s
    reader.at(0, 5)
    page.press("b", "3")
    before_s = cpu_s(server.folder)
    for number in range(STROKES):
        x, y = page.evaluate("[septum.view.camera.get().x, septum.view.camera.get().y]")
        turn = 2 * np.pi * number / STROKES
        start = x + 12 * np.cos(turn), y + 12 * np.sin(turn)
        reader.draw(start, (start[0] + 3, start[1] + 3))
        reader.arrived()
    drawn_s = cpu_s(server.folder) - before_s
    took_ms = page.evaluate("septum.edits.times_ms")
    return {
        "browser": page.call("Browser.getVersion")["product"],
        "first_picture_s": Spread.of(opened), "frames_shown_per_s": round(played["shown_per_s"], 2),
        "frames_of_the_beat_per_s": round(played["true_per_s"], 2), "refresh_ms": Spread.of(played["gaps"]),
        "cpu_ms_per_frame_shown": round(1000 * used_s / played["shown"], 2),
        "stroke_to_numbers_ms": Spread.of(took_ms), "cpu_ms_per_stroke": round(1000 * drawn_s / STROKES, 2),
    }  # fmt: skip


def measure_dicom(page: Page, folder: Path, profile: Path) -> dict[str, Any]:
    """Open a DICOM study by viewers that were only just started."""
    reader = Reader(page)
    clicked, spent, started = [], [], []
    for _ in range(STARTS):
        begun = time.perf_counter()
        server = ViewProcess(folder)
        try:
            reader.enter(server.address)
            before_s, click = cpu_s(profile) + cpu_s(folder), time.perf_counter()
            reader.open("study")
            clicked.append(time.perf_counter() - click)
            started.append(time.perf_counter() - begun)
            spent.append(cpu_s(profile) + cpu_s(folder) - before_s)
        finally:
            server.stop()
    return {
        "dicom_first_picture_s": Spread.of(clicked), "dicom_cpu_s": Spread.of(spent),
        "dicom_start_to_picture_s": Spread.of(started),
    }  # fmt: skip


def measure_list(page: Page, folder: Path) -> dict[str, Any]:
    """Show a long list, and scroll it."""
    reader = Reader(page)
    begun = time.perf_counter()
    server = ViewProcess(folder)
    start_s = time.perf_counter() - begun
    first = []
    try:
        for _ in range(STARTS):
            page.call("Page.navigate", url="about:blank")
            begun = time.perf_counter()
            reader.enter(server.address)
            first.append(time.perf_counter() - begun)
        scrolled = page.evaluate(f"{SCROLL}({REFRESHES}, {SCROLLED_PX})")
    finally:
        server.stop()
    gaps = scrolled["gaps_ms"]
    return {
        "list_start_s": round(start_s, 3), "list_first_row_s": Spread.of(first),
        "list_refresh_ms": Spread.of(gaps), "list_hitches": sum(gap > HITCH_MS for gap in gaps),
        "list_most_rows": max(scrolled["rows"]),
    }  # fmt: skip


def main() -> None:
    """Measure, and write the result.

    Raises:
        SystemExit: there is no browser.
    """
    program = chromium()
    if program is None:
        raise SystemExit("expected Chromium on the path; install it.")
    with tempfile.TemporaryDirectory() as name:
        folder, dicom, many = (Path(name) / part for part in ("cine", "dicom", "many"))
        for one in (folder, dicom, many):
            one.mkdir()
        made = beating_heart(np.random.default_rng(0), PHANTOM)
        write_image(folder / "cine.nii.gz", made.cine)
        write_result(folder, "cine", image=folder / "cine.nii.gz", mask=made.truth)
        sheet = Sheet(pixel_mm=(1.4, 1.4), step_mm=8.0, interval_ms=30.0)
        write_cine(dicom / "study", made.cine.array.astype(np.uint16), sheet)
        write_result(dicom, "study", image=dicom / "study", mask=made.truth)
        many_results(many, LISTED)
        profile = Path(name) / "profile"
        with browser_page(program, profile) as page:
            page.width(1440)
            server = ViewProcess(folder, "--reader", "benchmark")
            try:
                told = measure(page, server, profile)
            finally:
                server.stop()
            told |= measure_dicom(page, dicom, profile) | measure_list(page, many)
    python = ".".join(map(str, sys.version_info[:3]))
    result = Result(
        machine=machine_facts(), python=python, septum=version("septum"), shape=made.cine.array.shape, **told
    )
    write_text(RESULT, result.model_dump_json(indent=2) + "\n")
    print(result.model_dump_json(indent=2))


if __name__ == "__main__":
    main()
