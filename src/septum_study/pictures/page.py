"""A page of pictures side by side: headings above, names of rows at the left, a legend and notes below."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from septum.core.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core import Colour
    from septum_study.pictures.heading import Heading

#: Pages are drawn at this multiple of their size and then reduced, which smooths every line.
OVERSAMPLING = 2
PAPER: Colour = (255, 255, 255)
INK: Colour = (24, 28, 34)
SOFT: Colour = (98, 106, 117)
WARNING: Colour = (176, 58, 20)

#: Left and top corner of a tile.
Place = tuple[int, int]


@lru_cache(maxsize=16)
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load Pillow's own typeface, so that no font need be installed."""
    return ImageFont.load_default(size=size_px)


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


@dataclass(frozen=True)
class Band:
    """Rows of tiles under one line of headings.

    Attributes:
        headings: one for each column.
        rows: name and detail of each row, for the left margin; empty names leave no margin.
        tiles: by row and column, all of one size, at ``OVERSAMPLING`` times the size on the page.
    """

    headings: Sequence[Heading]
    rows: Sequence[tuple[str, str]]
    tiles: Sequence[Sequence[Image.Image]]


@dataclass(frozen=True)
class Frame:
    """What stands around the bands.

    Attributes:
        title: above all; may be empty.
        legend: colour and meaning.
        notes: lines of small print.
    """

    title: str
    legend: Sequence[tuple[Colour, str]]
    notes: Sequence[str]


