"""Draw the learning curve of a training: loss and scores by epoch, as one SVG file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree.ElementTree import tostring

from septum.report.curve import tick_step
from septum.report.markup import node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    Line = list[tuple[float, float]]

_WIDTH, _HEIGHT, _PANEL = 900.0, 330.0, 450.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 96.0, 44.0, 44.0
#: Colours that those who see few colours can tell apart (Okabe and Ito, 2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
#: Names at the ends of lines are so far apart at least, in pixels.
_ROOM = 14.0
_STYLE = "text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600}"


def learning_curve(label: str, history: Sequence[Mapping[str, float]]) -> str:
    """Draw loss on the left and scores on the right, over epochs.

    Args:
        label: what was trained.
        history: of each epoch its number ``epoch``, its ``loss``, and its scores, named
            ``KIND_QUANTITY_STRUCTURE``.

    Returns:
        Text of an SVG file that needs no other file.

    >>> "LV" in learning_curve("segmenter", [{"epoch": 1, "loss": 2.0, "validation_dice_LV": 0.5}])
    True
    """
    lines: dict[str, Line] = {}
    for epoch in history:
        for name, value in epoch.items():
            if name.count("_") > 1 or name == "loss":
                lines.setdefault(name, []).append((epoch["epoch"], value))
    scores = {name: line for name, line in lines.items() if name != "loss"}
    kinds = {" ".join(name.split("_", 2)[:2]) for name in scores}
    by_structure = {name.split("_", 2)[2]: line for name, line in scores.items()}
    panels = [_panel("loss", {"": lines.get("loss", [])}, 0.0)]
    if scores:
        panels.append(_panel(", ".join(sorted(kinds)), by_structure, _PANEL))
    drawn = node(
        "svg",
        node("style", _STYLE),
        node("rect", width=_WIDTH, height=_HEIGHT, fill="#fff"),
        node("text", label, x=_LEFT, y=18.0, class_="title"),
        *panels,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=f"Learning curve of {label}",
        xmlns="http://www.w3.org/2000/svg",
    )
    return tostring(drawn, encoding="unicode") + "\n"


def _panel(title: str, lines: Mapping[str, Line], left: float) -> Element:
    """Draw one pair of axes with its lines, each named at its right end."""
    points = [point for line in lines.values() for point in line if math.isfinite(point[1])]
    last = max((x for x, _ in points), default=1.0)
    low = min([0.0, *(y for _, y in points)])
    high = max((y for _, y in points), default=1.0)
    high = 1.0 if title.endswith("dice") else max(high, low + 1e-3)
    x0, x1, y0, y1 = left + _LEFT, left + _PANEL - _RIGHT, _HEIGHT - _BOTTOM, _TOP

    def x(value: float) -> float:
        return round(x0 + (value - 1) / max(last - 1, 1) * (x1 - x0), 2)

    def y(value: float) -> float:
        return round(y0 - (value - low) / (high - low) * (y0 - y1), 2)

    parts = [node("text", title, x=x0, y=y1 - 8)]
    for value in _ticks(low, high):
        parts.append(node("line", x1=x0, x2=x1, y1=y(value), y2=y(value), stroke="#ddd"))
        parts.append(node("text", f"{value:g}", x=x0 - 6, y=y(value) + 4, text_anchor="end"))
    whole = sorted({1.0, *(v for v in _ticks(1.0, last) if v == int(v))})
    parts += [node("text", f"{v:g}", x=x(v), y=y0 + 17, text_anchor="middle") for v in whole]
    parts.append(node("text", "epoch", x=(x0 + x1) / 2, y=y0 + 36, text_anchor="middle"))
    ends = {}
    for (name, line), colour in zip(lines.items(), _COLOURS * len(lines), strict=False):
        path = " ".join(f"{x(a)},{y(b)}" for a, b in line if math.isfinite(b))
        parts.append(node("polyline", points=path, fill="none", stroke=colour, stroke_width=1.8))
        if line and math.isfinite(line[-1][1]):
            parts.append(node("circle", cx=x(line[-1][0]), cy=y(line[-1][1]), r=2.5, fill=colour))
            ends[f"{name} {line[-1][1]:.3f}".strip()] = y(line[-1][1])
    lowest = -math.inf
    for text, at in sorted(ends.items(), key=lambda end: end[1]):
        lowest = max(at, lowest + _ROOM)
        parts.append(node("text", text, x=x1 + 8, y=lowest + 4))
    return node("g", *parts)


def _ticks(low: float, high: float) -> list[float]:
    """Choose round numbers between two values."""
    if high <= low:
        return []
    step = tick_step(high - low, 5)
    return [round(k * step, 10) for k in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]
