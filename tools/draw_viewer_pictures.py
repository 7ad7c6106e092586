"""Draw the documentation's pictures of the viewer, on phantoms: the list, and a correction.

``python tools/draw_viewer_pictures.py`` needs Chromium (``chromium`` or ``google-chrome`` on the path). The
synthetic hearts and the strokes are the same each time.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from septum.core import Segmentation  # noqa: E402
from septum.io import write_image  # noqa: E402
from septum.phantom import PhantomSettings, beating_heart  # noqa: E402
from support.browser import Page, browser_page, chromium  # noqa: E402
from support.view_browser import Reader, ViewProcess  # noqa: E402
from support.view_studies import write_result  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
READER = "Ada Reader"
SETTINGS = PhantomSettings(frames=20, slices=10)
SIZE_PX = (1280, 820)
LIST_PX = (1280, 420)
#: Colours of a picture, which make it a quarter as large.
COLOURS = 256
#: Slices (frame, slice) without a mask, and structures that are missing there, by study.
DAMAGE: dict[str, list[tuple[int, int]]] = {
    "heart-a": [], "heart-b": [(0, 2)], "heart-c": [(0, 4), (0, 5)], "heart-d": [], "heart-e": [(7, 3)],
}  # fmt: skip


def make_results(folder: Path) -> None:
    """Write hearts with their masks, some of them damaged, as results."""
    for seed, (name, missing) in enumerate(DAMAGE.items()):
        made = beating_heart(np.random.default_rng(seed), SETTINGS)
        labels = made.truth.labels.copy()
        for t, z in missing:
            labels[t, z] = 0
        image = folder / f"{name}.nii.gz"
        write_image(image, made.cine)
        mask = Segmentation(labels, made.truth.geometry, made.truth.schema)
        write_result(folder, name, image=image, mask=mask)


def take(page: Page, name: str) -> None:
    """Write what is seen as a PNG of few colours, once nothing moves any more."""
    page.evaluate("new Promise((done) => setTimeout(done, 600))")
    with Image.open(io.BytesIO(page.picture())) as picture:
        few = picture.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE)
    few.save(PICTURES / f"{name}.png", optimize=True)


def correct(reader: Reader) -> None:
    """Pull the contour of the right ventricle outwards in a slice of end-diastole."""
    page = reader.page
    reader.at(0, 4)
    page.press("c", "1")
    x, y = page.evaluate(
        "(() => { const { study } = septum;"
        " const ring = study.outline('mask', 0, 4, study.outlined[0]).rings[0]; let k = 0;"
        " for (let n = 0; n < ring.length; n += 2) if (ring[n] < ring[k]) k = n;"
        " return [ring[k], ring[k + 1]]; })()"
    )
    reader.draw((x, y), (x - 2, y), (x - 5, y))
    reader.arrived()


def main() -> None:
    """Make results, open them, and photograph the viewer.

    Raises:
        SystemExit: there is no browser.
    """
    program = chromium()
    if program is None:
        raise SystemExit("expected Chromium on the path; install it.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_results(folder)
        server = ViewProcess(folder, "--reader", READER)
        try:
            with browser_page(program, folder / "profile") as page:
                reader = Reader(page)
                page.width(*SIZE_PX)
                reader.enter(server.address)
                reader.open("heart-d")
                page.press("a")
                page.wait("septum.study.review.get().state === 'accepted'")
                reader.enter(server.address)
                page.width(*LIST_PX)
                take(page, "view-list")
                page.width(*SIZE_PX)
                reader.open("heart-a")
                correct(reader)
                page.press("g")
                take(page, "view-correct")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
