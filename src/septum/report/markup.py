"""The page's building blocks: elements whose content is escaped, numbers as shown, colours."""

from __future__ import annotations

import base64
import hashlib
import math
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from septum.core.labels import Colour, Structure

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
    """Make an element with its content.

    Args:
        tag: its name.
        children: elements and text in order; ``None`` is left out.
        attributes: ``class_`` becomes ``class``, ``aria_label`` becomes ``aria-label``; ``None`` is left out.

    >>> markup([node("p", "a < b", class_="hint")])
    '<p class="hint">a &lt; b</p>'
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
    """Write elements as HTML, one after the other."""
    return "\n".join(tostring(element, encoding="unicode", method="html") for element in elements)


def content_policy(style: str, script: str = "") -> str:
    """Make a content security policy that lets a page load nothing, and run and style itself only.

    Args:
        style: of the page, in its one element.
        script: likewise; without one nothing runs.
    """
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    runs = f"script-src 'sha256-{script_hash}'; " if script else ""
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; {runs}"
        "base-uri 'none'; form-action 'none'"
    )


def section(identifier: str, heading: str, *children: Element | None, **attributes: str | None) -> Element:
    """Make a section that is labelled by its heading."""
    title = node("h2", heading, id=f"{identifier}-title")
    label = f"{identifier}-title"
    return node("section", title, *children, id=identifier, aria_labelledby=label, **attributes)


def number(value: float | None, unit: str) -> str:
    """Round a value for people: no more digits than a mask carries, halves away from zero.

    The unit decides the digits and is not written. The page's script rounds the volumes of a frame in the
    same way.

    >>> number(62.5, "ml"), number(-9.94, "g"), number(None, "%")
    ('63', '−9.9', '–')
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
    """Write a colour as ``#rrggbb``.

    >>> hexadecimal((255, 0, 16))
    '#ff0010'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)


def luminance(colour: Colour) -> float:
    """Compute the relative luminance, 0 to 1 (WCAG 2.2, from IEC 61966-2-1)."""
    shares = [c / 255.0 for c in colour]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def on_paper(colour: Colour) -> Colour:
    """Darken a colour until lines and words in it have a contrast of 4.5 to 1 on white (WCAG 2.2)."""
    while 1.05 / (luminance(colour) + 0.05) < 4.5:
        red, green, blue = (int(c * 0.96) for c in colour)
        colour = (red, green, blue)
    return colour


def swatch(colour: Colour) -> Element:
    """Draw a small patch of a colour."""
    patch = node("rect", width="12", height="12", rx="2", fill=hexadecimal(colour))
    return node("svg", patch, viewBox="0 0 12 12", class_="swatch", aria_hidden="true")


def named_swatch(structure: Structure, words: str) -> Element:
    """Draw a patch of a structure's colour with words to its right."""
    return node("span", swatch(structure.colour), words, class_="named")
