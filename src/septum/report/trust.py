"""How far a mask is to be trusted, notes on the study, and where the mask comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Verdict
from septum.report.markup import NOTHING, node, number, section
from septum.report.viewer import SIDES, UNKNOWN_SIDES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from xml.etree.ElementTree import Element

    from septum.core import Bias, EjectionFractionInterval, Flag, Indices, Note, Quality
    from septum.report.edges import Edges
    from septum.report.pictures import ReportView

#: Says of what: a bare "fine" on top of a patient's numbers would be taken for a finding.
_HEADING = "Quality of the segmentation, not a finding about the patient"
_NAMES = {Verdict.FINE: "Fine", Verdict.REVIEW: "Review", Verdict.REJECT: "Reject"}
_ADVICE = {
    Verdict.FINE: "No check found a fault in the mask. Checks miss things: look at it all the same.",
    Verdict.REVIEW: "Look at what is listed here before you use the numbers.",
    Verdict.REJECT: "Do not use the numbers.",
}
#: A tick, an exclamation mark in a triangle, a cross: told apart by their shape, too.
_SIGNS = {
    Verdict.FINE: "M4 13 l5 5 L20 6",
    Verdict.REVIEW: "M12 3 L22 20 H2 Z M12 9 v5 M12 17 v.5",
    Verdict.REJECT: "M5 5 L19 19 M19 5 L5 19",
}
#: Columns of the table of ventricles, by the class of their cells.
_COLUMNS = {
    "judged": "Verdict",
    "value": "Ejection fraction",
    "range": "Expected range",
    "coverage": "Share of patients",
    "bias": "Error in other patients",
}
DICE = "(overlap of the mask with an expert's: 1 is perfect, 0 is none)"


def verdict_section(
    quality: Quality | None, indices: Indices | None, notes: Sequence[Note], mask: str = ""
) -> Element:
    """Show the verdict with its reasons, or that quality was not assessed.

    Args:
        quality: verdict, flags and what is expected of the numbers.
        indices: the ejection fractions that intervals are about.
        notes: on this study.
        mask: whose it is, where it is not a model's as that made it.
    """
    noted = None
    if notes:
        listed = node("ul", *(_note(note) for note in notes))
        noted = node("div", node("h3", "Notes on this study"), listed, class_="settled")
    if quality is None:
        words = node("p", "Not assessed: look at the mask before you use the numbers.", class_="advice")
        return section("verdict", _HEADING, words, noted, class_="verdict unknown")
    verdict = quality.verdict
    advice = node(
        "p", _sign(verdict), node("strong", _NAMES[verdict]), node("span", _ADVICE[verdict]), class_="advice"
    )
    flags = node("ul", *(_flag(flag) for flag in quality.flags), class_="flags") if quality.flags else None
    made = None
    if mask:
        made = node("p", f"The mask is {mask}: the checks of networks do not apply to it.", class_="made")
    parts = (advice, made, _ventricles(quality, indices), _expected(quality), flags, noted)
    name = verdict.value
    return section("verdict", _HEADING, *parts, class_=f"verdict {name}", data_verdict=name)


def provenance_section(
    view: ReportView,
    sha256: str,
    provenance: Mapping[str, str],
    edges: Edges | None,
    written: datetime,
) -> Element:
    """List what was read, what made the mask, and how the pictures of this page were made.

    Args:
        view: grid and pictures.
        sha256: of the input.
        provenance: names and values of what made the mask.
        edges: sides of the patient, where they are known.
        written: when the page was made.
    """
    z_mm, y_mm, x_mm = view.geometry.spacing_mm
    _, rows, columns = view.geometry.shape
    facts: dict[str, Element | str] = {
        "Report written": timed(written),
        "Grid": f"{_count(view.frames, 'frame')}, {_count(view.slices, 'slice')}, {rows} × {columns} voxels",
        "Spacing": f"{z_mm:.4g} mm between slices, {y_mm:.4g} × {x_mm:.4g} mm in plane",
        "Input SHA-256": sha256,
        **provenance,
        "Pictures": _how_pictured(view, edges),
    }
    listed = node("dl", *(node("div", node("dt", k), node("dd", v)) for k, v in facts.items()))
    return section("provenance", "Provenance", listed)


def timed(moment: datetime) -> Element:
    """Show a moment to the minute."""
    words = f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".strip()
    return node("time", words, datetime=moment.isoformat(timespec="minutes"))


def _note(note: Note) -> Element:
    return node("li", note.text, class_=note.level.value, data_key=note.key)


def _sign(verdict: Verdict) -> Element:
    return node(
        "svg", node("path", d=_SIGNS[verdict]), viewBox="0 0 24 24", class_="sign", aria_hidden="true"
    )


def _flag(flag: Flag) -> Element:
    verdict = flag.verdict
    return node("li", node("b", _NAMES[verdict]), " ", flag.reason, class_=verdict.value, data_key=flag.key)


def _ventricles(quality: Quality, indices: Indices | None) -> Element | None:
    """Show each ventricle's verdict and ejection fraction, its interval, and the model's error in others."""
    intervals, verdicts = quality.ejection_fractions, quality.ventricles
    names = [*verdicts, *(name for name in intervals if name not in verdicts)]
    if not names:
        return None
    columns = ["judged"] if verdicts else []
    columns += ["value", "range"] if intervals else []
    columns += ["coverage"] if any(one.coverage is not None for one in intervals.values()) else []
    columns += ["bias"] if any(one.bias for one in intervals.values()) else []
    values = {index.key: index.value for index in indices.items} if indices is not None else {}
    rows = []
    for name in names:
        value, verdict = values.get(f"{name.lower()}_ef_percent"), verdicts.get(name)
        cells = _cells(value, verdict, intervals.get(name))
        shown = (node("td", cells[column], class_=column) for column in columns)
        row = node("tr", node("th", name, scope="row"), *shown, data_structure=name, data_verdict=verdict)
        rows.append(row)
    head = node("tr", node("th", "", scope="col"), *(node("th", _COLUMNS[c], scope="col") for c in columns))
    table = node("table", node("thead", head), node("tbody", *rows), id="ventricles")
    return node("div", table, class_="wide")


def _expected(quality: Quality) -> Element | None:
    """Explain the expected ranges, and give the expected Dice."""
    intervals, words = quality.ejection_fractions.values(), []
    if intervals:
        words.append("Expected range: where an expert's value is likely to lie. ")
    if any(one.coverage is not None for one in intervals):
        words.append(
            "Share: such a range is made to hold the expert's value in so many patients like those it was "
            "fitted to. "
        )
    dice: Element | None = None
    if quality.estimated_dice is not None:
        value = f"{quality.estimated_dice:.2f}"
        dice = node("data", f"Expected mean Dice: {value}", value=repr(quality.estimated_dice), id="dice")
    if not words and dice is None:
        return None
    return node("p", *words, dice, f" {DICE}." if dice is not None else None, class_="expected")


def _cells(
    value: float | None, verdict: Verdict | None, interval: EjectionFractionInterval | None
) -> dict[str, str | Element]:
    """Write what is known of one ventricle, by the class of its column."""
    cells: dict[str, str | Element] = dict.fromkeys(_COLUMNS, NOTHING)
    if verdict is not None:
        cells["judged"] = node("span", _sign(verdict), _NAMES[verdict], class_=verdict.value)
    if value is not None:
        cells["value"] = f"{number(value, '%')} %"
    if interval is not None:
        low, high = (number(end, "%") for end in (interval.low_percent, interval.high_percent))
        cells |= {"range": f"{low} to {high} %", "bias": _bias(interval.bias)}
        if interval.coverage is not None:
            cells["coverage"] = f"{100.0 * interval.coverage:.0f} %"
    return cells


def _bias(bias: Bias | None) -> str:
    """Say how far a model's ejection fractions are off on average."""
    if bias is None:
        return NOTHING
    way = "high" if bias.mean > 0 else "low"
    return f"{abs(bias.mean):.1f} points too {way} on average (SD {bias.sd:.1f}, n = {bias.patients})"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _how_pictured(view: ReportView, edges: Edges | None) -> str:
    z, rows, columns = view.region.size
    _, y_mm, x_mm = view.geometry.spacing_mm
    low, high = view.window
    return (
        f"{_count(z, 'slice')} cropped to {rows * y_mm:.0f} × {columns * x_mm:.0f} mm, 8 bits "
        f"(values {low:.4g} to {high:.4g}), compressed with loss: to look at, not to measure. "
        "Rows and columns lie as in the file. Slices and frames are counted from 0. "
        f"{SIDES if edges is not None else UNKNOWN_SIDES}"
    )
