"""Elements of a report's page. What goes in is escaped, whatever it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from septum.report.panels import Colour

#: Digits after the point by unit, as clinical reports have them; one, where a unit is not named.
_DECIMALS = {
    "ms": 0,
    "ml/s": 0,
    "ml/s/m²": 0,
    "%": 0,
    "ml": 0,
    "ml/m²": 0,
    "g": 0,
    "g/m²": 0,
}
#: Of these, volumes and masses below this have one digit, so that a small heart keeps two.
_SMALL = 10.0
_OF_SMALL = ("ml", "ml/m²", "g", "g/m²")
#: What stands where there is no number.
NOTHING = "–"


def node(tag: str, *children: Element | str | None, **attributes: str | float | None) -> Element:
    """An element with its content.

    Args:
        tag: its name.
        children: elements and text in order; ``None`` is left out.
        attributes: ``class_`` becomes ``class``, ``aria_label`` becomes ``aria-label``; ``None`` is left out.
    """
    named = {name.rstrip("_").replace("_", "-"): v for name, v in attributes.items() if v is not None}
    element = Element(tag, {k: v if isinstance(v, str) else f"{v:.6g}" for k, v in named.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                element.text = (element.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        elif child is not None:
            element.append(child)
            last = child
    return element


def markup(elements: Iterable[Element]) -> str:
    """The HTML of elements, one after the other."""
    return "\n".join(tostring(element, encoding="unicode", method="html") for element in elements)


def section(identifier: str, heading: str, *children: Element | None, **attributes: str | None) -> Element:
    """A section that its heading names."""
    title = node("h2", heading, id=f"{identifier}-title")
    label = f"{identifier}-title"
    return node("section", title, *children, id=identifier, aria_labelledby=label, **attributes)


def number(value: float | None, unit: str) -> str:
    """A value for people, without its unit: no more digits than a mask carries, halves away from zero.

    The page's script rounds the volumes of a frame in the same way.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    size, digits = abs(value), _DECIMALS.get(unit, 1)
    if unit in _OF_SMALL and _half_up(size, 1) < _SMALL:
        digits = 1
    size = _half_up(size, digits)
    return f"{'−' if value < 0 and size > 0 else ''}{size:.{digits}f}"


def _half_up(size: float, digits: int) -> float:
    return float(math.floor(size * 10**digits + 0.5) / 10**digits)


def hexadecimal(colour: Colour) -> str:
    """A colour as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2, from IEC 61966-2-1)."""
    shares = [c / 255.0 for c in colour]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def on_paper(colour: Colour) -> Colour:
    """The colour, darkened until lines and words of it stand out from white as 4.5 to 1 (WCAG 2.2)."""
    while 1.05 / (luminance(colour) + 0.05) < 4.5:
        red, green, blue = (int(c * 0.96) for c in colour)
        colour = (red, green, blue)
    return colour
