"""Pictures that compare methods: slices, headings, surfaces in mm, cameras, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from septum.core import LEFT_ATRIUM, VENTRICLES, Geometry, InputError, Volume
from septum_study.pictures import mesh as comparison_mesh
from septum_study.pictures import overlay as comparison_overlay
from septum_study.pictures.heading import heading_of
from septum_study.pictures.mesh import mesh_comparison
from septum_study.pictures.overlay import overlay_comparison
from septum_study.pictures.page import OVERSAMPLING, font, save_picture, wrapped
from septum_study.pictures.view import choose_slices, view_axes

if TYPE_CHECKING:
    from pathlib import Path

RED, GREEN, BLUE = (s.colour for s in VENTRICLES.structures)
GEOMETRY = Geometry((10, 90, 100), (8.0, 1.5, 1.5))


def hearts() -> tuple[Volume, np.ndarray]:
    """A grey ramp, and in slices 1 to 8 a round left ventricle that narrows to the apex, RV to its left."""
    z, y, x = np.ogrid[:10, :90, :100]
    from_axis = np.hypot(y - 45, x - 60)
    outer = 24.0 - 1.5 * z
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[(np.hypot(y - 45, x - 38) < outer) & (z >= 1) & (z <= 6)] = 1
    labels[(from_axis < outer) & (z >= 1) & (z <= 8)] = 2
    labels[(from_axis < outer - 7.0) & (z >= 1) & (z <= 8)] = 3
    image = np.broadcast_to(np.linspace(0.0, 900.0, 100, dtype=np.float32), GEOMETRY.shape)
    return Volume(image.copy(), GEOMETRY), labels


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a picture is composed of: its bands (headings, names of rows, tiles) and its frame."""
    seen: dict[str, Any] = {}
    for module in (comparison_overlay, comparison_mesh):
        original = module.compose

        def spy(bands, frame, original=original):
            seen.update(bands=bands, frame=frame)
            return original(bands, frame)

        monkeypatch.setattr(module, "compose", spy)
    return seen


def count(tile, colour) -> int:
    return int((np.asarray(tile) == colour).all(axis=2).sum())


def coloured(tile, channel: int) -> int:
    """Pixels in which one of red, green and blue clearly exceeds the two others."""
    values = np.asarray(tile).astype(int)
    others = np.delete(values, channel, axis=2).max(axis=2)
    return int((values[..., channel] > others + 20).sum())


def test_slices_lie_in_the_extent_of_the_truth_from_base_to_apex():
    _, truth = hearts()
    # Slices 1 to 8: an eighth, a half and seven eighths of 7 steps are 0.875, 3.5 and 6.125.
    assert choose_slices(truth, VENTRICLES) == (2, 4, 7)
    assert choose_slices(truth[::-1], VENTRICLES) == (7, 4, 2)
    assert choose_slices((truth > 0).astype(np.uint8)[::-1], LEFT_ATRIUM) == (2, 4, 7)


def test_a_truth_of_one_slice_is_shown_once():
    _, truth = hearts()
    truth[4:] = 0
    truth[:3] = 0
    assert choose_slices(truth, VENTRICLES) == (3,)


def test_heading_tells_mean_dice_and_what_was_missed():
    truth, found = np.zeros((1, 1, 8), np.uint8), np.zeros((1, 1, 8), np.uint8)
    truth[0, 0] = [1, 1, 2, 2, 3, 3, 0, 0]
    found[0, 0] = [1, 0, 2, 2, 0, 0, 0, 0]
    heading = heading_of("Net", found, truth, VENTRICLES, beyond=False)
    assert heading.score == "Dice 0.556"  # 2/3 for RV, 1 for MYO, 0 for the missed LV
    assert heading.notes == ("no LV found",)
    without_rv = np.where(truth == 1, 0, truth).astype(np.uint8)
    heading = heading_of("Net", without_rv, without_rv, VENTRICLES, beyond=True)
    assert (heading.score, heading.notes) == ("Dice 1.000", ("reaches beyond the view",))


