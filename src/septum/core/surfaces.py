"""The surface of a mask as a mesh in mm, smooth across thick slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter, gaussian_filter1d
from skimage.measure import marching_cubes

from septum.core.region import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Standard deviation of the smoothing, in voxels in plane and in slices; along Z the longer of the two.
SMOOTHING_VOXELS = 1.0
SMOOTHING_SLICES = 0.2
#: Depth, in voxels, to which smoothing may not empty a voxel of the mask, nor fill one outside: what is there
#: stays visible, down to a single voxel.
KEPT_VOXELS = 0.1
#: Voxels around the mask in which its surface closes, along (Z, Y, X).
_PADDING = (1, 3, 3)
#: How near the volume of a surface that keeps it comes to the mask's, as a share, and in how many steps.
VOLUME_TOLERANCE = 0.002
_MOST_STEPS = 30


@dataclass(frozen=True)
class Surface:
    """A closed triangle mesh.

    Attributes:
        vertices_mm: (N, 3), places along (Z, Y, X) from the centre of voxel (0, 0, 0), in mm.
        normals: (N, 3), unit vectors along (Z, Y, X) that point outwards.
        faces: (M, 3), numbers of the vertices of each triangle.
    """

    vertices_mm: Floats
    normals: Floats
    faces: NDArray[np.intp]

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Edge lengths of the smallest box about the mesh along (Z, Y, X), in mm."""
        z, y, x = np.ptp(self.vertices_mm, axis=0)
        return (float(z), float(y), float(x))

    @property
    def volume_ml(self) -> float:
        """Volume within the mesh in ml: the sum of the tetrahedra from one point to each triangle."""
        a, b, c = (self.vertices_mm[self.faces[:, k]] - self.vertices_mm.mean(axis=0) for k in range(3))
        return abs(float(np.einsum("ij,ij->", a, np.cross(b, c)))) / 6000.0

    @property
    def area_mm2(self) -> float:
        """Area of the mesh in mm2."""
        a, b, c = (self.vertices_mm[self.faces[:, k]] for k in range(3))
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2.0


@dataclass(frozen=True)
class _Depth:
    """Distance to the border of a mask, positive inside, on a grid that is fine along Z.

    Attributes:
        mm: (Z, Y, X); negative on all six sides of the grid.
        spacing_mm: along (Z, Y, X).
        origin_mm: place of its first voxel, from the mask's.
    """

    mm: Floats
    spacing_mm: tuple[float, float, float]
    origin_mm: Floats

    def cut(self, level_mm: float) -> Surface:
        """The surface of constant depth, closed by the border of the grid where it would reach beyond."""
        closed = np.pad(self.mm, 1, constant_values=min(level_mm, float(self.mm.min())) - 1.0)
        vertices, faces, normals, _ = marching_cubes(  # type: ignore[no-untyped-call]
            closed, level_mm, spacing=self.spacing_mm
        )
        return Surface(
            vertices_mm=np.asarray(vertices, float) + self.origin_mm - self.spacing_mm,
            normals=np.asarray(normals, float),
            faces=np.asarray(faces, np.intp),
        )


