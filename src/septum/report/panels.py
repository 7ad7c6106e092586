"""Panels of a picture: the table of structures with their volumes, and the volumes over time."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import ImageDraw

    from septum.core.clinical import Indices
    from septum.core.labels import LabelSchema

Colour = tuple[int, int, int]
#: Left, top, right, bottom in pixels.
Box = tuple[int, int, int, int]

BACKGROUND: Colour = (14, 17, 22)
PANEL: Colour = (24, 28, 35)
TEXT: Colour = (232, 236, 241)
QUIET: Colour = (140, 149, 161)
LINE: Colour = (52, 59, 69)


@lru_cache(maxsize=16)
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface, so that no font need be installed."""
    return ImageFont.load_default(size=size_px)


def draw_legend(
    draw: ImageDraw.ImageDraw,
    box: Box,
    schema: LabelSchema,
    phases: Sequence[tuple[str, int]],
    curve: Indices | None,
    unit_px: int,
) -> None:
    """Name, colour and meaning of each structure; with a curve also volumes by phase, and EF.

    Args:
        draw: of the picture.
        box: where.
        schema: structures.
        phases: name and frame number of each phase shown.
        curve: volumes and ejection fractions as computed elsewhere, or ``None``.
        unit_px: height of a line of small text.
    """
    left, top, right, bottom = box
    draw.rounded_rectangle(box, radius=unit_px // 2, fill=PANEL)
    rows = len(schema.structures) + 1
    step = min((bottom - top - unit_px) / rows, 2.2 * unit_px)
    columns = [f"{name} ml" for name, _ in phases] if curve else []
    if curve and curve.ejection_fractions_percent:
        columns.append("EF %")
    width = 4.6 * unit_px
    first = right - unit_px - width * (len(columns) - 1)

    def row_y(row: int) -> float:
        return top + unit_px / 2 + step * (row + 0.5)

    for column, heading in enumerate(columns):
        draw.text((first + column * width, row_y(0)), heading, fill=QUIET, font=font(unit_px), anchor="rm")
    draw.text((left + unit_px, row_y(0)), "structure", fill=QUIET, font=font(unit_px), anchor="lm")
    for row, structure in enumerate(schema.structures, start=1):
        y = row_y(row)
        draw.line((left + unit_px, y - step / 2, right - unit_px, y - step / 2), fill=LINE, width=2)
        swatch = (left + unit_px, y - unit_px * 0.5, left + 2 * unit_px, y + unit_px * 0.5)
        draw.rounded_rectangle(swatch, radius=unit_px // 5, fill=structure.colour)
        large = font(round(1.15 * unit_px))
        draw.text((left + 2.6 * unit_px, y), structure.name, fill=TEXT, font=large, anchor="lm")
        draw.text((left + 6.4 * unit_px, y), structure.meaning, fill=QUIET, font=font(unit_px), anchor="lm")
        for column, value in enumerate(_values(structure.name, phases, curve)):
            draw.text((first + column * width, y), value, fill=TEXT, font=large, anchor="rm")


def draw_curve(
    draw: ImageDraw.ImageDraw,
    box: Box,
    schema: LabelSchema,
    phases: Sequence[tuple[str, int]],
    curve: Indices,
    frame_interval_ms: float | None,
    unit_px: int,
) -> None:
    """Volume of each structure over the frames, with the phases marked. Arguments as for the legend."""
    left, top, right, bottom = box
    draw.rounded_rectangle(box, radius=unit_px // 2, fill=PANEL)
    small = font(unit_px)
    x0, x1 = left + 4.2 * unit_px, right - 1.6 * unit_px
    y0, y1 = bottom - 2.4 * unit_px, top + 2.6 * unit_px
    frames = len(next(iter(curve.volumes_ml.values())))
    tick, top_ml = _scale(max(max(values) for values in curve.volumes_ml.values()))

    def place(t: float, ml: float) -> tuple[float, float]:
        return x0 + (x1 - x0) * t / max(1, frames - 1), y0 + (y1 - y0) * ml / top_ml

    draw.text((right - unit_px, top + 1.2 * unit_px), "volume, ml", fill=QUIET, font=small, anchor="rm")
    for step in range(round(top_ml / tick) + 1):
        _, y = place(0, step * tick)
        draw.line((x0, y, x1, y), fill=LINE, width=2)
        draw.text((x0 - unit_px * 0.6, y), f"{step * tick:g}", fill=QUIET, font=small, anchor="rm")
    for name, t in phases:
        x, _ = place(t, 0)
        draw.line((x, y0, x, y1), fill=QUIET, width=2)
        draw.text((x, y1 - 0.9 * unit_px), name, fill=TEXT, font=small, anchor="mm")
    if frame_interval_ms:
        start, end = "0 ms", f"{(frames - 1) * frame_interval_ms:.0f} ms"
    else:
        start, end = "frame 0", f"frame {frames - 1}"
    draw.text((x0, y0 + 1.2 * unit_px), start, fill=QUIET, font=small, anchor="lm")
    draw.text((x1, y0 + 1.2 * unit_px), end, fill=QUIET, font=small, anchor="rm")
    for structure in schema.structures:
        points = [place(t, ml) for t, ml in enumerate(curve.volumes_ml[structure.name])]
        draw.line(points, fill=structure.colour, width=max(3, unit_px // 5), joint="curve")
        for x, y in points:
            r = unit_px * 0.24
            draw.ellipse((x - r, y - r, x + r, y + r), fill=structure.colour)


def _values(name: str, phases: Sequence[tuple[str, int]], curve: Indices | None) -> list[str]:
    if curve is None:
        return []
    values = [f"{curve.volumes_ml[name][t]:.0f}" for _, t in phases]
    fraction = curve.ejection_fractions_percent.get(name)
    if fraction is not None:
        values.append(f"{fraction:.0f}")
    return values


def _scale(largest_ml: float) -> tuple[float, float]:
    """Distance of the ticks, and the top of the axis, for values up to this one."""
    tick = next((t for t in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if largest_ml <= 4 * t), 200.0)
    steps = max(1, -int(-largest_ml // tick))
    return tick, tick * steps