def test_overlay_has_a_column_for_the_truth_and_each_method_and_a_row_for_each_level(drawn):
    volume, truth = hearts()
    picture = overlay_comparison(
        volume, truth, {"A": truth, "B": truth}, VENTRICLES, title="Case", tile_px=200
    )
    (band,) = drawn["bands"]
    assert [h.name for h in band.headings] == ["Ground truth", "A", "B"]
    assert band.rows == [("basal", "slice 2"), ("middle", "slice 4"), ("apical", "slice 7")]
    assert [len(row) for row in band.tiles] == [3, 3, 3]
    assert picture.mode == "RGB"
    tile_width, tile_height = (side // OVERSAMPLING for side in band.tiles[0][0].size)
    assert picture.width > 3 * tile_width
    assert picture.height > 3 * tile_height


def test_overlay_keeps_true_proportions(drawn):
    volume, truth = hearts()
    stretched = Volume(volume.array, Geometry(GEOMETRY.shape, (8.0, 3.0, 1.5)))
    overlay_comparison(stretched, truth, {}, VENTRICLES, tile_px=200, margin_mm=0.0)
    held = np.argwhere(truth)
    rows, columns = np.ptp(held[:, 1]) + 1, np.ptp(held[:, 2]) + 1
    width, height = drawn["bands"][0].tiles[0][0].size
    assert width / height == pytest.approx(columns * 1.5 / (rows * 3.0), rel=0.01)


def test_overlay_shows_each_structure_in_its_colour_and_only_where_it_was_found(drawn):
    volume, truth = hearts()
    found = np.where(truth == 3, 0, truth).astype(np.uint8)
    overlay_comparison(volume, truth, {"A": found}, VENTRICLES)
    of_truth, of_method = drawn["bands"][0].tiles[0]
    for colour in (RED, GREEN, BLUE):
        assert count(of_truth, colour) > 100
    assert count(of_method, RED) > 100
    assert count(of_method, BLUE) == 0
    assert drawn["bands"][0].headings[1].notes == ("no LV found",)


def test_a_lone_false_voxel_is_seen(drawn):
    volume, truth = hearts()
    found = truth.copy()
    found[4, 18, 60] = 1
    without = truth.copy()
    overlay_comparison(volume, truth, {"A": found, "B": without}, VENTRICLES)
    _, speck, clean = drawn["bands"][0].tiles[1]
    assert coloured(speck, 0) - coloured(clean, 0) >= 4


def test_a_single_structure_is_outlined_over_the_outline_of_the_truth(drawn):
    volume, labels = hearts()
    truth = (labels > 0).astype(np.uint8)
    shifted = np.roll(truth, 6, axis=2)
    overlay_comparison(volume, truth, {"A": shifted, "B": np.zeros_like(truth)}, LEFT_ATRIUM)
    band, frame = drawn["bands"][0], drawn["frame"]
    true, found, empty = band.tiles[1]
    assert coloured(true, 0) == 0
    assert coloured(true, 1) > 200
    assert coloured(found, 0) > 200
    assert coloured(found, 1) > 100
    assert np.array_equal(np.asarray(empty), np.asarray(true))
    assert band.rows == [("slice 2", ""), ("slice 4", ""), ("slice 7", "")]
    assert band.headings[2].notes == ("no LA found",)
    assert [text for _, text in frame.legend] == ["ground truth, left atrial cavity", "method"]


def test_a_mask_outside_the_tiles_is_told(drawn):
    volume, truth = hearts()
    astray = truth.copy()
    astray[4, 2, 2] = 1
    overlay_comparison(volume, truth, {"A": astray, "B": truth}, VENTRICLES, margin_mm=5.0)
    assert [h.notes for h in drawn["bands"][0].headings] == [(), ("reaches beyond the view",), ()]


def test_a_mask_of_another_shape_is_refused_with_the_name_of_its_method():
    volume, truth = hearts()
    wrong = {"A": truth, "Second net": truth[1:]}
    told = r"Second net: .*\(10, 90, 100\), got \(9, 90, 100\)"
    with pytest.raises(InputError, match=told):
        overlay_comparison(volume, truth, wrong, VENTRICLES)
    with pytest.raises(InputError, match=told):
        mesh_comparison(truth, wrong, VENTRICLES, GEOMETRY)


def test_an_empty_truth_is_refused():
    volume, truth = hearts()
    with pytest.raises(InputError, match="none of LA"):
        overlay_comparison(volume, np.zeros_like(truth), {}, LEFT_ATRIUM)
    with pytest.raises(InputError, match="none of RV, MYO, LV"):
        mesh_comparison(np.where(truth, 9, 0).astype(np.uint8), {}, VENTRICLES, GEOMETRY)


def test_long_names_are_broken_at_spaces():
    lines = wrapped("Multi-stage, Keep Z, oracle region", 120, 14)
    assert " ".join(lines) == "Multi-stage, Keep Z, oracle region"
    assert len(lines) > 1
    assert all(font(14).getlength(line) <= 120 for line in lines)


@pytest.mark.parametrize("flipped", [False, True])
def test_camera_puts_the_base_above_and_the_right_ventricle_to_the_left(flipped):
    _, truth = hearts()
    truth = truth[::-1] if flipped else truth
    axes = view_axes(truth, VENTRICLES, GEOMETRY)
    assert axes @ axes.T == pytest.approx(np.eye(3))
    rv, lv = (np.argwhere(truth == value).mean(axis=0) * GEOMETRY.spacing_mm for value in (1, 3))
    assert (axes @ (lv - rv))[0] == pytest.approx(np.hypot(*(lv - rv)[1:]))  # all of it to the right
    base_z, apex_z = (8, 1) if flipped else (1, 8)
    assert (axes @ [(base_z - apex_z) * 8.0, 0.0, 0.0])[1] > 40.0
    assert axes[2] @ [0.0, -1.0, 0.0] > 0.8  # seen from the upper edge of the slices


def test_camera_of_an_atrium_puts_the_head_above():
    atrium = np.ones((4, 4, 4), np.uint8)
    upright = Geometry((4, 4, 4), (1.0, 1.0, 1.0))
    flipped = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
    overturned = Geometry((4, 4, 4), (1.0, 1.0, 1.0), direction=flipped)
    assert view_axes(atrium, LEFT_ATRIUM, upright)[1, 0] > 0.8
    assert view_axes(atrium, LEFT_ATRIUM, overturned)[1, 0] < -0.8


def test_meshes_have_a_panel_each_of_one_size_in_even_rows(drawn):
    _, truth = hearts()
    methods = dict.fromkeys("ABCDE", truth)
    picture = mesh_comparison(truth, methods, VENTRICLES, GEOMETRY, panel_px=120, columns=4)
    assert [[h.name for h in band.headings] for band in drawn["bands"]] == [
        ["Ground truth", "A", "B"],
        ["C", "D", "E"],
    ]
    sizes = {panel.size for band in drawn["bands"] for panel in band.tiles[0]}
    assert len(sizes) == 1
    (size,) = sizes
    assert size[0] == OVERSAMPLING * 120
    assert 3 * 120 < picture.width < 4 * 120
    assert picture.height > 2 * size[1] // OVERSAMPLING


def test_meshes_show_what_was_found_and_say_what_was_not(drawn):
    _, truth = hearts()
    methods = {
        "Whole": truth,
        "No LV": np.where(truth == 3, 0, truth).astype(np.uint8),
        "Nothing": np.zeros_like(truth),
    }
    mesh_comparison(truth, methods, VENTRICLES, GEOMETRY, panel_px=150)
    (band,) = drawn["bands"]
    true, whole, no_lv, nothing = band.tiles[0]
    for channel in (0, 1, 2):
        assert coloured(whole, channel) > 500
    assert coloured(no_lv, 2) == 0
    assert coloured(no_lv, 0) > 500
    assert [h.notes for h in band.headings] == [(), (), ("no LV found",), ("no RV, MYO, LV found",)]
    assert 0 < (np.asarray(nothing) != 255).any(axis=2).mean() < 0.1  # words, no surface
    # The truth and an equal mask differ by the scale bar alone, which is ink in the lower left corner.
    differing = np.argwhere((np.asarray(true) != np.asarray(whole)).any(axis=2))
    assert differing[:, 0].min() > 0.8 * true.height


def test_a_single_structure_is_green_in_the_truth_and_red_in_a_method(drawn):
    _, labels = hearts()
    truth = (labels > 0).astype(np.uint8)
    mesh_comparison(truth, {"A": truth}, LEFT_ATRIUM, GEOMETRY, panel_px=120)
    true, found = drawn["bands"][0].tiles[0]
    assert coloured(true, 1) > 1000
    assert coloured(true, 0) == 0
    assert coloured(found, 0) == pytest.approx(coloured(true, 1), rel=0.02)  # the bar hides a little
    assert coloured(found, 1) == 0


def test_a_stray_surface_does_not_shrink_the_hearts_and_is_told(drawn):
    _, truth = hearts()
    astray = truth.copy()
    astray[1:9, 0:3, 0:3] = 1
    far = Geometry(GEOMETRY.shape, (8.0, 4.0, 4.0))
    mesh_comparison(truth, {"A": astray}, VENTRICLES, far, panel_px=150)
    true, _ = drawn["bands"][0].tiles[0]
    columns = np.flatnonzero((np.asarray(true)[: true.height * 3 // 4] != 255).any(axis=(0, 2)))
    assert np.ptp(columns) > 0.6 * true.width
    assert drawn["bands"][0].headings[1].notes == ("reaches beyond the view",)


def test_saved_picture_is_a_png_and_comes_back(tmp_path: Path) -> None:
    picture = Image.new("RGB", (7, 5), (1, 2, 3))
    save_picture(picture, tmp_path / "new" / "picture.png")
    with Image.open(tmp_path / "new" / "picture.png") as back:
        assert back.format == "PNG"
        assert np.array_equal(np.asarray(back), np.asarray(picture))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["picture.png"]
