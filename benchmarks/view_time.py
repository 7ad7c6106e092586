"""Speed of ``septum view`` in a browser: first picture, rate of the cine, and from a stroke to its numbers.

``python benchmarks/view_time.py`` starts the viewer on a synthetic cine of 30 frames of 10 slices of
256 x 256 voxels, opens it in Chromium without a window, and writes ``benchmarks/results/view_time.json``.
The page draws without a graphics processor there. Processor times are told, too: they also hold where the
machine is busy otherwise.
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
from support.view_browser import Reader, ViewProcess  # noqa: E402
from support.view_studies import write_result  # noqa: E402

PHANTOM = PhantomSettings(frames=30, slices=10, matrix=(256, 256), in_plane_mm=1.4)
STROKES = 30
PLAYED_MS = 5000
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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
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


def main() -> None:
    """Measure, and write the result.

    Raises:
        SystemExit: there is no browser.
    """
    program = chromium()
    if program is None:
        raise SystemExit("expected Chromium on the path; install it.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = beating_heart(np.random.default_rng(0), PHANTOM)
        write_image(folder / "cine.nii.gz", made.cine)
        write_result(folder, "cine", image=folder / "cine.nii.gz", mask=made.truth)
        server = ViewProcess(folder, "--reader", "benchmark")
        try:
            with browser_page(program, folder / "profile") as page:
                page.width(1440)
                told = measure(page, server, folder / "profile")
        finally:
            server.stop()
    python = ".".join(map(str, sys.version_info[:3]))
    result = Result(
        machine=machine_facts(), python=python, septum=version("septum"), shape=made.cine.array.shape, **told
    )
    write_text(RESULT, result.model_dump_json(indent=2) + "\n")
    print(result.model_dump_json(indent=2))


if __name__ == "__main__":
    main()
