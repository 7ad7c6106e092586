"""Strain of the LV wall: curves over the beat, peaks by level, bullseyes, and what it is not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.core.strain import ENDOCARDIAL, EPICARDIAL, MIDWALL, RADIAL, STRAINS
from septum.report.bullseye import THICK, UNSURE_SIDES, bullseye, colour_scale, known_of, mixed, ticks_of
from septum.report.curve import tick_step
from septum.report.markup import NOTHING, hexadecimal, node, number, section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Colour, Strain, StrainCurve

TITLES = {
    ENDOCARDIAL: "Circumferential, endocardial",
    MIDWALL: "Circumferential, mid-wall",
    EPICARDIAL: "Circumferential, epicardial",
    RADIAL: "Radial",
}
READING = (
    "Change of length relative to end-diastole: of lines around the cavity (circumferential, below 0 where "
    "they shorten), and of the thickness of the wall (radial). "
)
_NO_TRACKING = (
    "This strain comes from the borders of the mask. No point of the muscle is followed, and slices stay "
    "where they are while the heart moves through them: values differ from those of feature tracking or "
    "tagging."
)
LIMITS = (
    _NO_TRACKING,
    "Longitudinal strain is not given: short-axis slices do not show it.",
    "Radial strain of a segment is uncertain: a border that lies one voxel off changes it by many points.",
)
_COLOURS: Mapping[str, Colour] = {
    ENDOCARDIAL: (11, 92, 173), MIDWALL: (20, 105, 63), EPICARDIAL: (138, 83, 0), RADIAL: (168, 30, 30),
}  # fmt: skip
_DASHES = {ENDOCARDIAL: None, MIDWALL: "9 4", EPICARDIAL: "2 4", RADIAL: "12 4 2 4"}
_LEVELS = ("whole", "basal", "mid", "apical")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640.0, 300.0, 70.0, 20.0, 16.0, 52.0
#: Fewer frames are no curve.
_LEAST_FRAMES = 5


def strain_section(
    strain: Strain | None, times_ms: Sequence[float] | None, *, unsure_sides: bool
) -> Element | None:
    """Show strain; ``None`` where there is none.

    Args:
        strain: of the LV wall.
        times_ms: of the frames, ascending, if known.
        unsure_sides: whether the file has lost which side is anterior.
    """
    if strain is None:
        return None
    words = READING + f"Measured in {len(strain.slices)} slices."
    if unsure_sides:
        words += f" {UNSURE_SIDES}"
    curves = None
    if len(strain.whole[MIDWALL].percent) >= _LEAST_FRAMES:
        curves = node("div", strain_svg(strain.whole, times_ms), _legend(), class_="strain-curves")
    return section(
        "strain",
        "Strain",
        node("p", words, class_="basis"),
        curves,
        node("div", _table(strain), class_="wide"),
        node("div", *_bullseyes(strain), class_="bullseyes"),
        node("ul", *(node("li", one) for one in LIMITS), class_="limits"),
    )


def strain_svg(curves: Mapping[str, StrainCurve], times_ms: Sequence[float] | None) -> Element:
    """Draw curves over the beat.

    Args:
        curves: by name of strain, one value a frame.
        times_ms: of the frames, ascending, if known.
    """
    frames = len(curves[MIDWALL].percent)
    places = list(times_ms) if times_ms else [float(t) for t in range(frames)]
    values = [value for one in curves.values() for value in one.percent]
    step = tick_step(max(values) - min(values), 6)
    low, high = math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step
    span, bottom = max(high - low, step), _HEIGHT - _BOTTOM

    def x(place: float) -> float:
        share = (place - places[0]) / (places[-1] - places[0])
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 2)

    def y(value: float) -> float:
        return round(bottom - (value - low) / span * (bottom - _TOP), 2)

    words = "; ".join(f"{TITLES[k]}: peak {one.peak_percent:.1f} %" for k, one in curves.items())
    parts = [node("title", "Strain over the heart beat"), node("desc", f"{words}.")]
    for k in range(round(span / step) + 1):
        at = y(low + k * step)
        parts.append(node("line", class_="grid", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at))
        label = f"{low + k * step:g}".replace("-", "−")
        parts.append(node("text", label, x=_LEFT - 8, y=at + 6, text_anchor="end"))
    apart = tick_step(places[-1] - places[0], 6)
    ticks = range(math.ceil(places[0] / apart), math.floor(places[-1] / apart) + 1)
    parts += [
        node("text", f"{k * apart:g}", x=x(k * apart), y=bottom + 22, text_anchor="middle") for k in ticks
    ]
    across = "Time (ms)" if times_ms else "Frame"
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(node("text", across, x=middle, y=_HEIGHT - 6, text_anchor="middle"))
    for name in STRAINS:
        points = " ".join(f"{x(p):g},{y(v):g}" for p, v in zip(places, curves[name].percent, strict=True))
        stroke = hexadecimal(_COLOURS[name])
        parts.append(
            node("polyline", class_="volume", points=points, stroke=stroke, stroke_dasharray=_DASHES[name])
        )
    return node("svg", *parts, viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", role="img", class_="strain-curve")


def _legend() -> Element:
    """Name the lines."""
    items = []
    for name in STRAINS:
        line = node(
            "line", class_="volume", x1=0, x2=34, y1=6, y2=6, stroke=hexadecimal(_COLOURS[name]),
            stroke_dasharray=_DASHES[name],
        )  # fmt: skip
        mark = node("svg", line, viewBox="0 0 34 12", class_="dash", aria_hidden="true")
        items.append(node("li", mark, f" {TITLES[name]}"))
    return node("ul", *items, class_="legend")


def _table(strain: Strain) -> Element:
    """List the peaks of each level, and the times of those of the whole wall."""
    heads = ("Peak strain (%)", "Global", "Basal", "Mid", "Apical", "Time to global peak (ms)")
    head = node(
        "tr", *(node("th", name, scope="col", class_="number" if k else None) for k, name in enumerate(heads))
    )
    rows = []
    for name in STRAINS:
        curves = [getattr(strain, level).get(name) for level in _LEVELS]
        cells = [NOTHING if one is None else number(one.peak_percent, "points") for one in curves]
        time = strain.whole[name].time_to_peak_ms
        cells.append(NOTHING if time is None else number(time, "ms"))
        rows.append(
            node(
                "tr",
                node("th", TITLES[name], scope="row"),
                *(node("td", cell, class_="number") for cell in cells),
                data_strain=name,
            )
        )
    return node("table", node("thead", head), node("tbody", *rows), class_="segments")


def _bullseyes(strain: Strain) -> list[Element]:
    """Draw the peaks of the segments; none where there are no segments."""
    found = (
        ("Peak circumferential strain, mid-wall", strain.circumferential.peak_percent),
        ("Peak radial strain", strain.radial.peak_percent),
    )
    return [_bullseye(title, values) for title, values in found if known_of(values)]


def _bullseye(title: str, values: Sequence[float | None]) -> Element:
    ticks = ticks_of(known_of(values))
    most = max(-ticks[0], ticks[-1])

    def colour(value: float) -> Colour:
        return mixed(THICK, abs(value) / most)

    return bullseye(title, values, "%", colour, colour_scale(colour, ticks, "%"))
