"""Tiles: the part that is shown, proportions, and outlines where the mask ends."""

from __future__ import annotations

import numpy as np
import pytest

from septum.core import VENTRICLES, Cine, Geometry, Segmentation
from septum.report.tiles import FILL, View, choose_view, paint_tile

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


def _masks(segmentation: Segmentation) -> list[tuple[np.ndarray, tuple[int, int, int]]]:
    """Structures of slice 4 of the first frame with their colours."""
    return [(segmentation.labels[0, 4] == s.value, s.colour) for s in VENTRICLES.structures]


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
    assert _view_of(cine, empty, margin_mm=10.0).region.size == (10, 120, 140)


def test_outlines_lie_just_inside_the_border_of_a_square() -> None:
    cine, segmentation = _study()
    view = _view_of(cine, segmentation, margin_mm=10.0, tile_px=800)  # ten pixels a voxel
    tile = np.asarray(paint_tile(cine.array[0, 4], _masks(segmentation), view))
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
    tile = np.asarray(paint_tile(cine.array[0, 4], _masks(segmentation), view)).astype(int)
    # Grey 50 is the window's low end, so black, and the fill alone remains; 100 is its high end.
    assert tile[250, 500].tolist() == [round(FILL * c) for c in BLUE]
    assert tile[50, 750].tolist() == [0, 0, 0]
    assert tile[550, 750].tolist() == [255, 255, 255]


def test_a_constant_image_is_painted_without_a_warning() -> None:
    cine, segmentation = _study()
    flat = Cine(np.full_like(cine.array, 7.0), cine.geometry)
    tile = np.asarray(paint_tile(flat.array[0, 0], [], _view_of(flat, segmentation, margin_mm=10.0)))
    assert np.unique(tile).tolist() == [0]


def test_masks_that_overlap_are_painted_in_their_order() -> None:
    cine, segmentation = _study()
    square = segmentation.labels[0, 4] == 2
    view = _view_of(cine, segmentation, margin_mm=10.0, tile_px=800)
    first, second = (
        np.asarray(paint_tile(cine.array[0, 4], masks, view))
        for masks in ([(square, RED), (square, BLUE)], [(square, BLUE), (square, RED)])
    )
    assert ((first == BLUE).all(axis=2).any(), (first == RED).all(axis=2).any()) == (True, False)
    assert ((second == BLUE).all(axis=2).any(), (second == RED).all(axis=2).any()) == (False, True)
