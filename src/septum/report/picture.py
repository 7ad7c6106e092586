"""The picture of a result: slices with outlines, the volumes in numbers and over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from septum.core.files import atomic_path
from septum.report.panels import BACKGROUND, QUIET, TEXT, Box, draw_curve, draw_legend, font
from septum.report.tiles import choose_view, draw_tile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core.clinical import Indices
    from septum.core.images import Cine, Segmentation

FOOTER = "Septum - research use only, not for diagnosis. Slices and frames are counted from 0."
#: The picture is drawn at this multiple of its size and then reduced, which smooths every line.
_OVERSAMPLING = 2
_UNIT_PX = 15
_GAP_PX = 6
_MARGIN_PX = 24
_LABEL_PX = 64
_PANEL_PX = 180


def overlay_picture(
    cine: Cine,
    segmentation: Segmentation,
    frames: Sequence[tuple[str, int]],
    *,
    curve: Indices | None = None,
    title: str = "",
    columns: int = 8,
    tile_px: int = 190,
    margin_mm: float = 18.0,
) -> Image.Image:
    """Contact sheet of a segmented cine: a row for each phase, a column for each slice.

    Args:
        cine: the image, (T, Z, Y, X).
        segmentation: its mask, of the same shape.
        frames: name and frame number (from 0) of each phase, such as ``[("ED", 0), ("ES", 4)]``.
        curve: volumes to print and, from three frames on, to plot; ``None`` leaves them out.
        title: heading.
        columns: largest number of slices; they are spread over those that hold a structure.
        tile_px: length of a tile's longer side.
        margin_mm: space shown around the heart.

    Returns:
        An RGB picture with true proportions in plane.

    Raises:
        ValueError: the shapes differ, or no frame or one that is not there is asked for.
    """
    if cine.array.shape != segmentation.labels.shape:
        raise ValueError(f"image and mask differ in shape: {cine.array.shape}, {segmentation.labels.shape}")
    numbers = [t for _, t in frames]
    if not numbers or not all(0 <= t < len(cine) for t in numbers):
        raise ValueError(f"frames lie between 0 and {len(cine) - 1}, got {numbers}")
    k = _OVERSAMPLING
    images, masks = cine.array[numbers], segmentation.labels[numbers]
    view = choose_view(
        images, masks, cine.geometry, columns=columns, tile_px=k * tile_px, margin_mm=margin_mm
    )
    unit, gap, margin, label = (k * v for v in (_UNIT_PX, _GAP_PX, _MARGIN_PX, _LABEL_PX))
    tile_width, tile_height = view.size_px
    header = 2 * unit if title else 0
    top = margin + header + 2 * unit
    grid_width = len(view.slices) * (tile_width + gap) - gap
    width = max(2 * margin + label + grid_width, k * 760)
    panels = top + len(frames) * (tile_height + gap) + gap
    height = panels + k * _PANEL_PX + margin + 2 * unit
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((margin, margin + unit // 2), title, fill=TEXT, font=font(round(1.5 * unit)), anchor="lm")
    for column, z in enumerate(view.slices):
        x = margin + label + column * (tile_width + gap)
        heading = f"slice {z}"
        draw.text((x + tile_width // 2, top - unit), heading, fill=QUIET, font=font(unit), anchor="mm")
        for row, t in enumerate(numbers):
            tile = draw_tile(cine.array[t, z], segmentation.labels[t, z], segmentation.schema, view)
            sheet.paste(tile, (x, top + row * (tile_height + gap)))
    for row, (name, t) in enumerate(frames):
        y = top + row * (tile_height + gap) + tile_height // 2
        draw.text((margin, y - unit // 2), name, fill=TEXT, font=font(round(1.6 * unit)), anchor="lm")
        draw.text((margin, y + unit), f"frame {t}", fill=QUIET, font=font(unit), anchor="lm")
    box = (margin, panels, width - margin, panels + k * _PANEL_PX)
    _draw_panels(draw, box, cine, segmentation, frames, curve, unit)
    draw.text((margin, height - margin), FOOTER, fill=QUIET, font=font(unit), anchor="lm")
    return sheet.resize((width // k, height // k), Image.Resampling.LANCZOS)


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def _draw_panels(
    draw: ImageDraw.ImageDraw,
    box: Box,
    cine: Cine,
    segmentation: Segmentation,
    frames: Sequence[tuple[str, int]],
    curve: Indices | None,
    unit: int,
) -> None:
    """The legend, and beside it the curve where there is one to draw."""
    left, top, right, bottom = box
    if curve is None or len(cine) < 3:
        draw_legend(draw, box, segmentation.schema, frames, curve, unit)
        return
    split = left + max((right - left) // 2, 26 * unit)
    draw_legend(draw, (left, top, split - unit // 2, bottom), segmentation.schema, frames, curve, unit)
    panel = (split + unit // 2, top, right, bottom)
    draw_curve(draw, panel, segmentation.schema, frames, curve, cine.frame_interval_ms, unit)
