"""Surfaces of masks in mm, and their shaded pictures."""

from __future__ import annotations

import numpy as np
import pytest

from septum.core.surfaces import Surface, surface_of
from septum_study.pictures.shading import AMBIENT, Camera, SurfacePart, render

#: Right, up and towards the viewer: slices seen from the front, so that Z counts as nearness.
FRONT = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def ellipsoid(half_mm, spacing_mm, shape) -> np.ndarray:
    middle = (np.array(shape) - 1) / 2.0
    grid = np.indices(shape).reshape(3, -1).T
    inside = (((grid - middle) * spacing_mm / half_mm) ** 2).sum(axis=1) <= 1.0
    return inside.reshape(shape)


@pytest.mark.parametrize(
    ("spacing_mm", "shape"), [((8.0, 1.25, 1.25), (13, 70, 60)), ((1.0, 1.0, 1.0), (90, 80, 70))]
)
def test_an_ellipsoid_keeps_its_volume_and_its_axes(spacing_mm, shape):
    surface = surface_of(ellipsoid((40.0, 32.0, 25.0), spacing_mm, shape), spacing_mm)
    # 4/3 pi 40 x 32 x 25 mm3 = 134.04 ml; thick slices end half a slice beyond the last centre inside.
    assert surface.volume_ml == pytest.approx(134.04, rel=0.03)
    z, y, x = surface.extent_mm
    assert z == pytest.approx(80.0, abs=spacing_mm[0])
    assert (y, x) == pytest.approx((64.0, 50.0), abs=1.5)
    centre = (surface.vertices_mm.min(axis=0) + surface.vertices_mm.max(axis=0)) / 2.0
    assert centre == pytest.approx((np.array(shape) - 1) / 2.0 * spacing_mm, abs=0.5)


def test_a_stack_of_squares_ends_half_a_slice_beyond_its_slices():
    mask = np.zeros((6, 40, 40), bool)
    mask[2:5, 10:30, 5:25] = True
    surface = surface_of(mask, (10.0, 1.0, 1.0))
    low, high = surface.vertices_mm.min(axis=0), surface.vertices_mm.max(axis=0)
    # Borders of the voxels: slices 1.5 to 4.5, rows 9.5 to 29.5, columns 4.5 to 24.5.
    assert low == pytest.approx((15.0, 9.5, 4.5), abs=0.8)
    assert high == pytest.approx((45.0, 29.5, 24.5), abs=0.8)
    assert surface.volume_ml == pytest.approx(12.0, rel=0.05)


def test_thick_slices_of_a_cone_give_no_staircase():
    z, y, x = np.ogrid[:8, :60, :60]
    cone = (np.hypot(y - 29.5, x - 29.5) < 24.0 - 2.0 * z) & (z >= 1) & (z <= 6)
    surface = surface_of(cone, (8.0, 1.0, 1.0))
    depth, radius = surface.vertices_mm[:, 0], np.hypot(*(surface.vertices_mm[:, 1:] - 29.5).T)
    side = (depth > 12.0) & (depth < 44.0)
    # The radius falls by 2 mm a slice; a staircase is 1 mm off half-way between slices.
    assert np.abs(radius[side] - (24.0 - depth[side] / 4.0)).max() < 0.5


def test_a_thin_ring_that_moves_between_slices_stays_closed():
    mask = np.zeros((4, 60, 60), bool)
    y, x = np.ogrid[:60, :60]
    for z, shift in ((1, 0.0), (2, 7.0)):
        radius = np.hypot(y - 29.5, x - 26.5 - shift)
        mask[z] = (radius < 15.0) & (radius > 12.0)
    surface = surface_of(mask, (10.0, 1.5, 1.5))
    # Euler characteristic of a closed mesh, with 3/2 edges a triangle: 0 of a tube, 2 less for each hole.
    assert len(surface.vertices_mm) - len(surface.faces) // 2 == 0


