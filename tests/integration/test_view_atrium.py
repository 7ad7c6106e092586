"""A left atrium in the viewer: 88 slices, three planes and the surface, a stroke in the saved file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs septum[view]")

from PIL import Image

from septum.core import LEFT_ATRIUM, Geometry, Segmentation
from support.view_browser import Reader, ViewProcess
from support.view_studies import write_result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (88, 80, 80)
SPACING_MM = (1.0, 1.25, 1.25)
RADIUS_MM = 25.0
Z = 44


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("atrium")
    z, y, x = (np.indices(SHAPE) - np.array(SHAPE).reshape(3, 1, 1, 1) / 2) * np.reshape(
        SPACING_MM, (3, 1, 1, 1)
    )
    ball = (z**2 + y**2 + x**2 < RADIUS_MM**2).astype(np.uint8)[None]
    write_result(folder, "atrium", mask=Segmentation(ball, Geometry(SHAPE, SPACING_MM), LEFT_ATRIUM))
    return folder


@pytest.fixture(scope="module")
def reader(results, browser) -> Iterator[Reader]:
    server = ViewProcess(results, "--reader", "A. Reader")
    try:
        browser.width(1200, 640)
        reader = Reader(browser)
        reader.enter(server.address)
        reader.open("atrium")
        yield reader
    finally:
        server.stop()


def seen(reader: Reader, which: int) -> np.ndarray:
    """What one of both views shows, once it stands still: 0 for the planes, 1 for the surface."""
    page = reader.page
    left, top, width, height = page.evaluate(
        f"(() => {{ const canvas = document.querySelectorAll('.volume-box canvas')[{which}];"
        " const box = canvas.getBoundingClientRect();"
        " return [box.left, box.top, box.width, box.height]; })()"
    )
    page.evaluate("new Promise((done) => setTimeout(done, 300))")
    with Image.open(io.BytesIO(page.picture())) as picture:
        part = picture.convert("RGB").crop((left, top, left + width, top + height))
    return np.asarray(part).astype(int)


def reddish(picture: np.ndarray) -> int:
    """Pixels in the colour of the atrium, more or less mixed with grey."""
    colour = np.array(LEFT_ATRIUM.structures[0].colour) - np.mean(LEFT_ATRIUM.structures[0].colour)
    grey = picture - picture.mean(axis=2, keepdims=True)
    return int((grey @ colour > 0.25 * (colour @ colour)).sum())


def test_a_stroke_is_in_the_saved_file_and_the_volume_follows(reader, results):
    page = reader.page
    assert page.evaluate("document.querySelectorAll('.row-head').length") in (0, SHAPE[0])
    before, volume_ml = reader.mask(), reader.item("la_volume_ml")
    reader.at(0, Z)
    page.press("b", "1", "Shift+0")
    reader.draw((10.5, 10.5), (20.5, 10.5))
    reader.arrived()
    drawn = reader.mask()
    added = int(drawn.sum()) - int(before.sum())
    assert added > 10
    assert (drawn[0, [Z - 1, Z + 1]] == before[0, [Z - 1, Z + 1]]).all()
    grown_ml = added * np.prod(SPACING_MM) / 1000.0
    assert reader.item("la_volume_ml") - volume_ml == pytest.approx(grown_ml, abs=2e-4)
    page.press("Ctrl+s")
    page.wait("septum.study.history.get().saved === 1")
    saved = np.asarray(nib.load(results / "atrium_seg.nii.gz").dataobj).T
    assert (saved == drawn[0]).all()


def test_all_88_slices_are_shown_and_chosen(reader):
    page = reader.page
    page.press("Home", "0")
    rows = page.evaluate("document.querySelector('.tiles').getBoundingClientRect().height")
    assert rows > 88 / 4 * 40
    reader.at(0, Z)
    page.press("ArrowDown")
    assert page.evaluate("septum.study.place.get().z") != Z


def test_three_planes_and_the_surface_show_the_mask_and_follow_a_correction(reader):
    page = reader.page
    if page.evaluate("document.createElement('canvas').getContext('webgl2') === null"):
        pytest.skip("needs a browser with WebGL 2")
    reader.click(".volume .main")
    page.wait("document.querySelectorAll('.volume-box canvas').length === 2")
    page.wait("document.querySelector('.volume .main') === null")
    planes, surface = seen(reader, 0), seen(reader, 1)
    assert reddish(planes) > 1000
    assert reddish(surface) > 1000
    assert planes.max() > 100  # the image is there, too
    asked = len([one for one in page.requests if "which=mask" in one and "volume" in one])
    page.evaluate(
        "septum.edits.edit({action: 'slice', frames: [0], slices: [...Array(44).keys()],"
        " structures: null, present: false})"
    )
    reader.arrived()
    page.wait(f"performance.getEntriesByType('resource').filter((r) => r.name.includes('which=mask')"
              f" && r.name.includes('volume')).length > {asked}")  # fmt: skip
    half = seen(reader, 0)
    assert 0.3 * reddish(planes) < reddish(half) < 0.9 * reddish(planes)
    assert (seen(reader, 1) != surface).any()
    page.evaluate("document.querySelector('.volume button').focus()")
    reader.click(".volume button")  # which closes them
    page.wait("document.querySelector('.volume-box').hidden")
    assert page.evaluate("document.querySelector('.volume button').getAttribute('aria-expanded')") == "false"
    reader.click(".volume .main")
    page.wait("!document.querySelector('.volume-box').hidden")
    assert reddish(seen(reader, 0)) == pytest.approx(reddish(half), rel=0.1)
    by_software = ("WebGL", "GL Driver")  # the browser says that it draws without a graphics processor
    assert [one for one in page.complaints if not any(word in one for word in by_software)] == []
