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
    """
    found = Region.bounding(mask)
    if found is None:
        return None
    inside = np.pad(found.crop(mask).astype(bool), [(n, n) for n in _PADDING])
    z_mm, y_mm, x_mm = spacing_mm
    between = max(1, round(z_mm / max(y_mm, x_mm)))
    fine_mm = (z_mm / between, y_mm, x_mm)
    # A ring is interpolated as its filled shape without its hole: a thin wall that moves stays closed.
    filled = np.stack([binary_fill_holes(plane) for plane in inside])
    depth_mm = _depth_between_slices_mm(filled, (y_mm, x_mm), between)
    hole = filled & ~inside
    if hole.any():
        depth_mm = np.minimum(depth_mm, -_depth_between_slices_mm(hole, (y_mm, x_mm), between))
    sigma = max(SMOOTHING_VOXELS, SMOOTHING_SLICES * between)
    depth_mm = gaussian_filter1d(depth_mm, sigma, axis=0)
    depth_mm[::between] = _kept(depth_mm[::between], inside, KEPT_VOXELS * min(y_mm, x_mm))
    vertices, faces, normals, _ = marching_cubes(depth_mm, 0.0, spacing=fine_mm)  # type: ignore[no-untyped-call]
    return Surface(
        vertices_mm=np.asarray(vertices, float) + np.subtract(found.start, _PADDING) * spacing_mm,
        normals=np.asarray(normals, float),
        faces=np.asarray(faces, np.intp),
    )


def _depth_between_slices_mm(
    inside: NDArray[np.bool_], in_plane_mm: tuple[float, float], between: int
) -> Floats:
    """Distance to the border in plane, smoothed within each slice, at ``between`` places a slice."""
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
    """The depths with every voxel on its side of the border, by ``least_mm`` or more."""
    return np.where(inside, np.maximum(depth, least_mm), np.minimum(depth, -least_mm))


def _interpolated(depth: Floats, between: int) -> Floats:
    """Linear interpolation along Z at ``between`` places a slice, from the first centre to the last."""
    places = np.arange((len(depth) - 1) * between + 1) / between
    low = np.minimum(places.astype(int), len(depth) - 2)
    share = (places - low)[:, None, None]
    return (1.0 - share) * depth[low] + share * depth[low + 1]