def surface_of(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Surface | None:
    """Marching cubes on the mask after shape-based interpolation between its slices.

    Slices are far apart, and a surface of the voxels themselves would be a staircase. So the distance to the
    border in plane, positive inside, is interpolated linearly along Z (Raya and Udupa, IEEE TMI 9(1), 1990)
    to about the spacing in plane, smoothed a little, and cut at zero. The contour of each slice stays where
    it is to within a voxel; the first and the last slice end half a slice beyond their centres.

    Args:
        mask: (Z, Y, X).
        spacing_mm: distance of voxel centres along (Z, Y, X), in mm.

    Returns:
        The surface; ``None`` where the mask is empty.

    >>> block = np.zeros((6, 20, 20), bool)
    >>> block[1:5, 5:15, 5:15] = True  # 40 x 20 x 20 mm are 16 ml
    >>> 14 < surface_of(block, (10.0, 2.0, 2.0)).volume_ml < 17
    True
    """
    depth = _depth_of(mask, spacing_mm)
    return None if depth is None else depth.cut(0.0)


def surface_with_volume_of(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Surface | None:
    """The same, cut not at zero but where it holds as much as the voxels of the mask do.

    The level is found by Newton's method, since the volume falls with it by the area of the surface; where
    that leaves what is known to hold the level, by bisection.

    Args:
        mask: (Z, Y, X).
        spacing_mm: distance of voxel centres along (Z, Y, X), in mm.

    Returns:
        The surface, with the mask's volume to within ``VOLUME_TOLERANCE``; ``None`` where the mask is empty.
    """
    depth = _depth_of(mask, spacing_mm)
    if depth is None:
        return None
    asked_mm3 = float(np.count_nonzero(mask)) * float(np.prod(spacing_mm))
    low, high, level = float(depth.mm.min()), float(depth.mm.max()), 0.0
    surface = depth.cut(level)
    for _ in range(_MOST_STEPS):
        surplus_mm3 = 1000.0 * surface.volume_ml - asked_mm3
        if abs(surplus_mm3) <= VOLUME_TOLERANCE * asked_mm3:
            break
        low, high = (level, high) if surplus_mm3 > 0.0 else (low, level)
        level += surplus_mm3 / surface.area_mm2
        if not low < level < high:
            level = (low + high) / 2.0
        surface = depth.cut(level)
    return surface


def _depth_of(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> _Depth | None:
    """The distances from which surfaces are cut; ``None`` where the mask is empty."""
    found = Region.bounding(mask)
    if found is None:
        return None
    inside = np.pad(found.crop(mask).astype(bool), [(n, n) for n in _PADDING])
    z_mm, y_mm, x_mm = spacing_mm
    between = max(1, round(z_mm / max(y_mm, x_mm)))
    # A ring is interpolated as its filled shape without its hole: a thin wall that moves stays closed.
    filled = np.stack([binary_fill_holes(plane) for plane in inside])
    depth_mm = _depth_between_slices_mm(filled, (y_mm, x_mm), between)
    hole = filled & ~inside
    if hole.any():
        depth_mm = np.minimum(depth_mm, -_depth_between_slices_mm(hole, (y_mm, x_mm), between))
    sigma = max(SMOOTHING_VOXELS, SMOOTHING_SLICES * between)
    depth_mm = gaussian_filter1d(depth_mm, sigma, axis=0)
    depth_mm[::between] = _kept(depth_mm[::between], inside, KEPT_VOXELS * min(y_mm, x_mm))
    return _Depth(
        mm=depth_mm,
        spacing_mm=(z_mm / between, y_mm, x_mm),
        origin_mm=np.subtract(found.start, _PADDING) * spacing_mm,
    )


def _depth_between_slices_mm(
    inside: NDArray[np.bool_], in_plane_mm: tuple[float, float], between: int
) -> Floats:
    """Measure the distance to the border in plane, smoothed in each slice, and between slices.

    Args:
        inside: mask (Z, Y, X).
        in_plane_mm: spacing (Y, X), in mm.
        between: number of places a slice.
    """
    depth = gaussian_filter(_depth_mm(inside, in_plane_mm), (0.0, SMOOTHING_VOXELS, SMOOTHING_VOXELS))
    return _interpolated(_kept(depth, inside, KEPT_VOXELS * min(in_plane_mm)), between)


def _depth_mm(inside: NDArray[np.bool_], in_plane_mm: tuple[float, float]) -> Floats:
    """Distance to the border within each slice, positive inside; (Z, Y, X), in mm.

    A slice without a border mirrors its neighbour's, so that interpolation ends half-way between the two.
    """
    half_mm = min(in_plane_mm) / 2.0  # distances run between centres of voxels; the border lies between them
    depth = np.full(inside.shape, np.inf)
    filled: NDArray[np.bool_] = np.asarray(inside.any(axis=(1, 2)))
    for z in np.flatnonzero(filled):
        within = distance_transform_edt(inside[z], sampling=in_plane_mm)
        beyond = distance_transform_edt(~inside[z], sampling=in_plane_mm)
        depth[z] = np.where(inside[z], within - half_mm, half_mm - beyond)
    for z in np.flatnonzero(~filled):
        beside = [np.abs(depth[k]) for k in (z - 1, z + 1) if 0 <= k < len(depth) and filled[k]]
        depth[z] = -np.min(beside, axis=0) if beside else -float(np.hypot(*in_plane_mm))
    return depth


def _kept(depth: Floats, inside: NDArray[np.bool_], least_mm: float) -> Floats:
    """Keep every voxel on its side of the border.

    Args:
        depth: distance to the border in mm, positive inside, (Z, Y, X).
        inside: mask of the same shape.
        least_mm: distance that each voxel keeps at least, in mm.
    """
    return np.where(inside, np.maximum(depth, least_mm), np.minimum(depth, -least_mm))


def _interpolated(depth: Floats, between: int) -> Floats:
    """Linear interpolation along Z at ``between`` places a slice, from the first centre to the last."""
    places = np.arange((len(depth) - 1) * between + 1) / between
    low = np.minimum(places.astype(int), len(depth) - 2)
    share = (places - low)[:, None, None]
    return (1.0 - share) * depth[low] + share * depth[low + 1]
