"""Volumes: over time as an SVG with a cursor that the page moves, at each phase, and stroke volumes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.report.markup import hexadecimal, node, number, on_paper, section, swatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Colour, Indices, LabelSchema
    from septum.report.pictures import ReportView

_WIDTH, _HEIGHT = 640.0, 430.0
#: Room for labels of 24 units, as they are drawn on a narrow screen.
_LEFT, _RIGHT, _TOP, _BOTTOM = 80.0, 74.0, 36.0, 64.0
#: Lines are also told apart by their dashes, for those who print in grey or see few colours.
_DASHES = (None, "9 4", "2 4", "12 4 2 4")
_LABEL_PX = 25.0
#: Fewer frames are drawn as points: a line between two phases would show what was not measured.
_LEAST_FRAMES_OF_A_LINE = 5
_GREY: Colour = (70, 70, 70)
#: Stroke volumes from which on millilitres are whole.
_WHOLE_ML = 10.0
STROKES = (
    "The percentage is of the larger one. Both ventricles eject about the same volume, unless a valve leaks "
    "or there is a shunt. Without these, a large difference points to a fault in the mask."
)


def volumes_section(
    indices: Indices | None,
    times_ms: Sequence[float] | None,
    view: ReportView,
    phases: Sequence[tuple[str, int]],
) -> Element | None:
    """Show the volumes of the current frame, and over time where there is more than one frame.

    Args:
        indices: with volumes; without them there is no section.
        times_ms: of the frames, ascending; ``None`` where they are not known.
        view: what is shown.
        phases: name and frame number of each phase.
    """
    if indices is None or not indices.volumes_ml:
        return None
    if view.frames == 1:
        table = _volumes(indices, view.schema, [("Value", 0)], moving=False)
        return section("volumes", "Volumes", table, class_="still")
    named = [phase for phase in phases if phase[0]]
    tables = node(
        "div", _volumes(indices, view.schema, named, moving=True), stroke_volumes(indices), class_="tables"
    )
    return section("volumes", "Volumes", curve_svg(indices, times_ms, view.schema, named), tables)


def stroke_volumes(indices: Indices) -> Element | None:
    """Compare the stroke volumes of both ventricles; ``None`` without both, or without phases."""
    volumes, phases = indices.volumes_ml, indices.phases
    if phases is None or "LV" not in volumes or "RV" not in volumes:
        return None
    left, right = (volumes[n][phases.end_diastole] - volumes[n][phases.end_systole] for n in ("LV", "RV"))
    larger, difference = max(left, right), left - right
    if larger <= 0:
        return None
    apart = number(abs(difference), "%" if larger >= _WHOLE_ML else "ml")  # as whole as its two terms
    sign = "" if not apart.strip("0.") else "+" if difference > 0 else "−"
    share = f"{sign}{apart} ({number(100.0 * abs(difference) / larger, '%')} %)"
    heads = ("Stroke volume (ml)", "LV", "RV", "LV − RV")
    head = node(
        "tr", *(node("th", name, scope="col", class_="number" if k else None) for k, name in enumerate(heads))
    )
    cells = (number(left, "ml"), number(right, "ml"), share)
    row = node(
        "tr", node("th", "EDV − ESV", scope="row"), *(node("td", cell, class_="number") for cell in cells)
    )
    table = node("table", node("thead", head), node("tbody", row), class_="strokes")
    return node("div", table, node("p", STROKES, class_="basis"), id="strokes")


def _volumes(
    indices: Indices, schema: LabelSchema, phases: Sequence[tuple[str, int]], *, moving: bool
) -> Element:
    """List volumes at each phase, and, of a cine, of the current frame, which the page's script updates."""
    structures = {s.name: s for s in schema.structures}
    heads = ["Volume (ml)", *(name for name, _ in phases)]
    rows = []
    for name, values in indices.volumes_ml.items():
        structure = structures.get(name)
        meaning = f" {structure.meaning}" if structure and structure.meaning else ""
        patch = swatch(on_paper(structure.colour) if structure else _GREY)
        label = node("th", patch, name, node("small", meaning), scope="row")
        marked = [node("td", number(values[t], "ml"), class_="number") for _, t in phases]
        now = (
            node("td", number(values[0], "ml"), class_="number now", data_structure=name) if moving else None
        )
        rows.append(node("tr", label, *marked, now))
    head = [node("th", text, scope="col", class_="number" if k else None) for k, text in enumerate(heads)]
    if moving:
        head.append(node("th", "This frame", scope="col", class_="number", id="this-frame"))
    return node("table", node("thead", node("tr", *head)), node("tbody", *rows), class_="now")


@dataclass(frozen=True)
class _Axes:
    """Where values lie in the picture: x from first to last, y from 0 to ``top``."""

    first: float
    last: float
    top: float

    def x(self, value: float) -> float:
        share = (value - self.first) / (self.last - self.first)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 2)

    def y(self, value: float) -> float:
        return round(_HEIGHT - _BOTTOM - value / self.top * (_HEIGHT - _TOP - _BOTTOM), 2)


