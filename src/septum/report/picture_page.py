"""One study as one picture: verdict, main numbers, slices with outlines."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from septum.core import Verdict
from septum.core.clinical import STATEMENT
from septum.report.markup import number
from septum.report.numbers import HEADLINE
from septum.report.pictures import ReportView
from septum.report.tiles import choose_view, paint_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import Indices, Quality
    from septum.report.page import Reportable
    from septum.report.tiles import View

#: Width and height in pixels.
SIZE_PX = (1024, 768)
_MARGIN_PX, _TILE_PX, _MARGIN_MM = 24, 232, 20.0
_SLICES = 3
_INK, _PALE, _PAPER = (236, 236, 236), (168, 168, 168), (16, 16, 16)
_COLOURS = {
    Verdict.FINE: (120, 200, 120),
    Verdict.REVIEW: (240, 190, 80),
    Verdict.REJECT: (240, 110, 100),
}
_ADVICE = {
    Verdict.FINE: "FINE: no check found a fault in the mask. Look at it all the same.",
    Verdict.REVIEW: "REVIEW: look at what is listed here before you use the numbers.",
    Verdict.REJECT: "REJECTED: the mask cannot be used, and no numbers are given.",
}
_MOST_REASONS, _LETTERS = 4, 108


def picture_page(result: Reportable, *, title: str) -> NDArray[np.uint8]:
    """Draw a study as one picture, light on dark, that names no patient.

    Of a rejected mask it shows the reasons and the slices, and no number.

    Args:
        result: image, mask, numbers and verdict.
        title: what stands on top.

    Returns:
        Red, green and blue (Y, X, 3).

    >>> from septum.phantom import PhantomSettings, beating_heart
    >>> from septum import measure
    >>> phantom = beating_heart(np.random.default_rng(1), PhantomSettings(frames=2, matrix=(144, 144)))
    >>> picture_page(measure(phantom.truth, image=phantom.cine), title="Septum").shape
    (768, 1024, 3)
    """
    page = Image.new("RGB", SIZE_PX, _PAPER)
    draw = ImageDraw.Draw(page)
    below = _write(draw, title, 26, _INK, _MARGIN_PX)
    below = _write(draw, STATEMENT, 16, _COLOURS[Verdict.REVIEW], below + 6)
    below = _verdict(draw, result.quality, below + 10)
    view = ReportView.of(result.study, result.segmentation)
    top = SIZE_PX[1] - _MARGIN_PX - 2 * (_TILE_PX + 26)
    _slices(page, view, _phases(result.indices, view.frames), max(top, below + 8))
    if result.quality is None or result.quality.verdict is not Verdict.REJECT:
        _numbers(draw, result.indices, max(top, below + 8))
    return np.asarray(page, dtype=np.uint8)


def _verdict(draw: ImageDraw.ImageDraw, quality: Quality | None, top: int) -> int:
    """Write the verdict with its reasons; where the next line may begin."""
    if quality is None:
        return _write(draw, "Quality was not assessed: look at the mask.", 18, _INK, top)
    below = _write(draw, _ADVICE[quality.verdict], 18, _COLOURS[quality.verdict], top)
    flags = sorted(quality.flags, key=lambda flag: flag.verdict is not Verdict.REJECT)
    for flag in flags[:_MOST_REASONS]:
        below = _write(draw, textwrap.shorten(flag.reason, _LETTERS, placeholder=" …"), 15, _INK, below + 3)
    if len(flags) > _MOST_REASONS:
        below = _write(draw, f"and {len(flags) - _MOST_REASONS} more.", 15, _PALE, below + 3)
    return below


def _numbers(draw: ImageDraw.ImageDraw, indices: Indices | None, top: int) -> None:
    """List the main numbers to the right of the slices."""
    left = SIZE_PX[0] - _MARGIN_PX - 250
    by_key = {item.key: item for item in indices.items if item.value is not None} if indices else {}
    for item in (by_key[key] for key in HEADLINE if key in by_key):
        draw.text((left, top), item.title, _PALE, _font(14))
        indexed = (
            "" if item.indexed is None else f"   {number(item.indexed, f'{item.unit}/m²')} {item.unit}/m²"
        )
        told = f"{number(item.value, item.unit)} {item.unit}{indexed}"
        draw.text((left, top + 17), told, _INK, _font(19))
        top += 46


def _slices(page: Image.Image, view: ReportView, phases: Sequence[tuple[str, int]], top: int) -> None:
    """Paint three slices of each phase, a row a phase."""
    draw, frames = ImageDraw.Draw(page), [frame for _, frame in phases]
    shown = choose_view(
        view.images[frames], view.labels[frames], view.geometry,
        columns=_SLICES, tile_px=_TILE_PX, margin_mm=_MARGIN_MM,
    )  # fmt: skip
    for name, frame in phases:
        draw.text((_MARGIN_PX, top), name or f"Frame {frame}", _PALE, _font(15))
        for column, z in enumerate(shown.slices):
            tile = _tile(view, shown, frame, z)
            page.paste(tile, (_MARGIN_PX + column * (_TILE_PX + 8), top + 20))
        top += _TILE_PX + 26


def _tile(view: ReportView, shown: View, frame: int, z: int) -> Image.Image:
    masks = [(view.labels[frame, z] == s.value, s.colour) for s in view.schema.structures]
    return paint_tile(view.images[frame, z], masks, shown, outline_px=2)


def _phases(indices: Indices | None, frames: int) -> list[tuple[str, int]]:
    if indices is None or indices.phases is None or frames == 1:
        return [("", 0)]
    phases = indices.phases
    return [
        (f"End-diastole, frame {phases.end_diastole}", phases.end_diastole),
        (f"End-systole, frame {phases.end_systole}", phases.end_systole),
    ]


def _write(draw: ImageDraw.ImageDraw, text: str, size: int, colour: tuple[int, int, int], top: int) -> int:
    """Write a line; where it ends."""
    draw.text((_MARGIN_PX, top), text, colour, _font(size))
    return top + round(1.25 * size)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