def compose(bands: Sequence[Band], frame: Frame) -> Image.Image:
    """The page as an RGB picture."""
    tile_width, tile_height = bands[0].tiles[0][0].size
    unit = unit_px(tile_width)
    gap, margin = unit // 2, unit
    named = any(name for band in bands for name, _ in band.rows)
    left = margin + (5 * unit if named else 0)
    columns = max(len(band.headings) for band in bands)
    width = left + columns * (tile_width + gap) - gap + margin
    room, large, small = width - 2 * margin, round(1.3 * unit), round(0.8 * unit)
    title = wrapped(frame.title, room, large)
    notes = [line for note in frame.notes for line in wrapped(note, room, small)]
    legend = _legend_lines(frame.legend, room, unit)
    tops, y = [], margin + round(1.5 * large) * len(title)
    for band in bands:
        y += _heading_height(band, unit, tile_width)
        tops.append(y)
        y += len(band.tiles) * (tile_height + gap) + unit // 2
    height = round(y + unit + 1.9 * unit * len(legend) + 1.4 * unit * len(notes))
    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)
    for k, line in enumerate(title):
        place = (margin, margin + round(1.5 * large) * k + large // 2)
        draw.text(place, line, fill=INK, font=font(large), anchor="lm")
    for band, top in zip(bands, tops, strict=True):
        _draw_band(page, band, (left, top), unit)
    y = _draw_legend(draw, legend, (margin, y + unit), unit)
    for line in notes:
        draw.text((margin, y), line, fill=SOFT, font=font(small), anchor="lm")
        y += round(1.4 * unit)
    return page.resize((width // OVERSAMPLING, height // OVERSAMPLING), Image.Resampling.LANCZOS)


def unit_px(tile_width_px: int) -> int:
    """Height of a line of text beside tiles of this width, both before the reduction."""
    return max(tile_width_px // 17, 13 * OVERSAMPLING)


def draw_scale(tile: Image.Image, length_mm: float, mm_per_px: float, *, on_image: bool) -> None:
    """A bar of known length, with its name, in the lower left corner of a tile.

    Args:
        tile: to draw on.
        length_mm: of the bar.
        mm_per_px: scale of the tile.
        on_image: whether what lies below is an image; bar and text are then white with a dark rim.
    """
    draw, unit = ImageDraw.Draw(tile), unit_px(tile.width)
    x, y = unit, tile.height - unit
    thick, rim = max(2, unit // 6), unit // 10 if on_image else 0
    colour = PAPER if on_image else INK
    box = (x, y - thick, x + round(length_mm / mm_per_px), y)
    draw.rectangle((box[0] - rim, box[1] - rim, box[2] + rim, box[3] + rim), fill=INK)
    draw.rectangle(box, fill=colour)
    draw.text(
        (x, y - 2 * thick),
        f"{length_mm:g} mm",
        fill=colour,
        font=font(round(0.8 * unit)),
        anchor="lb",
        stroke_width=rim,
        stroke_fill=INK,
    )


def wrapped(text: str, width_px: float, size_px: int) -> list[str]:
    """The text in lines that fit a width, broken at spaces; a single word may be wider."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(size_px).getlength(longer) <= width_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _draw_band(page: Image.Image, band: Band, corner: Place, unit: int) -> None:
    """The headings above ``corner``, the tiles below it, the names of the rows to its left."""
    draw, gap, (left, top) = ImageDraw.Draw(page), unit // 2, corner
    width, height = band.tiles[0][0].size
    above = _heading_height(band, unit, width)
    for column, heading in enumerate(band.headings):
        x = left + column * (width + gap)
        _draw_heading(draw, heading, (x + width / 2, top - above), width, unit)
        for row, tiles in enumerate(band.tiles):
            page.paste(tiles[column], (x, top + row * (height + gap)))
    for row, (name, detail) in enumerate(band.rows):
        middle = top + row * (height + gap) + height / 2
        draw.text((unit, middle - 0.6 * unit), name, fill=INK, font=font(unit), anchor="lm")
        draw.text((unit, middle + 0.6 * unit), detail, fill=SOFT, font=font(round(0.8 * unit)), anchor="lm")


def _heading_lines(heading: Heading, unit: int, width: int) -> list[tuple[str, Colour, int]]:
    small = round(0.85 * unit)
    parts = [(heading.name, INK, unit), (heading.score, SOFT, small)]
    parts += [(note, WARNING, small) for note in heading.notes]
    return [(line, colour, size) for text, colour, size in parts for line in wrapped(text, width, size)]


def _heading_height(band: Band, unit: int, width: int) -> int:
    most = max(len(_heading_lines(heading, unit, width)) for heading in band.headings)
    return round(1.25 * unit * most + 0.5 * unit)


def _draw_heading(
    draw: ImageDraw.ImageDraw, heading: Heading, head: tuple[float, float], width: int, unit: int
) -> None:
    """The lines of a heading below ``head``, its upper middle."""
    for k, (line, colour, size) in enumerate(_heading_lines(heading, unit, width)):
        draw.text(
            (head[0], head[1] + 1.25 * unit * (k + 0.5)), line, fill=colour, font=font(size), anchor="mm"
        )


def _legend_lines(
    legend: Sequence[tuple[Colour, str]], width: int, unit: int
) -> list[list[tuple[Colour, str, int]]]:
    """The entries with their widths in pixels, as many to a line as fit."""
    lines: list[list[tuple[Colour, str, int]]] = []
    for colour, text in legend:
        entry = (colour, text, round(3.2 * unit + font(unit).getlength(text)))
        if lines and sum(e[2] for e in lines[-1]) + entry[2] <= width:
            lines[-1].append(entry)
        else:
            lines.append([entry])
    return lines


def _draw_legend(
    draw: ImageDraw.ImageDraw, lines: list[list[tuple[Colour, str, int]]], corner: Place, unit: int
) -> int:
    """The legend from its upper left corner; returns the height of the line below it."""
    left, y = corner
    for line in lines:
        x = left
        for colour, text, width in line:
            draw.rounded_rectangle((x, y - unit / 2, x + unit, y + unit / 2), radius=unit // 5, fill=colour)
            draw.text((x + 1.5 * unit, y), text, fill=INK, font=font(unit), anchor="lm")
            x += width
        y += round(1.9 * unit)
    return y
