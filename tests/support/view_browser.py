"""The viewer in a browser: a server process that can be killed, and a hand that draws in image pixels."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import septum
from support.view_studies import painted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.browser import Page

STARTING_S = 60.0
#: Scrolls the list by so many pixels at each of so many refreshes. Gives the time between refreshes, how many
#: rows existed at each, and at how many of them a part of the list was bare.
SCROLL = """(async (refreshes, by_px) => {
  const box = document.querySelector('.scroll'), head = document.querySelector('.head').offsetHeight;
  const gaps_ms = [], rows = [], begun = box.scrollTop;
  let before = performance.now(), bare = 0;
  for (let k = 0; k < refreshes; k += 1) {
    box.scrollTop += by_px;
    await new Promise(requestAnimationFrame);
    gaps_ms.push(performance.now() - before);
    before = performance.now();
    const there = [...document.querySelectorAll('.study-row')].map((row) => row.getBoundingClientRect());
    rows.push(there.length);
    const seen = box.getBoundingClientRect();
    const top = Math.min(...there.map((row) => row.top));
    const bottom = Math.max(...there.map((row) => row.bottom));
    if (top > seen.top + head || bottom < seen.bottom - 2) bare += 1;
  }
  return { gaps_ms, rows, bare, moved: box.scrollTop - begun };
})"""


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ViewProcess:
    """``septum view`` as its own process, on one port."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder, self.more, self.port = folder, more, free_port()
        self.start()

    def start(self) -> None:
        """Start it, and read its address."""
        source = str(Path(septum.__file__).parents[1])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "septum", "view", str(self.folder), "--no-browser",
             "--port", str(self.port), *self.more],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
            env={**os.environ, "PYTHONPATH": source, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        said: list[str] = []
        assert self.process.stdout is not None
        reading = threading.Thread(target=lambda: self._read(said), daemon=True)
        reading.start()
        reading.join(STARTING_S)
        assert said, "the server said no address"
        self.address = said[0]

    def _read(self, said: list[str]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = [word for word in line.split() if word.startswith("http://")]
            if found:
                said.append(found[0])
                return

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self._gone()

    def stop(self) -> int:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(STARTING_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


class Reader:
    """Somebody who looks at studies in a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def enter(self, address: str) -> None:
        """Open the list."""
        self.page.visit(address, "document.querySelector('.study-row') !== null")

    def open(self, name: str) -> None:
        """Open a study of the list by a click on its row."""
        row = f"[...document.querySelectorAll('.study-row')].find((r) => r.textContent.includes({name!r}))"
        self.page.wait(f"{row} !== undefined")
        self.page.evaluate(f"{row}.click()")
        self.opened(name)

    def opened(self, name: str) -> None:
        """Wait until a study is on the screen with its image."""
        self.page.wait(
            f"document.querySelector('.study[data-image=ready]') && document.title.startsWith({name!r})"
        )

    def arrived(self) -> dict[str, Any]:
        """Wait until the server has answered everything; what is known of the history then."""
        self.page.wait("septum.edits.line.get().state === 'quiet'")
        return dict(self.page.evaluate("septum.study.history.get()"))

    def at(self, t: int, z: int) -> None:
        """Go to a frame and a slice."""
        self.page.evaluate(f"septum.study.place.set({{t: {t}, z: {z}}})")
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def on_screen(self, points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        """Where points (x, y) of the image are in the window."""
        camera = self.page.evaluate(
            "(() => { const box = pane.getBoundingClientRect();"
            " const c = septum.view.camera.get(), g = septum.study.grid;"
            " return [box.left + box.width / 2, box.top + box.height / 2, c.x, c.y,"
            " c.scale * g.sx, c.scale * g.sy]; })()"
        )
        left, top, x0, y0, sx, sy = camera
        return [(left + (x - x0) * sx, top + (y - y0) * sy) for x, y in points]

    def draw(self, *points: tuple[float, float]) -> None:
        """A stroke through points of the image."""
        self.page.drag(*self.on_screen(points))

    def click(self, selector: str) -> None:
        """The mouse on the middle of an element that can be seen."""
        x, y = self.page.evaluate(
            f"(() => {{ const one = document.querySelector({selector!r});"
            " one.scrollIntoView({block: 'center'});"
            " const box = one.getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        self.page.drag((x, y))

    def item(self, key: str) -> float:
        """A number as the page has it from the server."""
        items = self.page.evaluate("septum.study.numbers.get().items")
        return float(next(item["value"] for item in items if item["key"] == key))

    def mask(self, which: str = "current") -> np.ndarray:
        """The mask (T, Z, Y, X) as the server has it."""
        told = self.page.evaluate(
            f"fetch(`/api/studies/${{septum.study.detail.id}}/mask?which={which}`).then((a) => a.json())"
        )
        shape = self.page.evaluate("septum.study.detail.shape")
        labels = np.zeros(shape, np.uint8)
        for t, z, runs in told["slices"]:
            labels[t, z] = painted(runs, tuple(shape[2:]))
        return labels

    def mask_shown(self) -> np.ndarray:
        """The mask as the page has it."""
        shape = self.page.evaluate("septum.study.detail.shape")
        runs = self.page.evaluate(
            "(() => { const m = septum.study.mask, runs = []; let from = 0;"
            " for (let k = 1; k <= m.length; k += 1)"
            " if (m[k] !== m[from]) { runs.push([m[from], k - from]); from = k; }"
            " return runs; })()"
        )
        return np.repeat(*np.array(runs).T).astype(np.uint8).reshape(shape)

    def text(self, selector: str) -> str:
        """Text of an element."""
        return str(self.page.evaluate(f"document.querySelector({selector!r})?.textContent ?? ''"))
