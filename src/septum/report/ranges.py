"""The indices beside reference ranges: a table, what it rests on, and what it does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Place
from septum.core.comparison import SURE
from septum.report.markup import NOTHING, node, number, section

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from septum.core import ComparedIndex, Comparison

PLACES = {Place.OUTSIDE: "outside", Place.CANNOT_TELL: "cannot tell", Place.INSIDE: "inside"}
READING = (
    "95 % of these healthy people lie within each range, so that one in twenty lies outside of it. z is the "
    "distance from their mean in standard deviations, and the percentile the share with a lower value."
)
PROBABILITY = (
    "P(outside) is the probability that the true value lies outside of the range, by what this model was off "
    f"by in patients it had not seen. Above {SURE:g} a value is called outside, below {1 - SURE:.1g} inside; "
    "between these the measurement cannot tell."
)
NO_GRADES = "A value outside of a range is no diagnosis, and no grade of severity is given."
_COLUMNS = ("Index", "Value", "Range", "z", "Percentile", "P(outside)", "The true value is")


def ranges_section(comparison: Comparison | None) -> Element | None:
    """Show a comparison; ``None`` where none was asked for.

    Args:
        comparison: with its notes, which say why there is none where it has no items.
    """
    if comparison is None:
        return None
    notes = node("ul", *(node("li", note.text) for note in comparison.notes), class_="limits")
    if not comparison.items:
        return section("ranges", "Reference ranges", notes)
    head = node("tr", *(node("th", name, scope="col", class_="number" if k else None)
                        for k, name in enumerate(_COLUMNS)))  # fmt: skip
    rows = node("tbody", *map(_row, comparison.items))
    words = [READING]
    if any(item.outside is not None for item in comparison.items):
        words.append(PROBABILITY)
    words.append(NO_GRADES)
    sources = f"{comparison.citation} {comparison.read}"
    below = [*words, sources, *(note.text for note in comparison.notes)]
    return section(
        "ranges",
        "Reference ranges",
        node("p", f"{_basis(comparison)}", class_="basis"),
        node("div", node("table", node("thead", head), rows, class_="segments"), class_="wide"),
        node("ul", *(node("li", one) for one in below), class_="limits"),
    )


def _basis(comparison: Comparison) -> str:
    """Name the table and its people, and by what values were divided."""
    lines = [f"{comparison.title}: {comparison.group}. Papillary muscles count as cavity."]
    if comparison.body_surface_area_m2 is not None:
        area, formula = comparison.body_surface_area_m2, comparison.body_surface_area_formula
        lines.append(f"Body surface area {area:.2f} m² ({formula}).")
    return " ".join(lines)


def _row(item: ComparedIndex) -> Element:
    place = NOTHING if item.place is None else PLACES[item.place]
    if item.place is Place.OUTSIDE and item.below is not None and item.above is not None:
        place += ", below" if item.below > item.above else ", above"
    cells = (
        f"{number(item.value, item.unit)} {item.unit}",
        f"{item.low:g} to {item.high:g}",
        NOTHING if item.z is None else f"{item.z:+.1f}".replace("-", "−"),
        NOTHING if item.percentile is None else _percentile(item.percentile),
        NOTHING if item.outside is None else _probability(item.outside),
        place,
    )
    return node(
        "tr",
        node("th", item.title, scope="row"),
        *(node("td", cell, class_="number") for cell in cells),
        data_index=item.key,
        data_place=None if item.place is None else item.place.value,
    )


def _percentile(percent: float) -> str:
    """Write a percentile; its ends rest on few people."""
    if percent < 1.0:
        return "< 1"
    return "> 99" if percent > 99.0 else f"{percent:.0f}"


def _probability(share: float) -> str:
    """Write a probability of which two digits are known."""
    if share < 0.01:
        return "< 0.01"
    return "> 0.99" if share > 0.99 else f"{share:.2f}"