def curve_svg(
    indices: Indices, times_ms: Sequence[float] | None, schema: LabelSchema, phases: Sequence[tuple[str, int]]
) -> Element:
    """Draw the volume of each structure in each frame; there must be two frames at least.

    Args:
        indices: volumes.
        times_ms: of the frames, ascending; ``None`` where they are not known.
        schema: colours of the structures.
        phases: names and frame numbers of what is marked.
    """
    colours = {s.name: on_paper(s.colour) for s in schema.structures}
    places = list(times_ms) if times_ms else [float(t) for t in range(_frames(indices.volumes_ml))]
    largest = max((v for values in indices.volumes_ml.values() for v in values), default=0.0)
    tick_ml, tick_x = tick_step(largest, 5), tick_step(places[-1] - places[0], 6)
    tick_x = tick_x if times_ms else max(tick_x, 1.0)  # there is nothing between two frames
    top = tick_ml * max(1, math.ceil(largest / tick_ml))
    axes = _Axes(places[0], places[-1] if places[-1] > places[0] else places[0] + 1.0, top)
    lines = [
        node("title", "Volume of each structure over the heart beat"),
        node("desc", _described(indices, phases)),
        *_grid(axes, tick_ml, tick_x, "Time (ms)" if times_ms else "Frame"),
    ]
    for name, t in phases:
        lines += _marked(axes, name, places[t])
    for k, (name, values) in enumerate(indices.volumes_ml.items()):
        lines += _line(axes, places, values, colours.get(name, _GREY), _DASHES[k % len(_DASHES)])
    last = len(places) - 1
    for t in range(len(places)) if len(places) < _LEAST_FRAMES_OF_A_LINE else (last,):
        lines += _names(axes.x(places[t]), {n: axes.y(v[t]) for n, v in indices.volumes_ml.items()}, colours)
    x = axes.x(places[0])
    lines.append(node("line", class_="cursor", x1=x, x2=x, y1=_TOP, y2=_HEIGHT - _BOTTOM))
    for name, values in indices.volumes_ml.items():
        heights = ",".join(f"{axes.y(v):g}" for v in values)
        fill = hexadecimal(colours.get(name, _GREY))
        lines.append(node("circle", class_="now", cx=x, cy=axes.y(values[0]), r=5, fill=fill, data_y=heights))
    across = ",".join(f"{axes.x(p):g}" for p in places)
    return node("svg", *lines, id="curve", viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", role="img", data_x=across)


def _frames(volumes_ml: Mapping[str, tuple[float, ...]]) -> int:
    return len(next(iter(volumes_ml.values())))


def tick_step(span: float, most: int) -> float:
    """Choose the distance of ticks: 1, 2 or 5 times a power of ten, so that there are at most so many."""
    if span <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power * most >= span * (1.0 - 1e-9))


def _grid(axes: _Axes, tick_ml: float, tick_x: float, across: str) -> list[Element]:
    """Draw lines of equal volume with their numbers, ticks below, and the names of both axes."""
    bottom, right, parts = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, []
    for k in range(round(axes.top / tick_ml) + 1):
        y = axes.y(k * tick_ml)
        parts.append(node("line", class_="grid", x1=_LEFT, x2=right, y1=y, y2=y))
        parts.append(node("text", f"{k * tick_ml:g}", x=_LEFT - 8, y=y + 6, text_anchor="end"))
    k = math.ceil(axes.first / tick_x - 1e-9)
    while k * tick_x <= axes.last + 1e-9 * tick_x:
        x = axes.x(k * tick_x)
        parts.append(node("line", class_="tick", x1=x, x2=x, y1=bottom, y2=bottom + 5))
        parts.append(node("text", f"{k * tick_x:g}", x=x, y=bottom + 25, text_anchor="middle"))
        k += 1
    parts.append(node("text", across, x=(_LEFT + right) / 2, y=_HEIGHT - 8, text_anchor="middle"))
    middle = (_TOP + bottom) / 2
    turned = f"rotate(-90 20 {middle:g})"
    parts.append(node("text", "Volume (ml)", x=20, y=middle, text_anchor="middle", transform=turned))
    return parts


def _marked(axes: _Axes, name: str, place: float) -> list[Element]:
    """Draw a phase: a line from top to bottom, and its name above."""
    x = axes.x(place)
    return [
        node("line", class_="phase", x1=x, x2=x, y1=_TOP, y2=_HEIGHT - _BOTTOM),
        node("text", name, class_="phase", x=x, y=_TOP - 12, text_anchor="middle"),
    ]


def _line(
    axes: _Axes, places: Sequence[float], values: Sequence[float], colour: Colour, dashes: str | None
) -> list[Element]:
    """Draw the volumes of one structure: a line, or points where there are few frames."""
    fill, at = hexadecimal(colour), [(axes.x(p), axes.y(v)) for p, v in zip(places, values, strict=True)]
    if len(at) < _LEAST_FRAMES_OF_A_LINE:
        return [node("circle", class_="point", cx=x, cy=y, r=4.5, fill=fill) for x, y in at]
    points = " ".join(f"{x:g},{y:g}" for x, y in at)
    return [node("polyline", class_="volume", points=points, stroke=fill, stroke_dasharray=dashes)]


def _names(x: float, heights_px: Mapping[str, float], colours: Mapping[str, Colour]) -> list[Element]:
    """Write the name of each line or point to the right of it, apart from each other."""
    ends = sorted((y, name) for name, y in heights_px.items())
    heights: list[float] = []
    for y, _ in ends:
        heights.append(max(y, heights[-1] + _LABEL_PX) if heights else y)
    excess = max(0.0, heights[-1] - (_HEIGHT - _BOTTOM))
    return [
        node(
            "text",
            name,
            class_="name",
            x=x + 8,
            y=y - excess + 6,
            fill=hexadecimal(colours.get(name, _GREY)),
        )
        for (_, name), y in zip(ends, heights, strict=True)
    ]


def _described(indices: Indices, phases: Sequence[tuple[str, int]]) -> str:
    """Describe the curve in words, for those who cannot see it."""
    words = [
        f"{name} {', '.join(f'{values[t]:.0f} ml at {phase}' for phase, t in phases)}"
        for name, values in indices.volumes_ml.items()
    ]
    return "; ".join(words) + "."
