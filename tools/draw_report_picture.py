"""Draw the documentation's picture of a report: the head of the page that ``septum demo`` writes.

``python tools/draw_report_picture.py`` needs Chromium (``chromium`` or ``google-chrome`` on the path). The
synthetic heart is the same each time; the page shows when it was written.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from septum.workflows.demo import run_demo
from septum.workflows.lazy_model import LazyModel

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "report-phantom.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: Width and height of the shown part in pixels: down to the end of the cine and the volumes.
SIZE_PX = (1280, 1750)
#: Colours of the picture, which make it a quarter as large.
COLOURS = 256


def screenshot(page: Path, picture: Path, browser: str) -> None:
    """Show a page in a browser without a window, and write what is seen as PNG.

    Raises:
        subprocess.CalledProcessError: the browser ended with an error.
    """
    width, height = SIZE_PX
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--window-size={width},{height}",
            "--virtual-time-budget=5000", f"--screenshot={picture}", page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603  # of fixed words


def main() -> None:
    """Run the demo and photograph its report.

    Raises:
        SystemExit: there is no browser.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"expected one of {', '.join(BROWSERS)} on the path; install Chromium.")
    with tempfile.TemporaryDirectory() as folder:
        report = run_demo(Path(folder), LazyModel("cine")).report
        taken = Path(folder) / "page.png"
        screenshot(report, taken, browser)
        with Image.open(taken) as picture:
            few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
