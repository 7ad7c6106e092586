"""The picture: proportions, outlines where the mask ends, legend, and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from septum.core import VENTRICLES, CardiacPhases, Cine, Geometry, Index, Indices, OutputError, Segmentation
from septum.core.clinical import EJECTION_FRACTION
from septum.report import overlay_picture, save_picture
from septum.report.tiles import FILL, View, choose_view, draw_tile

if TYPE_CHECKING:
    from pathlib import Path

RED, GREEN, BLUE = (s.colour for s in VENTRICLES.structures)


def _study(
    frames: int = 4, spacing: tuple[float, float, float] = (8.0, 1.0, 1.0)
) -> tuple[Cine, Segmentation]:
    """An even grey image; in slices 2 to 7 a square of 40 x 40 voxels, ringed, and one beside it."""
    geometry = Geometry((10, 120, 140), spacing)
    image = np.full((frames, 10, 120, 140), 100.0, np.float32)
    image[:, :, :60] = 50.0
    labels = np.zeros(image.shape, np.uint8)
    labels[:, 2:8, 40:80, 50:90] = 2
    labels[:, 2:8, 50:70, 60:80] = 3
    labels[:, 2:8, 40:80, 30:50] = 1
    return Cine(image, geometry, 50.0), Segmentation(labels, geometry, VENTRICLES)


def _curve(frames: int = 4) -> Indices:
    values = tuple(100.0 - 10.0 * t for t in range(frames))
    return Indices(
        phases=CardiacPhases(0, frames - 1, 1.0),
        volumes_ml={"RV": values, "MYO": (80.0,) * frames, "LV": tuple(v - 40.0 for v in values)},
        times_ms=None,
        items=tuple(
            Index("", "", 30.0, "%", structure=name, attribute=EJECTION_FRACTION) for name in ("RV", "LV")
        ),
    )


def _count(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(picture).reshape(-1, 3) == colour).all(axis=1).sum())


def _view_of(
    cine: Cine, segmentation: Segmentation, margin_mm: float, tile_px: int = 200, columns: int = 8
) -> View:
    return choose_view(
        cine.array,
        segmentation.labels,
        cine.geometry,
        columns=columns,
        tile_px=tile_px,
        margin_mm=margin_mm,
    )


def test_view_holds_the_structures_and_the_margin() -> None:
    view = _view_of(*_study(), margin_mm=10.0)
    assert view.region.start == (2, 30, 20)
    assert view.region.stop == (8, 90, 100)
    assert view.slices == (2, 3, 4, 5, 6, 7)
    assert view.size_px == (200, 150)  # 80 mm wide, 60 mm high


def test_view_keeps_true_proportions() -> None:
    view = _view_of(*_study(spacing=(8.0, 2.0, 1.0)), margin_mm=10.0)
    # 40 rows of 2 mm and 10 mm at each side are 100 mm high; 60 columns and 20 mm are 80 mm wide.
    assert view.size_px == (160, 200)


def test_slices_are_spread_over_the_heart() -> None:
    assert _view_of(*_study(), margin_mm=10.0, columns=3).slices == (2, 4, 7)


def test_an_empty_mask_shows_the_whole_image() -> None:
    cine, segmentation = _study()
    empty = Segmentation(np.zeros_like(segmentation.labels), cine.geometry, VENTRICLES)
    view = _view_of(cine, empty, margin_mm=10.0)
    assert view.region.size == (10, 120, 140)
    assert _count(overlay_picture(cine, empty, [("ED", 0)]), GREEN) > 0  # the legend stays


def test_outlines_lie_just_inside_the_border_of_a_square() -> None:
    cine, segmentation = _study()
    view = _view_of(cine, segmentation, margin_mm=10.0, tile_px=800)  # ten pixels a voxel
    tile = np.asarray(draw_tile(cine.array[0, 4], segmentation.labels[0, 4], VENTRICLES, view))
    green = (tile == GREEN).all(axis=2)
    # Along the row through the middle of the square (voxel row 45, above the cavity; rows start at 30).
    columns = np.flatnonzero(green[155])
    # The square spans voxels 50 to 90, that is pixels 300 to 700 of the view, which starts at voxel 20.
    assert columns.min() == pytest.approx(300, abs=1)
    assert columns.max() == pytest.approx(699, abs=1)
    assert columns.size == 6
    rows = np.flatnonzero(green[:, 350])
    assert rows.min() == pytest.approx(100, abs=1)
    assert rows.max() == pytest.approx(499, abs=1)


def test_fill_is_faint_and_only_inside() -> None:
    cine, segmentation = _study()
    view = _view_of(cine, segmentation, margin_mm=10.0, tile_px=800)
    tile = np.asarray(draw_tile(cine.array[0, 4], segmentation.labels[0, 4], VENTRICLES, view)).astype(int)
    # Grey 50 is the window's low end, so black, and the fill alone remains; 100 is its high end.
    assert tile[250, 500].tolist() == [round(FILL * c) for c in BLUE]
    assert tile[50, 750].tolist() == [0, 0, 0]
    assert tile[550, 750].tolist() == [255, 255, 255]


def test_size_of_the_sheet_follows_rows_and_columns() -> None:
    cine, segmentation = _study()
    one, two = (
        overlay_picture(cine, segmentation, phases, tile_px=200, margin_mm=10.0)
        for phases in ([("ED", 0)], [("ED", 0), ("ES", 3)])
    )
    assert one.mode == "RGB"
    # Two margins of 24, labels of 64, six tiles of 200 and five gaps of 6.
    assert one.width == two.width == 48 + 64 + 6 * 200 + 5 * 6
    assert two.height - one.height == 150 + 6


def test_legend_shows_every_colour_and_the_curve_adds_lines() -> None:
    cine, segmentation = _study()
    phases = [("ED", 0), ("ES", 3)]
    plain = overlay_picture(cine, segmentation, phases)
    full = overlay_picture(cine, segmentation, phases, curve=_curve(), title="A heart")
    assert full.height == plain.height + 30
    for colour in (RED, GREEN, BLUE):
        bottom = np.asarray(plain)[-190:]
        assert (bottom == colour).all(axis=2).sum() > 100
        assert _count(full, colour) > _count(plain, colour)


def test_slices_and_frames_are_counted_from_0_as_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda _draw, _place, text, **_: told.append(text))
    cine, segmentation = _study()
    cine = Cine(cine.array, cine.geometry)  # without an interval the curve names frames
    overlay_picture(cine, segmentation, [("ED", 0), ("ES", 3)], curve=_curve(), columns=2)
    assert [text for text in told if text.startswith("slice")] == ["slice 2", "slice 7"]
    assert sorted(text for text in told if text.startswith("frame")) == ["frame 0"] * 2 + ["frame 3"] * 2
    assert sum("counted from 0" in text for text in told) == 1


def test_two_frames_have_no_curve_but_their_volumes() -> None:
    cine, segmentation = _study(frames=2)
    phases = [("ED", 0), ("ES", 1)]
    plain = np.asarray(overlay_picture(cine, segmentation, phases))
    told = np.asarray(overlay_picture(cine, segmentation, phases, curve=_curve(2)))
    assert plain.shape == told.shape
    assert not np.array_equal(plain, told)
    assert np.array_equal(plain[:-240], told[:-240])


def test_a_constant_image_is_drawn() -> None:
    cine, segmentation = _study()
    flat = Cine(np.full_like(cine.array, 7.0), cine.geometry)
    assert overlay_picture(flat, segmentation, [("ED", 0)]).width > 700


def test_wrong_frames_and_shapes_are_refused() -> None:
    cine, segmentation = _study()
    with pytest.raises(ValueError, match="between 0 and 3"):
        overlay_picture(cine, segmentation, [("ED", 4)])
    with pytest.raises(ValueError, match="between 0 and 3"):
        overlay_picture(cine, segmentation, [])
    shorter = Segmentation(segmentation.labels[:1], segmentation.geometry, VENTRICLES)
    with pytest.raises(ValueError, match="differ in shape"):
        overlay_picture(cine, shorter, [("ED", 0)])


def test_saved_picture_is_a_png_and_comes_back(tmp_path: Path) -> None:
    picture = overlay_picture(*_study(), [("ED", 0)])
    save_picture(picture, tmp_path / "new" / "heart.png")
    with Image.open(tmp_path / "new" / "heart.png") as back:
        assert back.format == "PNG"
        assert np.array_equal(np.asarray(back), np.asarray(picture))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["heart.png"]


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        save_picture(overlay_picture(*_study(), [("ED", 0)]), tmp_path / "file" / "heart.png")