def test_a_lone_voxel_has_a_surface_and_an_empty_mask_none():
    mask = np.zeros((5, 20, 20), bool)
    assert surface_of(mask, (10.0, 1.5, 1.5)) is None
    mask[2, 7, 9] = True
    surface = surface_of(mask, (10.0, 1.5, 1.5))
    assert surface.vertices_mm.mean(axis=0) == pytest.approx((20.0, 10.5, 13.5), abs=0.3)
    mask[0, 0, 0] = True  # at the border of the grid
    assert surface_of(mask, (10.0, 1.5, 1.5)).vertices_mm.min() < 0.0


def test_normals_point_outwards():
    surface = surface_of(ellipsoid((20.0, 20.0, 20.0), (2.0, 1.0, 1.0), (24, 50, 50)), (2.0, 1.0, 1.0))
    outwards = surface.vertices_mm - surface.vertices_mm.mean(axis=0)
    assert (np.einsum("ij,ij->i", outwards, surface.normals) > 0.0).all()


def square(nearness_mm: float, half_mm: float) -> Surface:
    """Two triangles that face the viewer."""
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * half_mm
    vertices = np.column_stack([np.full(4, nearness_mm), corners])
    normals = np.tile([1.0, 0.0, 0.0], (4, 1))
    return Surface(vertices, normals, np.array([[0, 1, 2], [3, 2, 1]]))


def camera(size_px: int = 40, mm_per_px: float = 0.5) -> Camera:
    return Camera(FRONT, (0.0, 0.0), (size_px, size_px), mm_per_px)


def test_a_surface_covers_the_pixels_that_its_size_demands():
    picture = np.asarray(render([SurfacePart(square(0.0, 5.0), (200, 0, 0))], camera()))
    covered = (picture != 255).any(axis=2)
    assert covered.sum() == 20 * 20  # 10 mm at half a mm a pixel
    assert covered[10:30, 10:30].all()
    # Lambert's law for a surface that faces the viewer: the light's share of the direction to the viewer.
    lit = AMBIENT + (1.0 - AMBIENT) * 0.79 / np.linalg.norm((-0.35, 0.5, 0.79))
    assert picture[20, 20].tolist() == [round(200 * lit), 0, 0]


def test_the_nearer_surface_hides_the_farther_in_whatever_order():
    near, far = SurfacePart(square(20.0, 3.0), (200, 0, 0)), SurfacePart(square(0.0, 8.0), (0, 0, 200))
    one, other = (np.asarray(render(parts, camera())) for parts in ([near, far], [far, near]))
    assert np.array_equal(one, other)
    assert one[20, 20, 2] == 0
    assert one[20, 8, 0] == 0


def test_a_translucent_surface_tints_what_lies_behind_it():
    glass, behind = (
        SurfacePart(square(20.0, 8.0), (0, 200, 0), opacity=0.25),
        SurfacePart(square(0.0, 8.0), (200, 0, 0)),
    )
    alone, both = (np.asarray(render(parts, camera())) for parts in ([behind], [glass, behind]))
    assert both[20, 20, 0] == pytest.approx(0.75 * alone[20, 20, 0], abs=1)
    assert both[20, 20, 1] == pytest.approx(
        0.25 * alone[20, 20, 0], abs=1
    )  # as bright in green as it is in red


def test_what_lies_outside_the_picture_is_cut_and_nothing_is_paper():
    assert (np.asarray(render([], camera())) == 255).all()
    picture = np.asarray(render([SurfacePart(square(0.0, 15.0), (200, 0, 0))], camera()))
    assert (picture[..., 1] == 0).all()


def test_a_ball_is_brightest_towards_the_light():
    ball = surface_of(ellipsoid((8.0, 8.0, 8.0), (1.0, 1.0, 1.0), (21, 21, 21)), (1.0, 1.0, 1.0))
    view = Camera(FRONT, (10.0, 10.0), (40, 40), 0.5)
    picture = np.asarray(render([SurfacePart(ball, (200, 200, 200))], view)).astype(int)
    covered = (picture[..., 0] != 255).sum()
    assert covered == pytest.approx(np.pi * (8.0 / 0.5) ** 2, rel=0.08)
    assert picture[14, 16, 0] > picture[26, 24, 0] + 20  # light from the upper left
