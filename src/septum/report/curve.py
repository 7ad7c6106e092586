"""Volumes over time as an SVG with a cursor that the page moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.report.markup import hexadecimal, node, on_paper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Indices, LabelSchema
    from septum.report.panels import Colour

_WIDTH, _HEIGHT = 640.0, 430.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 56.0, 36.0, 46.0
#: Lines are also told apart by their dashes, for those who print in grey or see few colours.
_DASHES = (None, "9 4", "2 4", "12 4 2 4")
_LABEL_PX = 17.0
#: Fewer frames are drawn as points: a line between two phases would tell of what was not measured.
_LEAST_FRAMES_OF_A_LINE = 5


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
    """Volume of each structure in each frame; two frames at least.

    Args:
        indices: volumes.
        times_ms: of the frames, ascending; ``None`` where they are not known.
        schema: colours of the structures.
        phases: names and frame numbers of what is marked.
    """
    colours = {s.name: on_paper(s.colour) for s in schema.structures}
    places = list(times_ms) if times_ms else [float(t) for t in range(_frames(indices.volumes_ml))]
    largest = max((v for values in indices.volumes_ml.values() for v in values), default=0.0)
    tick_ml, tick_x = _step(largest, 5), _step(places[-1] - places[0], 6)
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
        lines += _line(axes, places, values, colours.get(name, (70, 70, 70)), _DASHES[k % len(_DASHES)])
    last = len(places) - 1
    for t in range(len(places)) if len(places) < _LEAST_FRAMES_OF_A_LINE else (last,):
        lines += _names(axes.x(places[t]), {n: axes.y(v[t]) for n, v in indices.volumes_ml.items()}, colours)
    x = axes.x(places[0])
    lines.append(node("line", class_="cursor", x1=x, x2=x, y1=_TOP, y2=_HEIGHT - _BOTTOM))
    for name, values in indices.volumes_ml.items():
        heights = ",".join(f"{axes.y(v):g}" for v in values)
        fill = hexadecimal(colours.get(name, (70, 70, 70)))
        lines.append(node("circle", class_="now", cx=x, cy=axes.y(values[0]), r=5, fill=fill, data_y=heights))
    across = ",".join(f"{axes.x(p):g}" for p in places)
    return node("svg", *lines, id="curve", viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", role="img", data_x=across)


def _frames(volumes_ml: Mapping[str, tuple[float, ...]]) -> int:
    return len(next(iter(volumes_ml.values())))


def _step(span: float, most: int) -> float:
    """Distance of ticks, of 1, 2 or 5 times a power of ten, so that there are at most so many."""
    if span <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power * most >= span * (1.0 - 1e-9))


def _grid(axes: _Axes, tick_ml: float, tick_x: float, across: str) -> list[Element]:
    """Lines of equal volume with their numbers, ticks below, and the names of both axes."""
    bottom, right, parts = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, []
    for k in range(round(axes.top / tick_ml) + 1):
        y = axes.y(k * tick_ml)
        parts.append(node("line", class_="grid", x1=_LEFT, x2=right, y1=y, y2=y))
        parts.append(node("text", f"{k * tick_ml:g}", x=_LEFT - 8, y=y + 5, text_anchor="end"))
    k = math.ceil(axes.first / tick_x - 1e-9)
    while k * tick_x <= axes.last + 1e-9 * tick_x:
        x = axes.x(k * tick_x)
        parts.append(node("line", class_="tick", x1=x, x2=x, y1=bottom, y2=bottom + 5))
        parts.append(node("text", f"{k * tick_x:g}", x=x, y=bottom + 20, text_anchor="middle"))
        k += 1
    parts.append(node("text", across, x=(_LEFT + right) / 2, y=_HEIGHT - 6, text_anchor="middle"))
    middle = (_TOP + bottom) / 2
    turned = f"rotate(-90 14 {middle:g})"
    parts.append(node("text", "Volume (ml)", x=14, y=middle, text_anchor="middle", transform=turned))
    return parts


def _marked(axes: _Axes, name: str, place: float) -> list[Element]:
    """A phase: a line from top to bottom, and its name above."""
    x = axes.x(place)
    return [
        node("line", class_="phase", x1=x, x2=x, y1=_TOP, y2=_HEIGHT - _BOTTOM),
        node("text", name, class_="phase", x=x, y=_TOP - 12, text_anchor="middle"),
    ]


def _line(
    axes: _Axes, places: Sequence[float], values: Sequence[float], colour: Colour, dashes: str | None
) -> list[Element]:
    fill, at = hexadecimal(colour), [(axes.x(p), axes.y(v)) for p, v in zip(places, values, strict=True)]
    if len(at) < _LEAST_FRAMES_OF_A_LINE:
        return [node("circle", class_="point", cx=x, cy=y, r=4.5, fill=fill) for x, y in at]
    points = " ".join(f"{x:g},{y:g}" for x, y in at)
    return [node("polyline", class_="volume", points=points, stroke=fill, stroke_dasharray=dashes)]


def _names(x: float, heights_px: Mapping[str, float], colours: Mapping[str, Colour]) -> list[Element]:
    """The name of each line or point to the right of it, apart from each other."""
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
            y=y - excess + 5,
            fill=hexadecimal(colours.get(name, (70, 70, 70))),
        )
        for (_, name), y in zip(ends, heights, strict=True)
    ]


def _described(indices: Indices, phases: Sequence[tuple[str, int]]) -> str:
    """The curve in words, for those who cannot see it."""
    told = [
        f"{name} {', '.join(f'{values[t]:.0f} ml at {phase}' for phase, t in phases)}"
        for name, values in indices.volumes_ml.items()
    ]
    return "; ".join(told) + "."
