"""The numbers of a report: main results, the table of indices, and what they rest on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.core import Note, Source, Verdict
from septum.indices.body import NO_SIZE
from septum.indices.definitions import DEFINITIONS
from septum.indices.notes import PAPILLARY as PAPILLARY_NOTE
from septum.indices.wall import APEX
from septum.report.markup import NOTHING, node, number, section

if TYPE_CHECKING:
    from collections.abc import Container
    from xml.etree.ElementTree import Element

    from septum.core import Comparison, Index, Indices, Quality, Study

#: Keys of the numbers that are shown large, in this order, where they are there.
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
RANGES_BELOW = "Reference ranges of {} stand below."
REFUSED = "Rejected: do not use these numbers."
PAPILLARY = "on whether papillary muscles count as cavity (here they do), "
_DEFINITIONS = {one.key: one for one in DEFINITIONS}
#: Notes that stand with the numbers; the others are about this study and stand with its verdict.
_ROUTINE = frozenset({PAPILLARY_NOTE.key, APEX.key, NO_SIZE.key})
_SIZE_SOURCES = {
    Source.GIVEN: "given by the user",
    Source.FILE: "in the file's header",
    Source.DERIVED: "computed",
}
_RATE_SOURCES = {
    Source.GIVEN: "given by the user",
    Source.FILE: "from the file's header",
    Source.DERIVED: "taken from the span of the frames, not measured",
}


def headline(
    indices: Indices, quality: Quality | None, comparison: Comparison | None = None
) -> Element | None:
    """Show the numbers that are looked for first; ``None`` where there is none of them.

    Args:
        indices: with their values.
        quality: intervals of the ejection fractions, and whether the numbers must not be used.
        comparison: with reference ranges, to which the last line then refers.
    """
    by_key = {index.key: index for index in indices.items if index.value is not None}
    keys = HEADLINE if "lv_mass_ed_g" in by_key else (*HEADLINE, "lv_mass_es_g")
    found = [by_key[key] for key in keys if key in by_key]
    if not found:
        return None
    intervals = quality.ejection_fractions if quality is not None else {}
    intervals_shown = {
        f"{name.lower()}_ef_percent": f"range {number(i.low_percent, '%')} to {number(i.high_percent, '%')} %"
        for name, i in intervals.items()
    }
    papillary = PAPILLARY if {"LV", "RV"} & set(indices.volumes_ml) else ""
    large = node("dl", *(_large(index, intervals_shown.get(index.key)) for index in found))
    refused = quality is not None and quality.verdict is Verdict.REJECT
    warning = node("p", REFUSED, class_="refused") if refused else None
    ranges = NO_RANGES.format(papillary)
    if comparison is not None and comparison.items:
        ranges = RANGES_BELOW.format(comparison.group)
    return section("headline", "Main results", warning, large, node("p", ranges, class_="basis"))


def index_table(indices: Indices) -> Element:
    """List the indices that such a mask can have, with their definitions, and what they rest on.

    An index that has no value in this study has a dash.
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
    below = (
        [f"{NOTHING}: not available in this study; the notes at the top of the page say why."]
        if lacking
        else []
    )
    below += routine_notes(indices)
    notes = node("ul", *(node("li", note) for note in below)) if below else None
    return section("indices", "Indices", node("p", basis(indices), class_="basis"), table, notes)


def _belongs(index: Index, indices: Indices) -> bool:
    definition = _DEFINITIONS.get(index.key)
    beats = indices.phases is not None
    return (
        index.value is not None or definition is None or definition.applies(indices.volumes_ml, beats=beats)
    )


def _large(index: Index, interval: str | None) -> Element:
    value = node("dd", _data(index.value, index.unit), node("span", f" {index.unit}", class_="unit"))
    below = [interval] if interval else []
    if index.indexed is not None:
        unit = f"{index.unit}/m²"
        below.append(f"{number(index.indexed, unit)} {unit}")
    per = node("dd", ", ".join(below), class_="per") if below else None
    return node("div", node("dt", index.title), value, per, data_index=index.key)


def _row(index: Index, columns: Container[str]) -> Element:
    """List one index; a column that no index needs is left out."""
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
    """Show a rounded number, with all its digits for machines."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return node("data", number(value, unit), value=repr(float(value)))


def particular_notes(study: Study, indices: Indices | None) -> list[Note]:
    """Collect the notes on this study, from its reader and on its numbers."""
    of_numbers = indices.notes if indices is not None else ()
    return [*study.notes, *(note for note in of_numbers if note.key not in _ROUTINE)]


def routine_notes(indices: Indices) -> list[str]:
    """Collect the notes that hold for every such study."""
    return [note.text for note in indices.notes if note.key in _ROUTINE]


def basis(indices: Indices) -> str:
    """Say what the numbers rest on, in one line: phases, body size, heart rate, and their sources."""
    lines = []
    phases = indices.phases
    if phases is not None:
        user = dict.fromkeys(phases.given, ", given and not detected")
        curve = "LV" if "LV" in indices.volumes_ml else "RV"
        sure = (
            ""
            if len(user) == 2
            else (
                f"; found on the {curve} volume curve with a confidence of {phases.confidence:.2f}, where 0 "
                "is a toss and 1 is certain"
            )
        )
        lines.append(
            f"End-diastole: frame {phases.end_diastole}{user.get('end_diastole', '')}; "
            f"end-systole: frame {phases.end_systole}{user.get('end_systole', '')}{sure}."
        )
    area = indices.body_surface_area_m2
    if area is not None:
        by = [part for part in (indices.body_surface_area_formula, _size(indices)) if part]
        lines.append(f"Body surface area: {area.value:.2f} m²" + (f" ({', '.join(by)})." if by else "."))
    else:
        lines.append("Body surface area: not known, so nothing is indexed.")
    if indices.heart_rate_bpm is not None:
        rate = indices.heart_rate_bpm
        lines.append(f"Heart rate: {rate.value:.0f} beats/min ({_RATE_SOURCES[rate.source]}).")
    return " ".join(lines)


def _size(indices: Indices) -> str:
    """Give height and weight with their sources; nothing where they are not known."""
    if indices.height_m is None or indices.weight_kg is None:
        return ""
    tall, heavy = f"{100.0 * indices.height_m.value:.4g} cm", f"{indices.weight_kg.value:.4g} kg"
    of_height, of_weight = (_SIZE_SOURCES[known.source] for known in (indices.height_m, indices.weight_kg))
    if of_height == of_weight:
        return f"from {tall} and {heavy} {of_height}"
    return f"from {tall} {of_height} and {heavy} {of_weight}"
