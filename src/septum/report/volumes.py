"""Volumes of a report: over time, at each phase, and the stroke volumes of the ventricles side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.report.curve import curve_svg
from septum.report.markup import hexadecimal, node, number, on_paper, section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Indices, LabelSchema
    from septum.report.pictures import Shown

#: Stroke volumes from which on millilitres are whole.
_WHOLE_ML = 10.0
STROKES = (
    "The difference is also told in percent of the larger one. Both ventricles eject about the same "
    "unless a valve leaks or there is a shunt; otherwise a large difference speaks of a fault in the mask."
)


def volumes_section(
    indices: Indices | None, times_ms: Sequence[float] | None, shown: Shown, phases: Sequence[tuple[str, int]]
) -> Element | None:
    """Volumes of the frame that is shown, and over time where there is more than one."""
    if indices is None or not indices.volumes_ml:
        return None
    if shown.frames == 1:
        table = _volumes(indices, shown.schema, [("Value", 0)], moving=False)
        return section("volumes", "Volumes", table, class_="still")
    named = [phase for phase in phases if phase[0]]
    tables = node(
        "div",
        _volumes(indices, shown.schema, named, moving=True),
        stroke_volumes(indices),
        class_="tables",
    )
    drawing = curve_svg(indices, times_ms, shown.schema, named)
    return section("volumes", "Volumes", drawing, tables)


def stroke_volumes(indices: Indices) -> Element | None:
    """Stroke volumes of both ventricles and by how much they differ; ``None`` without both, or phases."""
    volumes, phases = indices.volumes_ml, indices.phases
    if phases is None or "LV" not in volumes or "RV" not in volumes:
        return None
    left, right = (volumes[n][phases.end_diastole] - volumes[n][phases.end_systole] for n in ("LV", "RV"))
    larger, difference = max(left, right), left - right
    if larger <= 0:
        return None
    apart = number(abs(difference), "%" if larger >= _WHOLE_ML else "ml")  # as whole as what it is taken of
    sign = "" if not apart.strip("0.") else "+" if difference > 0 else "−"
    share = f"{sign}{apart} ({number(100.0 * abs(difference) / larger, '%')} %)"
    heads = ("Stroke volume (ml)", "LV", "RV", "LV − RV")
    head = node(
        "tr", *(node("th", name, scope="col", class_="number" if k else None) for k, name in enumerate(heads))
    )
    cells = (number(left, "ml"), number(right, "ml"), share)
    row = node(
        "tr", node("th", "EDV − ESV", scope="row"), *(node("td", cell, class_="number") for cell in cells)
    )
    table = node("table", node("thead", head), node("tbody", row), class_="strokes")
    return node("div", table, node("p", STROKES, class_="basis"), id="strokes")


def _volumes(
    indices: Indices, schema: LabelSchema, phases: Sequence[tuple[str, int]], *, moving: bool
) -> Element:
    """Volumes at each phase, and, of a cine, of the frame that is shown, which the page's script keeps."""
    meanings = {s.name: s for s in schema.structures}
    heads = ["Volume (ml)", *(name for name, _ in phases)]
    rows = []
    for name, values in indices.volumes_ml.items():
        structure = meanings.get(name)
        fill = hexadecimal(on_paper(structure.colour)) if structure else "#444444"
        patch = node("rect", width="12", height="12", rx="2", fill=fill)
        swatch = node("svg", patch, viewBox="0 0 12 12", class_="swatch", aria_hidden="true")
        told = f" {structure.meaning}" if structure and structure.meaning else ""
        label = node("th", swatch, name, node("small", told), scope="row")
        marked = [node("td", number(values[t], "ml"), class_="number") for _, t in phases]
        now = (
            node("td", number(values[0], "ml"), class_="number now", data_structure=name) if moving else None
        )
        rows.append(node("tr", label, *marked, now))
    head = [node("th", text, scope="col", class_="number" if k else None) for k, text in enumerate(heads)]
    if moving:
        head.append(node("th", "This frame", scope="col", class_="number", id="this-frame"))
    return node("table", node("thead", node("tr", *head)), node("tbody", *rows), class_="now")
