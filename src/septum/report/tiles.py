"""One slice with the outlines of its structures, as a small picture."""

from __future__ import annotations

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
    from septum.core.labels import LabelSchema
    from septum.report.panels import Colour

#: How much of its colour lies over a structure, 0 to 1; its outline is opaque.
FILL = 0.1
#: Width of an outline in pixels.
OUTLINE_PX = 3
#: Softening of a mask before its outline is traced, in voxels: rounds the stairs, moves no border.
_SOFTEN_VOXELS = 0.7


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
    """The view that holds every structure in all frames, with a margin in plane.

    Args:
        images: the frames to be shown, (T, Z, Y, X).
        masks: their masks, same shape; where all are empty, the whole image is shown.
        geometry: grid of each frame.
        columns: largest number of slices.
        tile_px: length of a tile's longer side.
        margin_mm: space around the structures.
    """
    whole = Region.whole(geometry.shape)
    found = Region.bounding(np.asarray(masks.any(axis=0))) or whole
    (z0, y0, x0), (z1, y1, x1) = found.start, found.stop
    if found != whole:
        dy, dx = (int(np.ceil(margin_mm / s)) for s in geometry.spacing_mm[1:])
        _, height, width = geometry.shape
        y0, y1, x0, x1 = max(0, y0 - dy), min(height, y1 + dy), max(0, x0 - dx), min(width, x1 + dx)
    region = Region((z0, y0, x0), (z1, y1, x1))
    _, height_mm, width_mm = geometry.cropped(region).extent_mm
    scale = tile_px / max(height_mm, width_mm)
    low, high = np.percentile(region.crop(images), (1.0, 99.5))
    return View(
        region=region,
        slices=tuple(int(k) for k in np.unique(np.linspace(z0, z1 - 1, min(columns, z1 - z0)).round())),
        size_px=(round(width_mm * scale), round(height_mm * scale)),
        window=(float(low), float(max(high, low + 1e-6))),
    )


def draw_tile(
    image: NDArray[np.floating], mask: NDArray[np.uint8], schema: LabelSchema, view: View
) -> Image.Image:
    """One slice as an RGB picture of ``view.size_px``.

    Args:
        image: values of the slice, (Y, X), the whole of it.
        mask: labels of the slice, (Y, X).
        schema: colours of the labels.
        view: part, size and window.
    """
    masks = [(mask == structure.value, structure.colour) for structure in schema.structures]
    return paint_tile(image, masks, view)


def paint_tile(
    image: NDArray[np.floating],
    masks: Sequence[tuple[NDArray[np.bool_], Colour]],
    view: View,
    *,
    fill: float = FILL,
    outline_px: int = OUTLINE_PX,
    soften_voxels: float = _SOFTEN_VOXELS,
) -> Image.Image:
    """One slice with masks over it that may overlap, as an RGB picture of ``view.size_px``.

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
    """The shown part of a plane at the size of a tile; voxel borders map to tile borders."""
    (_, y0, x0), (_, y1, x1) = view.region.start, view.region.stop
    source = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    shown = source.resize(view.size_px, Image.Resampling.BICUBIC, box=(x0, y0, x1, y1))
    return np.asarray(shown, dtype=np.float32)
