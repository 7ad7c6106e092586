"""Wall thickness and thickening in the 17 segments of the AHA: bullseyes, a table, and how far to trust them.

Segments and their order: Cerqueira et al., Standardized Myocardial Segmentation and Nomenclature for
Tomographic Imaging of the Heart, Circulation 105(4), 2002.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from septum.report.markup import NOTHING, hexadecimal, node, number, section

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Colour, WallThickness
    from septum.report.pictures import ReportView

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
THICK: tuple[Colour, ...] = ((247, 251, 255), (158, 202, 225), (66, 146, 198))
_THINNING: tuple[Colour, ...] = ((247, 247, 247), (253, 196, 125), (224, 140, 58))
_THICKENING: tuple[Colour, ...] = ((247, 247, 247), (203, 192, 224), (146, 128, 196))
INK = "#111820"
#: Distances of the ticks of a scale of percentages; five of them at most span the values.
_STEPS = (10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
_MOST_STEPS = 5
READING = (
    "Segments of the American Heart Association, numbered 1 to 17: the base outside, the apex in the middle, "
    "the septum to the left. Each number is the mean over its segment, not the thickest place. "
    f"{NOTHING} stands where a segment is not seen."
)
UNSURE_SIDES = "The file has lost its orientation: anterior and inferior may be swapped."
#: Kawel et al., Circ Cardiovasc Imaging 5(4):500-508, 2012, 300 adults without heart disease, SSFP.
NORMAL_THICKNESS = (
    "For comparison: the mean thickness at mid-cavity, measured in the same kind of slices at end-diastole, "
    "is 5.3 ± 0.9 mm in healthy women and 6.3 ± 1.1 mm in healthy men (Kawel 2012)."
)
#: Ubachs et al., J Cardiovasc Magn Reson 11(Suppl 1):P61, 2009, 50 healthy adults, SSFP.
NORMAL_THICKENING = (
    "Healthy walls become thicker by 4.3 ± 1.4 mm at the base, 4.4 ± 1.4 mm at mid-cavity and 3.2 ± 1.4 mm "
    "near the apex (Ubachs 2009): from person to person and from segment to segment it varies widely."
)
MOVING_BASE = (
    "The heart moves through the slices: at ED and at ES a segment is not the same piece of wall, above all "
    "at the base. Do not judge a single segment by its thickening."
)


def wall_section(wall: WallThickness, view: ReportView, *, phased: bool, unsure_sides: bool) -> Element:
    """Show bullseyes, the same as a table, and what limits the numbers.

    Args:
        wall: thickness by segment.
        view: slices and voxels that the numbers come from.
        phased: whether there are two phases.
        unsure_sides: whether the file has lost which side is anterior.
    """
    figures = node("div", *bullseyes(wall, phased=phased), class_="bullseyes")
    words = f"{READING} {UNSURE_SIDES}" if unsure_sides else READING
    limits = node("ul", *(node("li", one) for one in _limits(wall, view, phased=phased)), class_="limits")
    table = node("details", node("summary", "All 17 segments as a table"), segment_table(wall, phased=phased))
    return section("wall", "Wall thickness", node("p", words, class_="basis"), figures, limits, table)


def _limits(wall: WallThickness, view: ReportView, *, phased: bool) -> list[str]:
    """Say what normal looks like and how coarse the grid is, a sentence or two each."""
    z_mm, y_mm, x_mm = view.geometry.spacing_mm
    lines = [NORMAL_THICKNESS, *((NORMAL_THICKENING, MOVING_BASE) if phased else ())]
    known = known_of(wall.end_diastolic_mm)
    myocardium = [s.value for s in view.schema.structures if s.name == "MYO"]
    held = int(np.isin(view.labels, myocardium).any(axis=(2, 3)).sum(axis=1).max())
    coarse = (
        f"At most {held} slices, {z_mm:.3g} mm apart, hold myocardium: each of the three rings rests on "
        f"about {max(1, round(held / 3))} of them."
    )
    if known and phased:
        voxel, typical = max(y_mm, x_mm), median(known)
        coarse += (
            f" A border that lies one voxel ({voxel:.2g} mm) off in one phase changes the thickening of a "
            f"{typical:.1f} mm wall by about {100.0 * voxel / typical:.0f} points."
        )
    return [*lines, coarse]


def bullseyes(wall: WallThickness, *, phased: bool) -> list[Element]:
    """Draw thickness at ED and ES on one scale, and thickening; one figure for a single frame."""
    known = known_of((*wall.end_diastolic_mm, *wall.end_systolic_mm))
    low = math.floor(min(known, default=0.0))
    high = low + 4 * max(1, math.ceil((max(known, default=1.0) - low) / 4.0))

    def thick(value: float) -> Colour:
        return mixed(THICK, (value - low) / (high - low))

    scale = colour_scale(thick, [low + (high - low) * k / 4 for k in range(5)], "mm")
    if not phased:
        return [bullseye("Wall thickness", wall.end_diastolic_mm, "mm", thick, scale)]
    changes = ticks_of(known_of(wall.thickening_percent))
    most = max(-changes[0], changes[-1])

    def thicker(value: float) -> Colour:
        return mixed(_THICKENING if value >= 0 else _THINNING, abs(value) / most)

    ticks = colour_scale(thicker, changes, "%")
    return [
        bullseye("Wall thickness at ED", wall.end_diastolic_mm, "mm", thick, scale),
        bullseye("Wall thickness at ES", wall.end_systolic_mm, "mm", thick, scale),
        bullseye("Wall thickening", wall.thickening_percent, "%", thicker, ticks),
    ]


def segment_table(wall: WallThickness, *, phased: bool) -> Element:
    """List the same values."""
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
            *(node("td", _shown(values, k, unit), class_="number") for _, values, unit in columns),
        )
        for k, name in enumerate(SEGMENTS)
    ]
    return node("table", node("thead", head), node("tbody", *rows), class_="segments")


def bullseye(
    title: str, values: Values, unit: str, colour: Callable[[float], Colour], scale: Element
) -> Element:
    """Draw one bullseye of 17 segments with its scale.

    Args:
        title: of the figure.
        values: one a segment; ``None`` where there is none.
        unit: of the values.
        colour: of a value.
        scale: from :func:`colour_scale`.
    """
    words = ", ".join(f"{name} {_shown(values, k, unit)}" for k, name in enumerate(SEGMENTS))
    parts = [node("title", f"{title}, bullseye of 17 segments"), node("desc", f"In {unit}: {words}.")]
    for k, (start, span, inner, outer) in enumerate(_places()):
        value = values[k]
        fill = _GREY if value is None or not math.isfinite(value) else colour(value)
        x, y = _at(start + span / 2.0, (inner + outer) / 2.0 if inner else 0.0)
        parts.append(
            node("path", class_="segment", d=_wedge(start, span, inner, outer), fill=hexadecimal(fill))
        )
        shown = _shown(values, k, unit)
        parts.append(node("text", str(k + 1), class_="segment-number", x=x, y=y - 4.5, text_anchor="middle"))
        parts.append(node("text", shown, class_="value", x=x, y=y + 8.5, text_anchor="middle", fill=INK))
    for name, turned in (("Anterior", None), ("Lateral", 90), ("Inferior", None), ("Septal", -90)):
        turn = None if turned is None else f"rotate({turned})"
        y = 124.0 if name == "Inferior" else -115.0
        parts.append(node("text", name, class_="wall", x=0, y=y, text_anchor="middle", transform=turn))
    drawing = node("svg", *parts, viewBox="-130 -130 260 260", role="img")
    return node("figure", node("figcaption", f"{title} ({unit})"), drawing, scale, class_="bullseye")


def _places() -> list[tuple[float, float, float, float]]:
    """Give first angle and span in degrees (from the right, counter-clockwise) and radii of each segment."""
    places = []
    for count, ring in ((6, 0), (6, 1), (4, 2)):
        span = 360.0 / count
        places += [(90.0 - span / 2.0 + k * span, span, *_RINGS[ring]) for k in range(count)]
    return [*places, (0.0, 360.0, *_RINGS[3])]


def _at(degrees: float, radius: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    return round(radius * math.cos(angle), 2), round(-radius * math.sin(angle), 2)


def _wedge(start: float, span: float, inner: float, outer: float) -> str:
    """Give the path of a piece of a ring, or of a disc."""
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


def _shown(values: Values, k: int, unit: str) -> str:
    value = values[k]
    if value is None or not math.isfinite(value):
        return NOTHING
    return number(value, unit)


def known_of(values: Values) -> list[float]:
    """Keep the values that are numbers.

    Args:
        values: one a segment.
    """
    return [v for v in values if v is not None and math.isfinite(v)]


def ticks_of(values: Sequence[float]) -> list[float]:
    """Choose ticks of equal distance from one below all values, or 0, to one above all, or 0.

    Args:
        values: percentages; without any, or with nothing but 0, the scale is of 0 to 10.

    >>> ticks_of([17.0, 56.0])
    [0.0, 20.0, 40.0, 60.0]
    """
    low, high = min([0.0, *values]), max([0.0, *values])
    for step in (*_STEPS, 10.0 ** math.ceil(math.log10(max(high - low, 1.0)))):
        first, last = math.floor(low / step), math.ceil(high / step)
        if last - first <= _MOST_STEPS:
            break
    last = last if last > first else 1
    return [k * step for k in range(first, last + 1)]


def mixed(stops: Sequence[Colour], share: float) -> Colour:
    """Mix the colour at 0 to 1 of the way through equally spaced ones."""
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    k = min(int(place), len(stops) - 2)
    red, green, blue = (round(a + (b - a) * (place - k)) for a, b in zip(stops[k], stops[k + 1], strict=True))
    return (red, green, blue)


def colour_scale(colour: Callable[[float], Colour], ticks: Sequence[float], unit: str) -> Element:
    """Draw a bar of the colours with numbers below.

    Args:
        colour: gives the colour of a value.
        ticks: values below the bar, ascending, in ``unit``.
        unit: such as ``mm`` or ``%``.
    """
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
