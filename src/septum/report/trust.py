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
    from septum.report.pictures import ReportView
    from septum.report.viewer import Edges

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
DICE = "(overlap of the mask with an expert's: 1 is perfect, 0 is none)"


def verdict_section(quality: Quality | None, indices: Indices | None, notes: Sequence[Note]) -> Element:
    """Show the verdict with its reasons, or that quality was not assessed.

    Args:
        quality: verdict, flags and what is expected of the numbers.
        indices: the ejection fractions that intervals are about.
        notes: on this study.
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
    dice = None
    if quality.estimated_dice is not None:
        value = node("data", f"{quality.estimated_dice:.2f}", value=repr(quality.estimated_dice))
        dice = node("p", "Expected mean Dice: ", value, f" {DICE}.", class_="expected", id="expected-dice")
    fractions = _ejection_fractions(quality, indices)
    return section(
        "verdict", _HEADING, advice, flags, *fractions, dice, noted, class_=f"verdict {verdict.value}",
        data_verdict=verdict.value,
    )  # fmt: skip


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


def _ejection_fractions(quality: Quality, indices: Indices | None) -> list[Element]:
    """Show each ejection fraction with its interval and the error of the model in other patients."""
    intervals = quality.ejection_fractions
    if not intervals:
        return []
    columns = ["", "Ejection fraction", "Expected range"]
    covered = any(one.coverage is not None for one in intervals.values())
    columns += ["Share of patients"] if covered else []
    columns += ["Error in other patients"] if any(one.bias for one in intervals.values()) else []
    values = {index.key: index.value for index in indices.items} if indices is not None else {}
    rows = [
        _fraction(name, values.get(f"{name.lower()}_ef_percent"), one, columns)
        for name, one in intervals.items()
    ]
    head = node("thead", node("tr", *(node("th", name, scope="col") for name in columns)))
    table = node("table", head, node("tbody", *rows), id="ejection-fractions")
    return [node("div", table, class_="wide"), node("p", _read_so(intervals), class_="expected")]


def _fraction(
    name: str, value: float | None, interval: EjectionFractionInterval, columns: Sequence[str]
) -> Element:
    low, high = (number(end, "%") for end in (interval.low_percent, interval.high_percent))
    share = interval.coverage
    cells = [
        node("td", NOTHING if value is None else f"{number(value, '%')} %", class_="value"),
        node("td", f"{low} to {high} %", class_="range"),
    ]
    if "Share of patients" in columns:
        cells.append(node("td", NOTHING if share is None else f"{100.0 * share:.0f} %", class_="coverage"))
    if "Error in other patients" in columns:
        cells.append(node("td", _bias(interval.bias), class_="bias"))
    return node("tr", node("th", name, scope="row"), *cells, data_structure=name)


def _bias(bias: Bias | None) -> str:
    """Say how far a model's ejection fractions are off on average."""
    if bias is None:
        return NOTHING
    way = "high" if bias.mean > 0 else "low"
    return f"{abs(bias.mean):.1f} points too {way} on average (SD {bias.sd:.1f}, n = {bias.patients})"


def _read_so(intervals: Mapping[str, EjectionFractionInterval]) -> str:
    """Explain the columns that are there."""
    words = "Expected range: where an expert's value is likely to lie."
    if any(one.coverage is not None for one in intervals.values()):
        words += " Share: in so many patients new to the model, such a range held the expert's value."
    return words


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
