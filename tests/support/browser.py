"""Chromium without a window, driven by its DevTools protocol over a pipe: no library and no port."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_S = 60.0
_HELD = {"Alt": 1, "Ctrl": 2, "Meta": 4, "Shift": 8}
_CODES = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32, "ArrowDown": 40, "ArrowUp": 38, "Backspace": 8}
_TEXTS = {"Enter": "\r", "Tab": ""}


def chromium() -> str | None:
    """Path of the browser, or ``None``."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page: what it says of itself, and everything that it asks the network or its console for.

    Attributes:
        requests: addresses that the page asked for, itself first; ``data:`` ones are left out.
        complaints: errors and warnings of the console, exceptions, and refusals of the security policy.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from, self._rest, self._number = to_browser, from_browser, b"", 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, path: Path, fragment: str = "") -> None:
        """Go to a file and wait until its script says that it is ready."""
        self.call("Page.navigate", url=path.as_uri() + (f"#{fragment}" if fragment else ""))
        self.wait("document.documentElement?.dataset.ready === 'true'")

    @contextmanager
    def another(self) -> Iterator[Page]:
        """One more window of the same browser."""
        page = Page(self._to, self._from)
        try:
            yield page
        finally:
            page.call("Page.close")

    def visit(self, address: str, until: str = "document.readyState === 'complete'") -> None:
        """Go to an address and wait until an expression is true there."""
        self.call("Page.navigate", url=address)
        self.wait(f"location.protocol !== 'about:' && ({until})")

    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until an expression is true, in this page or in the one that comes after it."""
        end = time.monotonic() + PATIENCE_S
        while not self._is_true(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.02)

    def _is_true(self, expression: str) -> bool:
        try:
            return bool(self.evaluate(expression))
        except AssertionError as error:
            if "navigated" in str(error):  # while it was asked
                return False
            raise

    def press(self, *keys: str) -> None:
        """Keys, each down and up; ``Shift+`` and ``Ctrl+`` before one are held."""
        for named in keys:
            *held, key = named.split("+") if len(named) > 1 else [named]
            told: dict[str, Any] = {
                "key": key, "modifiers": sum(_HELD[one] for one in held),
                "windowsVirtualKeyCode": _CODES.get(key, 0), "code": f"Digit{key}" if key.isdigit() else key,
            }  # fmt: skip
            text = _TEXTS.get(key, key if len(key) == 1 and "Ctrl" not in held else "")
            self.call("Input.dispatchKeyEvent", type="keyDown", **told, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def drag(self, *points: tuple[float, float], button: str = "left", by: str = "mouse") -> None:
        """The mouse, or a ``pen``, down at the first point and up at the last."""
        held: dict[str, Any] = {
            "pointerType": by,
            "button": button,
            "buttons": 2 if button == "right" else 1,
            "clickCount": 1,
        }
        (x, y), *rest = points
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, pointerType=by)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **held)
        for x, y in rest:  # the last one is where the button is let go
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, **held)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, **{**held, "buttons": 0})

    def touch(self, *moments: tuple[tuple[float, float], ...]) -> None:
        """Fingers: where they are at each moment. They come down one after the other, and go up together."""
        kind, there = "touchStart", 0
        for fingers in moments:
            for count in range(there + 1, len(fingers)):
                self._fingers("touchStart", fingers[:count])
            self._fingers(kind if len(fingers) == there else "touchStart", fingers)
            kind, there = "touchMove", len(fingers)
        self._fingers("touchEnd", ())

    def _fingers(self, kind: str, fingers: tuple[tuple[float, float], ...]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def wheel(self, x: float, y: float, by: float, held: str = "") -> None:
        """The wheel at a place; ``held`` is a key of :data:`_HELD`."""
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=by,
                  modifiers=_HELD.get(held, 0))  # fmt: skip

    def write(self, text: str) -> None:
        """Text into the element that has the focus."""
        self.call("Input.insertText", text=text)

    def width(self, pixels: int, height: int = 900) -> None:
        """Make the window so wide."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=pixels, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def colours(self, scheme: str) -> None:
        """Have it wish for ``light`` or ``dark`` pages."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self) -> bytes:
        """The window as a PNG."""
        answer = self.call("Page.captureScreenshot", format="png", optimizeForSpeed=False)
        return base64.b64decode(answer["data"])

    def pdf(self) -> bytes:
        """The page as printed on its own paper."""
        answer = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(answer["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Result of a command; events that come before it are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE_S
        while True:
            answer = self._read(end)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self._note(answer.get("method", ""), answer.get("params", {}))

    def _read(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self._from, 1 << 20)
            assert part, "the browser has gone"
            self._rest += part
        first, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(first))

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent" and not told["request"]["url"].startswith("data:"):
            self.requests.append(told["request"]["url"])
        if event == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        if event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        if event == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(told["args"]))


@contextmanager
def browser_page(program: str, profile: Path) -> Iterator[Page]:
    """A page of a browser of its own, which ends with the block."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # The browser reads descriptor 3 and writes descriptor 4; move ours out of their way.
    theirs_in, theirs_out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 64) for end in (theirs_in, theirs_out))
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, theirs_in, 3),
        (os.POSIX_SPAWN_DUP2, theirs_out, 4),
    ]
    command = [program, *OPTIONS, f"--user-data-dir={profile}"]
    process = os.posix_spawn(program, command, os.environ, file_actions=actions)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(ours_out, ours_in)
    finally:
        os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)
        os.close(ours_out)
        os.close(ours_in)
