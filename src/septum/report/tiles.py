"""Slices with the outlines of their structures as small pictures: the shown part, the greys, the paint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, gaussian_filter

from septum.core.region import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core.geometry import Geometry
    from septum.core.labels import Colour

#: How much of its colour lies over a structure, 0 to 1; its outline is opaque.
FILL = 0.1
#: Width of an outline in pixels.
OUTLINE_PX = 3
#: Softening of a mask before its outline is traced, in voxels: rounds the stairs, moves no border.
_SOFTEN_VOXELS = 0.7
#: Percentiles of the shown values that become black and white.
_WINDOW_PERCENT = (1.0, 99.5)


def box_around(mask: NDArray[np.bool_], geometry: Geometry, margin_mm: float) -> Region:
    """Find the box of the shown part: everything in a mask, with a margin in plane.

    Args:
        mask: (Z, Y, X); where it is empty, the box is the whole grid.
        geometry: grid of the mask, slices first.
        margin_mm: space around the mask within a slice; none is added along Z.

    Returns:
        A box that stays within the grid.

    >>> from septum.core import Geometry
    >>> mask = np.zeros((4, 10, 10), bool)
    >>> mask[1, 4:6, 4:6] = True
    >>> box_around(mask, Geometry((4, 10, 10), (8.0, 2.0, 1.0)), 2.0)
    Region(start=(1, 3, 2), stop=(2, 7, 8))
    """
    found = Region.bounding(mask)
    if found is None:
        return Region.whole(geometry.shape)
    (z0, y0, x0), (z1, y1, x1) = found.start, found.stop
    dy, dx = (math.ceil(margin_mm / s) for s in geometry.spacing_mm[1:])
    _, height, width = geometry.shape
    return Region((z0, max(0, y0 - dy), max(0, x0 - dx)), (z1, min(height, y1 + dy), min(width, x1 + dx)))


def grey_window(values: NDArray[np.floating]) -> tuple[float, float]:
    """Choose the values that become black and white: the 1st and the 99.5th percentile.

    >>> grey_window(np.full(3, 7.0))
    (7.0, 7.000001)
    """
    low, high = np.percentile(values, _WINDOW_PERCENT)
    return float(low), float(max(high, low + 1e-6))


@dataclass(frozen=True)
class View:
    """Which part of an image is shown, how large, and between which values.

    Attributes:
        region: shown part in plane; its Z range spans the slices that hold anything.
        slices: numbers of the slices shown.
        size_px: width and height of a tile.
        window: values shown as black and as white.
    """

    region: Region
    slices: tuple[int, ...]
    size_px: tuple[int, int]
    window: tuple[float, float]


def choose_view(
    images: NDArray[np.floating],
    masks: NDArray[np.uint8],
    geometry: Geometry,
    *,
    columns: int,
    tile_px: int,
    margin_mm: float,
) -> View:
    """Choose the view that holds every structure in all frames, with a margin in plane.

    Args:
        images: the frames to be shown, (T, Z, Y, X).
        masks: their masks, same shape; where all are empty, the whole image is shown.
        geometry: grid of each frame.
        columns: largest number of slices; they are spread evenly.
        tile_px: length of a tile's longer side.
        margin_mm: space around the structures.
    """
    region = box_around(np.asarray(masks.any(axis=0)), geometry, margin_mm)
    _, height_mm, width_mm = geometry.cropped(region).extent_mm
    scale = tile_px / max(height_mm, width_mm)
    first, last = region.start[0], region.stop[0] - 1
    chosen = np.unique(np.linspace(first, last, min(columns, last + 1 - first)).round())
    return View(
        region=region,
        slices=tuple(int(k) for k in chosen),
        size_px=(round(width_mm * scale), round(height_mm * scale)),
        window=grey_window(region.crop(images)),
    )


def paint_tile(
    image: NDArray[np.floating],
    masks: Sequence[tuple[NDArray[np.bool_], Colour]],
    view: View,
    *,
    fill: float = FILL,
    outline_px: int = OUTLINE_PX,
    soften_voxels: float = _SOFTEN_VOXELS,
) -> Image.Image:
    """Paint one slice with masks over it that may overlap, as an RGB picture of ``view.size_px``.

    Args:
        image: values of the slice, (Y, X), the whole of it.
        masks: what to draw, each (Y, X) with its colour; later outlines lie over earlier ones.
        view: part, size and window.
        fill: how much of its colour lies over a mask, 0 to 1.
        outline_px: width of the outlines.
        soften_voxels: softening of a mask before it is drawn; up to 0.5 a lone voxel is still seen.
    """
    low, high = view.window
    grey = np.clip((_resized(image, view) - low) / (high - low), 0.0, 1.0) * 255.0
    picture = np.repeat(grey[..., None], 3, axis=2)
    outlines: list[tuple[NDArray[np.bool_], Colour]] = []
    for here, colour in masks:
        if not here.any():
            continue
        inside = _resized(gaussian_filter(here.astype(np.float32), soften_voxels), view) > 0.5
        picture[inside] = (1.0 - fill) * picture[inside] + fill * np.asarray(colour)
        outlines.append((inside & ~binary_erosion(inside, iterations=outline_px), colour))
    for outline, colour in outlines:
        picture[outline] = colour
    return Image.fromarray(np.rint(picture).astype(np.uint8))


def _resized(plane: NDArray[np.floating], view: View) -> NDArray[np.float32]:
    """Scale the shown part of a plane to the size of a tile; voxel borders map to tile borders."""
    (_, y0, x0), (_, y1, x1) = view.region.start, view.region.stop
    source = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    shown = source.resize(view.size_px, Image.Resampling.BICUBIC, box=(x0, y0, x1, y1))
    return np.asarray(shown, dtype=np.float32)
