"""Shaded pictures of surfaces: an orthographic camera, Lambert's law, and layers that may be translucent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core.labels import Colour
    from septum.core.surfaces import Surface

    Floats = NDArray[np.float64]

#: Where the light comes from: right, up, and towards the viewer.
LIGHT = (-0.35, 0.5, 0.79)
#: Share of a colour that is seen where no light falls.
AMBIENT = 0.45
#: Where two surfaces touch, an opaque one is drawn as if it were nearer by this, in mm.
LIFT_MM = 1.5


@dataclass(frozen=True)
class Camera:
    """An orthographic view of places along (Z, Y, X) in mm.

    Attributes:
        axes: 3 x 3, unit vectors along (Z, Y, X): to the right of the picture, up, and towards the viewer.
        centre_mm: what is seen in the middle of the picture, to the right and up along ``axes``.
        size_px: width and height of the picture.
        mm_per_px: scale.
    """

    axes: Floats
    centre_mm: tuple[float, float]
    size_px: tuple[int, int]
    mm_per_px: float

    def project(self, places_mm: Floats) -> Floats:
        """Column, row (pixels, from the upper left corner) and nearness (mm) of places, (N, 3)."""
        right, up, near = self.axes @ places_mm.T
        width, height = self.size_px
        return np.stack(
            [
                width / 2.0 + (right - self.centre_mm[0]) / self.mm_per_px,
                height / 2.0 - (up - self.centre_mm[1]) / self.mm_per_px,
                near,
            ],
            axis=1,
        )


@dataclass(frozen=True)
class SurfacePart:
    """A surface with its look.

    Attributes:
        surface: the mesh.
        colour: red, green, blue, each 0 to 255.
        opacity: 1 hides what lies behind; below that, the share that is seen of a layer met at a right
            angle. Layers seen edge-on are denser, as those of glass are.
    """

    surface: Surface
    colour: Colour
    opacity: float = 1.0


def render(parts: Sequence[SurfacePart], camera: Camera, background: Colour = (255, 255, 255)) -> Image.Image:
    """The parts as seen by the camera, an RGB picture of ``camera.size_px``.

    Every triangle is broken into its pixels; the layers of each pixel are then laid over each other from the
    nearest to the farthest, so that the order in which parts are given has no meaning.
    """
    width, height = camera.size_px
    seen = np.zeros((width * height, 3))
    passing = np.ones(width * height)
    layers = [_layers(part, camera) for part in parts]
    if layers:
        pixel, near, colour, opacity = (np.concatenate(values) for values in zip(*layers, strict=True))
        wall = np.full(width * height, -np.inf)  # the nearest opaque layer hides all behind it
        np.maximum.at(wall, pixel[opacity >= 1.0], near[opacity >= 1.0])
        shown = np.flatnonzero(near >= wall[pixel])
        pixel, near, colour, opacity = (values[shown] for values in (pixel, near, colour, opacity))
        order = np.lexsort((-near, pixel))
        pixel, colour, opacity = pixel[order], colour[order], opacity[order]
        rank = np.arange(pixel.size) - np.searchsorted(pixel, pixel)
        for depth in range(int(rank.max(initial=-1)) + 1):
            here = rank == depth
            at, share = pixel[here], opacity[here]
            seen[at] += (passing[at] * share)[:, None] * colour[here]
            passing[at] *= 1.0 - share
    seen += passing[:, None] * np.asarray(background, float)
    return Image.fromarray(np.rint(np.clip(seen, 0.0, 255.0)).astype(np.uint8).reshape(height, width, 3))


def _layers(part: SurfacePart, camera: Camera) -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
    """Flat pixel number, nearness, colour and opacity of each pixel of each triangle."""
    normals = (part.surface.normals @ camera.axes.T)[part.surface.faces]  # (M, 3 corners, 3)
    corners = camera.project(part.surface.vertices_mm)[part.surface.faces]
    if part.opacity >= 1.0:  # the side turned away is hidden by the other
        turned = (normals[..., 2] > 0.0).any(axis=1)
        normals, corners = normals[turned], corners[turned]
    triangle, pixel, weights = _pixels(corners[..., :2], camera.size_px)
    near = np.einsum("ij,ij->i", weights, corners[triangle, :, 2])
    normal = np.einsum("ij,ijk->ik", weights, normals[triangle])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    normal *= np.where(normal[:, 2:] < 0.0, -1.0, 1.0)  # the inner side is lit like the outer
    light = np.asarray(LIGHT) / np.linalg.norm(LIGHT)
    bright = AMBIENT + (1.0 - AMBIENT) * np.clip(normal @ light, 0.0, None)
    colour = bright[:, None] * np.asarray(part.colour, float)
    if part.opacity >= 1.0:
        return pixel, near + LIFT_MM, colour, np.ones(pixel.size)
    edge_on = (1.0 - normal[:, 2]) ** 2
    return pixel, near, colour, part.opacity + 0.6 * (1.0 - part.opacity) * edge_on


def _pixels(corners: Floats, size_px: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """The pixels whose centres lie in each triangle.

    Args:
        corners: (M, 3, 2), column and row of the corners in pixels.
        size_px: width and height of the picture; pixels outside are left out.

    Returns:
        Number of the triangle, flat number of the pixel, and the weights of the three corners, (K, 3).
    """
    width, height = size_px
    first = np.ceil(corners.min(axis=1) - 0.5).astype(int)
    spans = np.floor(corners.max(axis=1) - 0.5).astype(int) - first + 1
    start, end = corners[:, [1, 2, 0]], corners[:, [2, 0, 1]]  # the edge across from each corner
    run = end - start
    area = run[:, 2, 0] * -run[:, 1, 1] + run[:, 1, 0] * run[:, 2, 1]
    side = np.sign(area)[:, None]
    # A centre on an edge that two triangles share belongs to the one that runs along it downwards.
    owns = (side * run[..., 1] > 0.0) | ((run[..., 1] == 0.0) & (side * run[..., 0] < 0.0))
    drawn = (spans > 0).all(axis=1) & (area != 0.0)
    triangles, pixels, weights = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], [np.zeros((0, 3))]
    for dy in range(int(spans[:, 1].max(initial=0))):
        for dx in range(int(spans[:, 0].max(initial=0))):
            which = np.flatnonzero(drawn & (spans[:, 0] > dx) & (spans[:, 1] > dy))
            column, row = first[which, 0] + dx, first[which, 1] + dy
            centre = np.stack([column, row], axis=1)[:, None] + 0.5
            one, two = start[which] - centre, end[which] - centre
            twice = one[..., 0] * two[..., 1] - two[..., 0] * one[..., 1]  # areas to the three edges
            inside = ((side[which] * twice > 0.0) | ((twice == 0.0) & owns[which])).all(axis=1)
            inside &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
            triangles.append(which[inside])
            pixels.append((row * width + column)[inside])
            weights.append(twice[inside] / area[which[inside], None])
    return np.concatenate(triangles), np.concatenate(pixels), np.concatenate(weights)
