"""What a hand does in the viewer, by mouse and keys: looking, drawing, and corrections of one press."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs septum[view]")

from support.hearts import LV, MYO, RV
from support.view_browser import Reader, ViewProcess
from support.view_studies import write_dicom_with_long_axis, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPACING_MM = 1.5
INTERVAL_MS = 200.0
FRAMES, SLICES = 4, 10
SURE = 0.87
#: Plays for a while; gives at each refresh how long that has been going on, and which frame is shown.
PLAY = """(async () => {
  const { study, view } = septum, seen = [];
  const begun = performance.now();
  view.play.patch({ on: true });
  while (performance.now() - begun < 1300) {
    await new Promise(requestAnimationFrame);
    seen.push([performance.now() - begun, study.place.get().t]);
  }
  view.play.patch({ on: false });
  return seen;
})()"""


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    write_result(folder, "heart")
    path = folder / "heart_seg.json"
    sure = {name: [[SURE] * SLICES] * FRAMES for name in ("RV", "MYO", "LV")}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"presence": sure}))
    write_dicom_with_long_axis(folder, folder)
    return folder


@pytest.fixture(scope="module")
def visitor(results, browser) -> Iterator[Reader]:
    server = ViewProcess(results, "--reader", "A. Reader")
    try:
        browser.width(1440)
        reader = Reader(browser)
        reader.enter(server.address)
        reader.open("heart")
        yield reader
    finally:
        server.stop()


@pytest.fixture
def reader(visitor) -> Reader:
    """Somebody in front of a study that is as the model made it, in the middle of end-diastole."""
    if visitor.arrived()["undo"]:
        visitor.page.press("Shift+Backspace")
        visitor.arrived()
    visitor.page.evaluate("septum.view.mark.set(null); septum.view.camera.set(null)")
    visitor.at(0, 4)
    return visitor


def place(reader: Reader) -> tuple[int, int]:
    told = reader.page.evaluate("septum.study.place.get()")
    return told["t"], told["z"]


def middle(reader: Reader, selector: str) -> tuple[float, float]:
    x, y = reader.page.evaluate(
        f"(() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();"
        " return [box.left + box.width / 2, box.top + box.height / 2]; })()"
    )
    return x, y


def colour_at(reader: Reader, point: tuple[float, float]) -> list[int]:
    """What the pane shows at a point (x, y) of the image."""
    ((x, y),) = reader.on_screen([point])
    return reader.page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => {"
        f" const box = pane.getBoundingClientRect(), x = {x} - box.left, y = {y} - box.top;"
        " return [...pane.getContext('2d').getImageData(x, y, 1, 1).data];"
        "})"
    )


def centre_of(mask: np.ndarray, value: int) -> tuple[float, float]:
    y, x = np.argwhere(mask == value).mean(axis=0)
    return x + 0.5, y + 0.5


def test_the_wheel_goes_through_slices_and_frames_and_zooms(reader):
    page, at = reader.page, middle(reader, "#pane")
    scale = page.evaluate("septum.view.camera.get().scale")
    page.wheel(*at, 120)
    assert place(reader)[0] == 0
    assert place(reader)[1] != 4
    before = place(reader)
    page.wheel(*at, 120, "Shift")
    assert place(reader) == (before[0] + 1, before[1])
    page.wheel(*at, -120, "Ctrl")
    page.wait(f"septum.view.camera.get().scale > {1.2 * scale}")
    page.press("0")
    page.wait(f"Math.abs(septum.view.camera.get().scale - {scale}) < 1e-6")


def test_window_and_level_follow_the_hand_and_go_back(reader):
    page, (x, y) = reader.page, middle(reader, "#pane")
    bright = centre_of(reader.mask()[0, 4], RV)
    before = colour_at(reader, bright)
    page.drag((x, y), (x + 80, y + 40), button="right")
    window = page.evaluate("septum.study.window.get()")
    assert window["high"] - window["low"] > 255
    assert colour_at(reader, bright) != before
    page.press("Shift+W")
    assert page.evaluate("septum.study.window.get()") == {"low": 0, "high": 255}
    assert colour_at(reader, bright) == before


def test_the_picture_moves_with_the_hand(reader):
    page, (x, y) = reader.page, middle(reader, "#pane")
    page.press("v")
    shown = reader.on_screen([(60.0, 60.0)])[0]
    page.drag((x, y), (x + 50, y - 30))
    moved = reader.on_screen([(60.0, 60.0)])[0]
    page.press("b")
    assert (moved[0] - shown[0], moved[1] - shown[1]) == pytest.approx((50, -30), abs=1e-6)


def test_a_click_on_the_curve_goes_to_its_frame_and_the_curve_follows_the_frame(reader):
    page = reader.page
    left, width, y = page.evaluate(
        "(() => { const box = document.querySelector('.curve canvas').getBoundingClientRect();"
        " return [box.left, box.width, box.top + box.height / 2]; })()"
    )
    page.drag((left + 50 + (width - 62) * 2 / (FRAMES - 1), y))
    assert place(reader)[0] == 2
    page.press("ArrowRight")
    page.wait("document.querySelector('.slider').ariaValueNow === '4'")
    assert "Frame 4" in page.evaluate("document.querySelector('.slider').ariaValueText")


def test_the_cine_shows_at_each_moment_the_frame_of_that_time(reader):
    seen = reader.page.evaluate(PLAY)
    beat_ms = FRAMES * INTERVAL_MS
    late_ms = 90.0  # a refresh or two on a busy machine
    right = [
        t in {int((ms - late) % beat_ms // INTERVAL_MS) for late in (0.0, late_ms / 2, late_ms)}
        for ms, t in seen
    ]
    assert np.mean(right) > 0.9
    assert {t for _, t in seen} == set(range(FRAMES))


def test_the_matrix_shows_both_phases_or_all_frames_and_a_click_goes_there(reader):
    page = reader.page
    box = "(() => { const b = document.querySelector('.tiles').getBoundingClientRect(); return"
    left, top, width = page.evaluate(f"{box} [b.left, b.top, b.width]; }})()")
    page.drag((left + 0.75 * width, top + 10))
    first = page.evaluate("septum.study.order[0]")
    assert place(reader) == (2, first)
    page.press("t")
    page.wait("document.querySelector('.matrix.all') !== null")
    columns = page.evaluate(f"{box} Math.round(b.width / 67); }})()")
    assert columns == FRAMES
    page.press("t")


def test_the_confidence_of_the_model_stands_beside_the_decision_on_a_slice(reader):
    assert f"LV {100 * SURE:.0f}\u00a0%" in reader.text(".sure-here")
    assert reader.text(".row-head .sure") == f"{100 * SURE:.0f} %"


def test_brush_and_eraser_are_as_large_as_one_wants(reader):
    page = reader.page
    page.press("b", "1")
    for _ in range(20):
        page.press("]")
    assert page.evaluate("septum.view.hand.get().diameter_mm") == 60
    at = (60.5, 60.5)
    first = reader.mask()[0, 4]
    reader.draw(at)
    reader.arrived()
    y, x = np.indices(first.shape) + 0.5
    away_mm = np.hypot(x - at[0], y - at[1]) * SPACING_MM
    drawn = reader.mask()[0, 4]
    assert (drawn[away_mm < 29.2] == RV).all()
    assert (drawn[away_mm > 30.8] == first[away_mm > 30.8]).all()
    page.evaluate("document.querySelector('.size input').focus()")
    page.press("Home")
    assert page.evaluate("septum.view.hand.get().diameter_mm") == pytest.approx(1)
    page.evaluate("pane.focus()")
    page.press("e")
    before = reader.mask()
    reader.draw(at)
    reader.arrived()
    assert [tuple(one) for one in np.argwhere(reader.mask() != before)] == [(0, 4, 60, 60)]
    page.evaluate("septum.view.hand.patch({diameter_mm: 8})")


def test_an_outline_is_drawn_and_an_enclosed_place_is_filled(reader):
    page = reader.page
    cavity = reader.mask()[0, 4] == LV
    page.press("Shift+3", "f", "3")
    reader.arrived()
    assert not (reader.mask()[0, 4] == LV).any()
    reader.draw(centre_of(reader.mask("model")[0, 4], LV))
    reader.arrived()
    assert ((reader.mask()[0, 4] == LV) == cavity).all()
    page.press("o", "1")
    corners = [(10.2, 90.2), (20.2, 90.2), (20.2, 104.2), (10.2, 104.2)]
    page.press("Shift+0")
    reader.draw(*corners)
    reader.arrived()
    drawn = reader.mask()[0, 4]
    assert (drawn[92:103, 12:19] == RV).all()
    assert (drawn[85:110, 5:25] == RV).sum() == pytest.approx(140, abs=24)


def test_a_slice_is_copied_from_the_phase_before_and_after(reader):
    first = reader.mask()
    reader.page.press("Shift+ArrowRight")
    reader.arrived()
    assert (reader.mask()[0, 4] == first[1, 4]).all()
    reader.page.press("Shift+ArrowLeft")
    reader.arrived()
    assert (reader.mask()[0, 4] == first[3, 4]).all()


def test_slices_and_phases_between_a_mark_and_here_are_drawn(reader):
    page = reader.page
    reader.at(0, 3)
    page.press("m")
    reader.at(0, 6)
    page.press("n")
    reader.arrived()
    changed = {(t, z) for t, z, _, _ in np.argwhere(reader.mask() != reader.mask("model")).tolist()}
    assert changed == {(0, 4), (0, 5)}
    page.press("Ctrl+z")
    reader.arrived()
    reader.at(0, 4)
    page.press("m")
    reader.at(2, 4)
    page.press("n")
    reader.arrived()
    areas = [int((frame[4] == LV).sum()) for frame in reader.mask()[:3]]
    assert areas[0] > areas[1] > areas[2]


def test_a_flag_leads_to_the_slice_that_it_names(reader):
    reader.page.press("Shift+1")
    reader.arrived()
    reader.page.wait("document.querySelector('.flags button') !== null")
    named = reader.page.evaluate("document.querySelector('.flags button').textContent")
    reader.at(2, 7)
    reader.click(".flags button")
    assert place(reader)[0] == 0
    assert named.startswith("Look: ")
    assert "frame 1" in named
    shown = reader.page.evaluate("septum.study.order.indexOf(septum.study.place.get().z) + 1")
    assert f"slice {shown}" in named or "slice" not in named
    flags = reader.page.evaluate("septum.study.numbers.get().flags")
    assert {(0, 4), (0, None)} & {(flag["frame"], flag["slice"]) for flag in flags}


def test_a_correction_is_carried_over_the_frames_up_to_a_mark(reader):
    page = reader.page
    before = reader.mask()
    page.press("b", "3")
    x, y = centre_of(before[0, 4], LV)
    reader.draw((x, y), (x + 14, y))
    reader.arrived()
    grown = int((reader.mask()[0, 4] == LV).sum() - (before[0, 4] == LV).sum())
    assert grown > 0
    reader.at(1, 4)
    page.press("m")
    reader.at(0, 4)
    page.press("p")
    reader.arrived()
    after = reader.mask()
    assert 0 < (after[1, 4] == LV).sum() - (before[1, 4] == LV).sum() <= grown
    assert (after[2:] == before[2:]).all()


def test_what_changed_is_shown_over_the_image(reader):
    reader.page.press("b", "3")
    spot = (20.5, 20.5)
    reader.page.press("Shift+0")
    reader.draw(spot)
    reader.arrived()
    reader.page.press("g")
    red, green, blue, _ = colour_at(reader, spot)
    assert min(green, blue) > red + 60  # added
    assert "taken away" in reader.text(".level")
    reader.page.press("g")
    assert min(*colour_at(reader, spot)[1:3]) < red + 60


def test_corrections_that_are_needed_less_often_are_there_for_the_mouse_too(reader):
    reader.click(".corrections summary")
    reader.click("[data-command=in-out-all]")
    reader.arrived()
    assert not reader.mask()[:, 4].any()
    reader.at(1, 4)
    reader.click("[data-command=set-es]")
    reader.arrived()
    assert reader.page.evaluate("septum.study.phases()")[1] == 1
    reader.page.press("Ctrl+z")
    reader.arrived()
    reader.click("[data-command=revert-all]")
    reader.arrived()
    assert (reader.mask() == reader.mask("model")).all()


def test_one_finger_draws_and_two_move_and_zoom(reader):
    page = reader.page
    page.press("b", "3", "Shift+0")
    before = reader.mask()
    page.touch(*((point,) for point in reader.on_screen([(20.5, 90.5), (30.5, 90.5)])))
    reader.arrived()
    drawn = reader.mask()
    assert (drawn[0, 4, 90, 20:31] == LV).all()
    assert (drawn[1:] == before[1:]).all()
    camera = page.evaluate("septum.view.camera.get()")
    (left, right) = reader.on_screen([(50.0, 60.0), (70.0, 60.0)])
    wider = tuple((x + side, y - 20) for (x, y), side in ((left, -60), (right, 60)))
    page.touch((left, right), wider)
    reader.arrived()
    assert (reader.mask() == drawn).all()
    assert (reader.mask_shown() == drawn).all()
    zoomed = page.evaluate("septum.view.camera.get()")
    apart = (right[0] - left[0] + 120) / (right[0] - left[0])
    assert zoomed["scale"] == pytest.approx(camera["scale"] * apart, rel=0.02)
    assert zoomed["y"] > camera["y"]
    page.press("f")  # a tool that acts at once waits for the finger to go up
    page.touch((left,), (left, right), wider)
    reader.arrived()
    assert (reader.mask() == drawn).all()


def test_where_a_pen_draws_a_finger_moves_the_picture(reader):
    page = reader.page
    page.press("b", "3", "Shift+0")
    page.drag(*reader.on_screen([(20.5, 20.5), (30.5, 20.5)]), by="pen")
    reader.arrived()
    drawn = reader.mask()
    assert (drawn[0, 4, 20, 20:31] == LV).all()
    camera = page.evaluate("septum.view.camera.get()")
    ((x, y),) = reader.on_screen([(60.0, 60.0)])
    page.touch(((x, y),), ((x + 40, y),))
    reader.arrived()
    moved = page.evaluate("septum.view.camera.get()")
    assert (reader.mask() == drawn).all()
    assert moved["x"] < camera["x"]


@pytest.fixture
def dicom(visitor) -> Reader:
    """Somebody in front of a DICOM study of a phantom, which has a long axis and walls with names."""
    visitor.page.evaluate("location.hash = ''")
    visitor.open("study")
    return visitor


def test_a_contour_is_dragged_and_mass_and_wall_thickness_follow(dicom):
    reader, page = dicom, dicom.page
    reader.at(0, 3)
    before = reader.mask()
    x, y = page.evaluate(
        "(() => { const { study } = septum, mine = study.outlined.find((o) => o.label.name === 'MYO');"
        " const ring = study.outline('mask', 0, 3, mine).rings[0]; let k = 0;"
        " for (let n = 0; n < ring.length; n += 2) if (ring[n] > ring[k]) k = n;"
        " return [ring[k], ring[k + 1]]; })()"
    )
    page.press("c", "2")
    reader.draw((x, y), (x + 2, y), (x + 4, y))
    reader.arrived()
    after = reader.mask()
    assert (after == MYO).sum() > (before == MYO).sum()
    assert ((after == LV) == (before == LV)).all()
    for key in ("lv_mass_ed_g", "wall_ed_mm"):
        model, now = (
            float(reader.text(f"tr[data-key={key}] {cell}")) for cell in ("td:nth-child(2)", ".now")
        )
        assert now > model, key
    assert reader.text("tr[data-key=wall_1_ed_mm] th").startswith("1 basal anterior")
    page.press("Ctrl+z")
    reader.arrived()


def test_a_long_axis_shows_the_lines_of_the_slices_and_a_click_goes_to_one(dicom):
    reader, page = dicom, dicom.page
    page.wait("septum.longAxis.get() !== null && !document.querySelector('.long-axis').hidden")
    z, x, y = page.evaluate(
        "(() => { const axis = septum.longAxis.get(), canvas = document.querySelector('.long-axis canvas');"
        " const here = septum.study.place.get().z, z = axis.lines.findIndex((line, k) => line && k !== here);"
        " const box = canvas.getBoundingClientRect(), [, h, w] = axis.shape, [sy, sx] = axis.spacing_mm;"
        " const scale = Math.min(box.width / (w * sx), box.height / (h * sy));"
        " const [a, b] = axis.lines[z], row = (a[0] + b[0]) / 2 + 0.5, column = (a[1] + b[1]) / 2 + 0.5;"
        " return [z, box.left + (box.width - w * sx * scale) / 2 + column * sx * scale,"
        " box.top + (box.height - h * sy * scale) / 2 + row * sy * scale]; })()"
    )
    page.drag((x, y))
    assert place(reader)[1] == z
    line = page.evaluate(f"septum.longAxis.get().sax_lines[{z}]")
    shares = np.linspace(0.3, 0.7, 40)
    colours = [
        colour_at(reader, (ax + s * (bx - ax) + 0.5, ay + s * (by - ay) + 0.5))
        for s in shares
        for (ay, ax), (by, bx) in [line]
    ]
    assert max(red - blue for red, _, blue, _ in colours) > 60  # its line is yellow
