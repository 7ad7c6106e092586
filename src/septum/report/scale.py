"""Scales of colours: which one stands for a value, and a bar that tells so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.report.markup import hexadecimal, node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from septum.report.panels import Colour

#: Distances of the ticks of a scale of percentages; five of them at most span the values.
_STEPS = (10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
_MOST_STEPS = 5


def ticks_of(values: Sequence[float]) -> list[float]:
    """Ticks of equal distance from one below all values, or 0, to one above all, or 0.

    Args:
        values: percentages; without any, or with nothing but 0, the scale is of 0 to 10.
    """
    low, high = min([0.0, *values]), max([0.0, *values])
    for step in (*_STEPS, 10.0 ** math.ceil(math.log10(max(high - low, 1.0)))):
        first, last = math.floor(low / step), math.ceil(high / step)
        if last - first <= _MOST_STEPS:
            break
    last = last if last > first else 1
    return [k * step for k in range(first, last + 1)]


def mixed(stops: Sequence[Colour], share: float) -> Colour:
    """The colour at 0 to 1 of the way through equally spaced ones."""
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    k = min(int(place), len(stops) - 2)
    red, green, blue = (round(a + (b - a) * (place - k)) for a, b in zip(stops[k], stops[k + 1], strict=True))
    return (red, green, blue)


def colour_scale(colour: Callable[[float], Colour], ticks: Sequence[float], unit: str) -> Element:
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
