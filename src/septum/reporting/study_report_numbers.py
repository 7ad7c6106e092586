"""The numbers of a report: headline, table of indices, wall thickness."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.indices.definitions import DEFINITIONS
from septum.reporting.study_report_bullseye import bullseyes, segment_table
from septum.reporting.study_report_markup import NOTHING, node, number, section

if TYPE_CHECKING:
    from collections.abc import Container
    from xml.etree.ElementTree import Element

    from septum.core import Index, Indices, WallThickness

#: Keys of the numbers that are told large, in this order, where they are there.
HEADLINE = (
    "lv_ef_percent",
    "lv_edv_ml",
    "lv_esv_ml",
    "lv_mass_ed_g",
    "rv_ef_percent",
    "rv_edv_ml",
    "la_volume_ml",
    "lv_volume_ml",
    "rv_volume_ml",
    "lv_mass_g",
)
_DEFINITIONS = {one.key: one for one in DEFINITIONS}


def headline(indices: Indices) -> Element | None:
    """The numbers that are looked for first; ``None`` where there is none of them."""
    by_key = {index.key: index for index in indices.items if index.value is not None}
    found = [by_key[key] for key in HEADLINE if key in by_key]
    if not found:
        return None
    return section("headline", "Main results", node("dl", *(_large(index) for index in found)))


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
    notes = node("ul", *(node("li", note) for note in indices.notes)) if indices.notes else None
    return section("indices", "Indices", node("p", _basis(indices), class_="basis"), table, notes)


def wall_section(wall: WallThickness, *, phased: bool) -> Element:
    """Bullseyes, and the same as a table."""
    figures = node("div", *bullseyes(wall, phased=phased), class_="bullseyes")
    words = "Segments of the American Heart Association: the base outside, the apex in the middle, "
    words += f"the septum to the left. {NOTHING} stands where a segment is not to be seen."
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


def _basis(indices: Indices) -> str:
    """What the numbers rest on, in one line."""
    told = []
    phases = indices.phases
    if phases is not None:
        given = {name.replace("_", "-") for name in phases.given}
        sure = f", confidence {phases.confidence:.2f}" if len(given) < 2 else ""
        by = f"; {' and '.join(sorted(given))} given by the user" if given else ""
        told.append(
            f"End-diastole: frame {phases.end_diastole}; end-systole: frame {phases.end_systole}{sure}{by}."
        )
    area = indices.body_surface_area_m2
    if area is not None:
        formula = f" ({indices.body_surface_area_formula})" if indices.body_surface_area_formula else ""
        told.append(f"Body surface area: {area:.2f} m²{formula}.")
    else:
        told.append("Body surface area: not known, so nothing is indexed.")
    if indices.heart_rate_bpm is not None:
        told.append(f"Heart rate: {indices.heart_rate_bpm:.0f} beats/min.")
    return " ".join(told)
