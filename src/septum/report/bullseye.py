"""Wall thickness in the 17 segments of the AHA as bullseyes, and as a table.

Segments and their order: Cerqueira et al., Standardized Myocardial Segmentation and Nomenclature for
Tomographic Imaging of the Heart, Circulation 105(4), 2002.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.report.markup import NOTHING, hexadecimal, node, number
from septum.report.scale import colour_scale, mixed, ticks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import WallThickness
    from septum.report.panels import Colour

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
#: From thin to thick; from thinning to none, and on to thickening. Told apart by people of any colour vision,
#: and none so dark that black numbers would not stand out from it.
_THICK: tuple[Colour, ...] = ((247, 251, 255), (158, 202, 225), (66, 146, 198))
_THINNING: tuple[Colour, ...] = ((247, 247, 247), (253, 196, 125), (224, 140, 58))
_THICKENING: tuple[Colour, ...] = ((247, 247, 247), (203, 192, 224), (146, 128, 196))
INK = "#111820"


def bullseyes(wall: WallThickness, *, phased: bool) -> list[Element]:
    """Figures of thickness at ED and ES on one scale, and of thickening; one figure for a single frame."""
    known = _known((*wall.end_diastolic_mm, *wall.end_systolic_mm))
    low = math.floor(min(known, default=0.0))
    high = low + 4 * max(1, math.ceil((max(known, default=1.0) - low) / 4.0))

    def thick(value: float) -> Colour:
        return mixed(_THICK, (value - low) / (high - low))

    scale = colour_scale(thick, [low + (high - low) * k / 4 for k in range(5)], "mm")
    if not phased:
        return [_figure("Wall thickness", wall.end_diastolic_mm, "mm", thick, scale)]
    changes = ticks_of(_known(wall.thickening_percent))
    most = max(-changes[0], changes[-1])

    def thicker(value: float) -> Colour:
        return mixed(_THICKENING if value >= 0 else _THINNING, abs(value) / most)

    ticks = colour_scale(thicker, changes, "%")
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
        parts.append(node("text", str(k + 1), class_="segment-number", x=x, y=y - 4, text_anchor="middle"))
        parts.append(node("text", shown, class_="value", x=x, y=y + 8, text_anchor="middle", fill=INK))
    for name, turned in (("Anterior", None), ("Lateral", 90), ("Inferior", None), ("Septal", -90)):
        turn = None if turned is None else f"rotate({turned})"
        y = 124.0 if name == "Inferior" else -115.0
        parts.append(node("text", name, class_="wall", x=0, y=y, text_anchor="middle", transform=turn))
    drawing = node("svg", *parts, viewBox="-130 -130 260 260", role="img")
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
    return number(value, unit)


def _known(values: Values) -> list[float]:
    return [v for v in values if v is not None and math.isfinite(v)]
