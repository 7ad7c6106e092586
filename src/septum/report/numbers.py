"""The numbers of a report: headline, table of indices, wall thickness."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.indices.definitions import DEFINITIONS
from septum.indices.wall import ORIENTATION_LOST
from septum.report.basis import basis, routine_notes
from septum.report.bullseye import bullseyes, segment_table
from septum.report.markup import NOTHING, node, number, section

if TYPE_CHECKING:
    from collections.abc import Container
    from xml.etree.ElementTree import Element

    from septum.core import Index, Indices, WallThickness

#: Keys of the numbers that are told large, in this order, where they are there.
HEADLINE = (
    "lv_ef_percent",
    "lv_edv_ml",
    "lv_esv_ml",
    "lv_sv_ml",
    "lv_mass_ed_g",
    "rv_ef_percent",
    "rv_edv_ml",
    "rv_esv_ml",
    "rv_sv_ml",
    "la_volume_ml",
    "lv_volume_ml",
    "rv_volume_ml",
    "lv_mass_g",
)
NO_RANGES = (
    "There are no reference ranges here: what is normal depends on age, sex and body size, {}and on the "
    "method of measurement."
)
REFUSED = "Rejected: do not use these numbers."
UNSURE_SIDES = (
    "The file does not tell for certain which side is anterior: anterior and inferior may be exchanged."
)
PAPILLARY = "on whether papillary muscles count as cavity (here they do), "
_DEFINITIONS = {one.key: one for one in DEFINITIONS}


def headline(indices: Indices, *, refused: bool) -> Element | None:
    """The numbers that are looked for first; ``None`` where there is none of them.

    Args:
        indices: with their values.
        refused: whether the verdict is that they must not be used.
    """
    by_key = {index.key: index for index in indices.items if index.value is not None}
    keys = HEADLINE if "lv_mass_ed_g" in by_key else (*HEADLINE, "lv_mass_es_g")
    found = [by_key[key] for key in keys if key in by_key]
    if not found:
        return None
    papillary = PAPILLARY if {"LV", "RV"} & set(indices.volumes_ml) else ""
    large = node("dl", *(_large(index) for index in found))
    warning = node("p", REFUSED, class_="refused") if refused else None
    return section(
        "headline", "Main results", warning, large, node("p", NO_RANGES.format(papillary), class_="basis")
    )


def index_table(indices: Indices) -> Element:
    """The indices that such a mask can have, with what each is, and what they rest on.

    One that it can have and that cannot be told has a dash.
    """
    shown = [index for index in indices.items if _belongs(index, indices)]
    columns = {"Index": None, "Value": "number", "Unit": None}
    if any(index.indexed is not None for index in shown):
        columns["Per m² BSA"] = "number"
    if any(index.definition for index in shown):
        columns["Definition"] = None
    head = node("tr", *(node("th", name, scope="col", class_=kind) for name, kind in columns.items()))
    rows = [_row(index, columns) for index in shown]
    table = node("table", node("thead", head), node("tbody", *rows), class_="indices") if rows else None
    lacking = any(index.value is None for index in shown)
    below = [f"{NOTHING} stands for what cannot be told of this study; Quality says why."] if lacking else []
    below += routine_notes(indices)
    notes = node("ul", *(node("li", note) for note in below)) if below else None
    return section("indices", "Indices", node("p", basis(indices), class_="basis"), table, notes)


def wall_section(wall: WallThickness, notes: Container[str], *, phased: bool) -> Element:
    """Bullseyes, and the same as a table.

    Args:
        wall: thickness by segment.
        notes: keys of the notes on the indices.
        phased: whether there are two phases.
    """
    figures = node("div", *bullseyes(wall, phased=phased), class_="bullseyes")
    words = "Segments of the American Heart Association, numbered 1 to 17: the base outside, the apex in the "
    words += f"middle, the septum to the left. {NOTHING} stands where a segment is not to be seen. "
    words += "A number is the mean of its segment; the wall is thicker than that at its thickest place."
    words += f" {UNSURE_SIDES}" if ORIENTATION_LOST.key in notes else ""
    table = node("details", node("summary", "All 17 segments as a table"), segment_table(wall, phased=phased))
    return section("wall", "Wall thickness", node("p", words, class_="basis"), figures, table)


def _belongs(index: Index, indices: Indices) -> bool:
    definition = _DEFINITIONS.get(index.key)
    beats = indices.phases is not None
    return (
        index.value is not None or definition is None or definition.applies(indices.volumes_ml, beats=beats)
    )


def _large(index: Index) -> Element:
    per = None
    if index.indexed is not None:
        unit = f"{index.unit}/m²"
        per = node("dd", f"{number(index.indexed, unit)} {unit}", class_="per")
    value = node("dd", _data(index.value, index.unit), node("span", f" {index.unit}", class_="unit"))
    return node("div", node("dt", index.title), value, per)


def _row(index: Index, columns: Container[str]) -> Element:
    """One index; what no index has has no column."""
    indexed = None if index.indexed is None else _data(index.indexed, f"{index.unit}/m²")
    return node(
        "tr",
        node("th", index.title, scope="row"),
        node("td", _data(index.value, index.unit), class_="number value"),
        node("td", index.unit, class_="unit"),
        node("td", indexed, class_="number indexed") if "Per m² BSA" in columns else None,
        node("td", index.definition, class_="definition") if "Definition" in columns else None,
        id=f"index-{index.key}",
    )


def _data(value: float | None, unit: str) -> Element | str:
    """A number as shown, with the whole of it for machines."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return node("data", number(value, unit), value=repr(float(value)))
