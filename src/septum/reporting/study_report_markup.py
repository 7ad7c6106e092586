"""Elements of a report's page. What goes in is escaped, whatever it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from septum.reporting.panels import Colour

#: Digits after the point by unit; one, where a unit is not named.
_DECIMALS = {"ms": 0, "ml/s": 0, "bpm": 0, "l/min": 2, "l/min/m²": 2, "m²": 2, "": 2}
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
    """A value for people, without its unit."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.{_DECIMALS.get(unit, 1)}f}".replace("-", "−")


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
