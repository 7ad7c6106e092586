"""Wall thickness in the 17 segments of the AHA as bullseyes, and as a table.

Segments and their order: Cerqueira et al., Standardized Myocardial Segmentation and Nomenclature for
Tomographic Imaging of the Heart, Circulation 105(4), 2002.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.reporting.study_report_markup import NOTHING, hexadecimal, node, number, words_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import WallThickness
    from septum.reporting.panels import Colour

    Values = Sequence[float | None]

_SIX = ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral")
_FOUR = ("anterior", "septal", "inferior", "lateral")
SEGMENTS = (
    *(f"basal {wall}" for wall in _SIX),
    *(f"mid {wall}" for wall in _SIX),
    *(f"apical {wall}" for wall in _FOUR),
    "apex",
)
#: Inner and outer radius of the basal, mid and apical ring, and of the apex.
_RINGS = ((80.0, 110.0), (50.0, 80.0), (22.0, 50.0), (0.0, 22.0))
_GREY: Colour = (232, 234, 237)
#: From thin to thick; and from thinning to none, to thickening. Told apart by people of any colour vision.
_THICK: tuple[Colour, ...] = ((247, 251, 255), (158, 202, 225), (49, 130, 189), (8, 48, 107))
_THINNING: tuple[Colour, ...] = ((179, 88, 6), (253, 184, 99), (247, 247, 247))
_THICKENING: tuple[Colour, ...] = ((247, 247, 247), (178, 171, 210), (84, 39, 136))


def bullseyes(wall: WallThickness, *, phased: bool) -> list[Element]:
    """Figures of thickness at ED and ES on one scale, and of thickening; one figure for a single frame."""
    known = _known((*wall.end_diastolic_mm, *wall.end_systolic_mm))
    low = math.floor(min(known, default=0.0))
    high = low + 4 * max(1, math.ceil((max(known, default=1.0) - low) / 4.0))

    def thick(value: float) -> Colour:
        return _mixed(_THICK, (value - low) / (high - low))

    scale = _scale(thick, [low + (high - low) * k / 4 for k in range(5)], "mm")
    if not phased:
        return [_figure("Wall thickness", wall.end_diastolic_mm, "mm", thick, scale)]
    largest = max((abs(v) for v in _known(wall.thickening_percent)), default=0.0)
    most = 10.0 * max(5, math.ceil(largest / 10.0))

    def thicker(value: float) -> Colour:
        return _mixed(_THICKENING, value / most) if value >= 0 else _mixed(_THINNING, (value + most) / most)

    ticks = _scale(thicker, [-most, -most / 2, 0.0, most / 2, most], "%")
    return [
        _figure("Wall thickness at ED", wall.end_diastolic_mm, "mm", thick, scale),
        _figure("Wall thickness at ES", wall.end_systolic_mm, "mm", thick, scale),
        _figure("Wall thickening", wall.thickening_percent, "%", thicker, ticks),
    ]


def segment_table(wall: WallThickness, *, phased: bool) -> Element:
    """The same values in words."""
    columns: list[tuple[str, Values, str]] = [
        ("ED (mm)" if phased else "Thickness (mm)", wall.end_diastolic_mm, "mm")
    ]
    if phased:
        columns += [("ES (mm)", wall.end_systolic_mm, "mm")]
        columns += [("Thickening (%)", wall.thickening_percent, "%")]
    head = node("tr", *(node("th", name, scope="col") for name in ("Segment", *(c[0] for c in columns))))
    rows = [
        node(
            "tr",
            node("th", f"{k + 1} {name}", scope="row"),
            *(node("td", _told(values, k, unit), class_="number") for _, values, unit in columns),
        )
        for k, name in enumerate(SEGMENTS)
    ]
    return node("table", node("thead", head), node("tbody", *rows), class_="segments")


def _figure(
    title: str, values: Values, unit: str, colour: Callable[[float], Colour], scale: Element
) -> Element:
    told = ", ".join(f"{name} {_told(values, k, unit)}" for k, name in enumerate(SEGMENTS))
    parts = [node("title", f"{title}, bullseye of 17 segments"), node("desc", f"In {unit}: {told}.")]
    for k, (start, span, inner, outer) in enumerate(_places()):
        value = values[k]
        fill = _GREY if value is None or not math.isfinite(value) else colour(value)
        x, y = _at(start + span / 2.0, (inner + outer) / 2.0 if inner else 0.0)
        parts.append(
            node("path", class_="segment", d=_wedge(start, span, inner, outer), fill=hexadecimal(fill))
        )
        shown = _told(values, k, unit)
        parts.append(
            node("text", shown, class_="value", x=x, y=y + 4.5, text_anchor="middle", fill=words_on(fill))
        )
    for name, x, y, anchor in (
        ("Anterior", 0.0, -117.0, "middle"),
        ("Inferior", 0.0, 126.0, "middle"),
        ("Septal", -116.0, 4.0, "end"),
        ("Lateral", 116.0, 4.0, "start"),
    ):
        parts.append(node("text", name, class_="wall", x=x, y=y, text_anchor=anchor))
    drawing = node("svg", *parts, viewBox="-165 -134 330 268", role="img")
    return node("figure", node("figcaption", f"{title} ({unit})"), drawing, scale, class_="bullseye")


def _places() -> list[tuple[float, float, float, float]]:
    """First angle and span in degrees (from the right, against the clock) and radii of each segment."""
    places = []
    for count, ring in ((6, 0), (6, 1), (4, 2)):
        span = 360.0 / count
        places += [(90.0 - span / 2.0 + k * span, span, *_RINGS[ring]) for k in range(count)]
    return [*places, (0.0, 360.0, *_RINGS[3])]


def _at(degrees: float, radius: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    return round(radius * math.cos(angle), 2), round(-radius * math.sin(angle), 2)


def _wedge(start: float, span: float, inner: float, outer: float) -> str:
    """Path of a piece of a ring, or of a disc."""
    if inner == 0:
        half = f"a {outer:g} {outer:g} 0 1 0"
        return f"M {-outer:g} 0 {half} {2 * outer:g} 0 {half} {-2 * outer:g} 0 Z"
    end = start + span
    (ax, ay), (bx, by) = _at(start, inner), _at(start, outer)
    (cx, cy), (dx, dy) = _at(end, outer), _at(end, inner)
    return (
        f"M {ax:g} {ay:g} L {bx:g} {by:g} A {outer:g} {outer:g} 0 0 0 {cx:g} {cy:g} "
        f"L {dx:g} {dy:g} A {inner:g} {inner:g} 0 0 1 {ax:g} {ay:g} Z"
    )


def _told(values: Values, k: int, unit: str) -> str:
    value = values[k]
    if value is None or not math.isfinite(value):
        return NOTHING
    return number(value, unit) if unit == "mm" else f"{value:.0f}".replace("-", "−")


def _known(values: Values) -> list[float]:
    return [v for v in values if v is not None and math.isfinite(v)]


def _mixed(stops: Sequence[Colour], share: float) -> Colour:
    """The colour at 0 to 1 of the way through equally spaced ones."""
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    k = min(int(place), len(stops) - 2)
    red, green, blue = (round(a + (b - a) * (place - k)) for a, b in zip(stops[k], stops[k + 1], strict=True))
    return (red, green, blue)


def _scale(colour: Callable[[float], Colour], ticks: Sequence[float], unit: str) -> Element:
    """A bar of the colours with numbers below."""
    low, high, steps = ticks[0], ticks[-1], 40
    parts = [
        node(
            "rect",
            x=20 + 200 * k / steps,
            y=2,
            width=200 / steps + 0.4,
            height=10,
            fill=hexadecimal(colour(low + (high - low) * (k + 0.5) / steps)),
        )
        for k in range(steps)
    ]
    parts.append(node("rect", class_="frame", x=20, y=2, width=200, height=10))
    for value in ticks:
        x = 20 + 200 * (value - low) / (high - low)
        parts.append(node("text", f"{value:g}".replace("-", "−"), x=x, y=27, text_anchor="middle"))
    parts.append(node("text", unit, x=250, y=27, text_anchor="middle"))
    return node("svg", *parts, viewBox="0 0 270 32", class_="scale", aria_hidden="true")
