"""The report in a real browser: what it shows is what it was given, at every frame, and it asks nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from septum.phantom import PhantomSettings
from septum.report import write_report
from septum.report.markup import number
from support.browser import Page, browser_page, chromium
from support.phantom_study import PhantomStudy, phantom_study

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAMES, SLICES, ES = 8, 7, 3
NUMBERS_NOW = "[...document.querySelectorAll('td.now')].map((c) => [c.dataset.structure, c.textContent])"
WHERE = "document.getElementById('where').textContent"
PICTURES = "JSON.parse(document.getElementById('septum-pictures').textContent)"
VOXELS = f"(({{rows, columns}}) => rows * columns)({PICTURES})"
#: Pixels of the canvas where red, green or blue outdoes the other two: a cine of greys has none.
COLOURED = """(() => {
  const {width, height} = stage;
  const d = stage.getContext('2d').getImageData(0, 0, width, height).data;
  const n = [0, 0, 0];
  for (let i = 0; i < d.length; i += 4)
    for (let c = 0; c < 3; c++)
      if (d[i + c] > 12 + Math.max(d[i + (c + 1) % 3], d[i + (c + 2) % 3])) n[c]++;
  return n.map((k) => k / (width * height));
})()"""


@pytest.fixture(scope="module")
def given() -> PhantomStudy:
    return phantom_study(PhantomSettings(frames=FRAMES, slices=SLICES, matrix=(160, 160)))


@pytest.fixture(scope="module")
def report(given, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "phantom.html"
    write(path, given)
    return path


def write(path: Path, given: PhantomStudy) -> None:
    write_report(path, given, title="phantom")


@pytest.fixture
def page(tmp_path) -> Iterator[Page]:
    program = chromium()
    if program is None:
        pytest.skip("needs chromium")
    with browser_page(program, tmp_path / "profile") as opened:
        yield opened


def show(page: Page, name: str, value: int) -> None:
    """Move a slider as a hand does."""
    page.evaluate(f"{{const s = document.getElementById('{name}'); s.value = {value};"
                  "s.dispatchEvent(new Event('input', {bubbles: true}))}")  # fmt: skip


def test_scrubbing_shows_the_volumes_and_the_mask_of_each_frame_and_slice(page, report, given):
    page.open(report)
    labels = given.segmentation.labels
    voxels = page.evaluate(VOXELS)
    for t, z in ((0, 2), (ES, 2), (FRAMES - 1, 4), (ES, 0)):
        show(page, "frame", t)
        show(page, "slice", z)
        wanted = [[name, number(values[t], "ml")] for name, values in given.indices.volumes_ml.items()]
        assert page.evaluate(NUMBERS_NOW) == wanted
        assert page.evaluate(WHERE).startswith(f"frame {t} (0–{FRAMES - 1}) · ")
        assert page.evaluate(WHERE).endswith(f"slice {z} (0–{SLICES - 1})")
        truth = [
            np.count_nonzero(labels[t, z] == s.value) / voxels for s in given.segmentation.schema.structures
        ]
        assert page.evaluate(COLOURED) == pytest.approx(truth, abs=0.012)
    cursor = [float(v) for v in page.evaluate("curve.dataset.x").split(",")]
    assert len(cursor) == FRAMES
    assert float(page.evaluate("curve.querySelector('.cursor').getAttribute('x1')")) == cursor[ES]


def test_the_address_names_what_is_shown_and_keys_move_it(page, report):
    page.open(report, "frame=5&slice=1")
    assert page.evaluate("[frame.value, slice.value]") == ["5", "1"]
    page.evaluate("stage.focus()")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.press(key)
    assert page.evaluate("[frame.value, slice.value]") == ["0", "2"], (
        "the last frame is followed by the first"
    )
    page.press("s")
    assert page.evaluate("frame.value") == str(ES)
    page.press(" ")
    page.wait(f"frame.value !== '{ES}'")
    page.press(" ")
    assert page.evaluate("play.textContent") == "Play"


def test_a_structure_that_is_switched_off_is_not_drawn(page, report):
    page.open(report, "frame=0&slice=2")
    shown = page.evaluate(COLOURED)
    page.evaluate("document.querySelector('input.structure[value=\"1\"]').click()")
    hidden = page.evaluate(COLOURED)
    assert shown[0] > 0.02
    assert hidden[0] == pytest.approx(0.0, abs=0.001)
    assert hidden[2] == pytest.approx(shown[2], abs=0.003)


def test_the_page_complains_of_nothing_and_asks_the_network_for_nothing(page, report):
    page.open(report, "frame=1&slice=1")
    page.evaluate("play.click()")
    page.wait("frame.value !== '1'")
    page.width(360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    letters = "[...document.querySelectorAll('#curve text')].map((t) => t.getBoundingClientRect().height)"
    assert min(page.evaluate(letters)) >= 9, "letters of the curve can be read on a telephone"
    assert page.complaints == []
    assert page.requests == [f"{report.as_uri()}"]


def test_a_page_that_was_tampered_with_is_refused_what_it_asks_for(page, report, tmp_path):
    altered = tmp_path / "altered.html"
    foreign = '<img src="https://example.org/x.png"><script>document.title = "run"</script></main>'
    altered.write_text(report.read_text(encoding="utf-8").replace("</main>", foreign), encoding="utf-8")
    page.open(altered)
    assert len(page.complaints) >= 2
    assert all("Content Security Policy" in said for said in page.complaints)
    assert page.evaluate("document.title") != "run"


def test_paper_has_three_pages_and_a_large_picture_of_each_phase(page, report):
    page.open(report)
    widths = (
        "[...document.querySelectorAll('#key img')].map((i) => i.getBoundingClientRect().width * 25.4 / 96)"
    )
    assert page.evaluate(widths) == [0, 0], "on the screen the cine stands for them"
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf())) == 3
    page.width(695)  # that of A4 between its margins
    page.call("Emulation.setEmulatedMedia", media="print")
    assert len(page.evaluate(widths)) == 2
    assert all(45 <= width <= 92 for width in page.evaluate(widths))
    assert page.evaluate("document.documentElement.scrollWidth") <= 695


def test_letters_lie_over_the_edges_of_the_picture(page, given, tmp_path):
    tilted = ((0.6, 0.0, 0.8), (-0.64, 0.6, 0.48), (-0.48, -0.8, 0.36))
    grid = replace(given.study.cine.geometry, direction=tilted)
    study = replace(given.study, cine=replace(given.study.cine, geometry=grid))
    path = tmp_path / "tilted.html"
    write(path, replace(given, study=study, segmentation=replace(given.segmentation, geometry=grid)))
    page.open(path)
    for width in (1280, 360):
        page.width(width)
        places = page.evaluate("""(() => {
          const s = stage.getBoundingClientRect();
          return Object.fromEntries([...document.querySelectorAll('.stage .edge')].map((e) => {
            const b = e.getBoundingClientRect();
            return [e.textContent, [((b.left + b.right) / 2 - s.left) / s.width,
                                    ((b.top + b.bottom) / 2 - s.top) / s.height]];
          }));
        })()""")
        middle, low, high = pytest.approx(0.5, abs=0.02), pytest.approx(0, abs=0.1), pytest.approx(1, abs=0.1)
        assert places == {
            "HA": [middle, low],
            "FP": [middle, high],
            "RAF": [low, middle],
            "LPH": [high, middle],
        }
