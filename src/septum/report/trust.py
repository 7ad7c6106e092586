"""How far a mask is to be trusted, and where it comes from, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Verdict
from septum.report.markup import node, number, section
from septum.report.orientation import SIDES, UNKNOWN_SIDES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Bias, Flag, Indices, Quality
    from septum.report.orientation import Edges
    from septum.report.pictures import Shown

#: Says of what: a bare "fine" on top of a patient's numbers would be taken for a finding.
_HEADING = "Quality of the segmentation, not a finding about the patient"
_NAMES = {Verdict.FINE: "Fine", Verdict.REVIEW: "Review", Verdict.REJECT: "Reject"}
_ADVICE = {
    Verdict.FINE: "No check found a fault in the mask. Checks miss things: look at it all the same.",
    Verdict.REVIEW: "Look at what is listed here before you use the numbers.",
    Verdict.REJECT: "Do not use the numbers.",
}
#: A tick, an exclamation mark in a triangle, a cross: told by their shape, too.
_SIGNS = {
    Verdict.FINE: "M4 13 l5 5 L20 6",
    Verdict.REVIEW: "M12 3 L22 20 H2 Z M12 9 v5 M12 17 v.5",
    Verdict.REJECT: "M5 5 L19 19 M19 5 L5 19",
}


def verdict_section(quality: Quality | None, indices: Indices | None, notes: Sequence[str]) -> Element:
    """The verdict with its reasons; that there is none, where quality was not assessed.

    Args:
        quality: verdict, flags and what is expected.
        indices: the numbers that intervals are about.
        notes: what had to be settled of this study.
    """
    settled = node("ul", *(node("li", note) for note in notes)) if notes else None
    mark = node("div", node("h3", "To know of this study"), settled, class_="settled") if notes else None
    if quality is None:
        words = node("p", "Not assessed: look at the mask before you use the numbers.", class_="advice")
        return section("verdict", _HEADING, words, mark, class_="verdict unknown")
    verdict = quality.verdict
    sign = node(
        "svg", node("path", d=_SIGNS[verdict]), viewBox="0 0 24 24", class_="sign", aria_hidden="true"
    )
    told = node("p", sign, node("strong", _NAMES[verdict]), node("span", _ADVICE[verdict]), class_="advice")
    each = ", ".join(f"{name}: {_NAMES[one]}" for name, one in quality.ventricles.items())
    ventricles = node("p", f"{each}.", class_="basis") if each else None
    flags = node("ul", *(_flag(flag) for flag in quality.flags), class_="flags") if quality.flags else None
    expected = [node("li", line) for line in _expected(quality, indices)]
    more = node("ul", *expected, class_="expected") if expected else None
    return section(
        "verdict", _HEADING, told, ventricles, flags, more, mark, class_=f"verdict {verdict.value}"
    )


def provenance_section(
    shown: Shown, sha256: str, provenance: Mapping[str, str], edges: Edges | None
) -> Element:
    """What was read, what made the mask, and how the pictures of this page were made."""
    z_mm, y_mm, x_mm = shown.geometry.spacing_mm
    _, rows, columns = shown.geometry.shape
    facts = {
        "Grid": f"{_count(shown.frames, 'frame')}, {_count(shown.slices, 'slice')}, "
        f"{rows} × {columns} voxels",
        "Spacing": f"{z_mm:.4g} mm between slices, {y_mm:.4g} × {x_mm:.4g} mm in plane",
        "Input SHA-256": sha256,
        **provenance,
        "Pictures": _how_pictured(shown, edges),
    }
    listed = node("dl", *(node("div", node("dt", k), node("dd", v)) for k, v in facts.items()))
    return section("provenance", "Provenance", listed)


def _flag(flag: Flag) -> Element:
    return node("li", node("b", _NAMES[flag.verdict]), " ", flag.reason, class_=flag.verdict.value)


def _expected(quality: Quality, indices: Indices | None) -> list[str]:
    """What was estimated of the ejection fractions and of the mask, a sentence each."""
    told = []
    values = {index.key: index.value for index in indices.items} if indices is not None else {}
    for name, interval in quality.ejection_fractions.items():
        value, share = values.get(f"{name.lower()}_ef_percent"), interval.coverage
        words = f"{name} ejection fraction: " + ("" if value is None else f"{number(value, '%')} %, ")
        low, high = (number(end, "%") for end in (interval.low_percent, interval.high_percent))
        words += f"interval {low} to {high} %"
        if share is not None:
            held = f"such intervals held an expert's value in {100.0 * share:.0f} % of patients"
            words += f" ({held} new to the model)"
        told.append(f"{words}.{_bias_of(interval.bias)}")
    if quality.estimated_dice is not None:
        told.append(
            f"Mean Dice to be expected: {quality.estimated_dice:.2f} (overlap of the mask with an expert's; "
            "1 is perfect, 0 is none)."
        )
    return told


def _bias_of(bias: Bias | None) -> str:
    """What is known of how far a model's ejection fractions are off."""
    if bias is None:
        return ""
    way = "high" if bias.mean > 0 else "low"
    return (
        f" In {_count(bias.patients, 'patient')} new to it the model's came out {abs(bias.mean):.1f} points "
        f"too {way} on average (standard deviation {bias.sd:.1f})."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _how_pictured(shown: Shown, edges: Edges | None) -> str:
    z, rows, columns = shown.region.size
    _, y_mm, x_mm = shown.geometry.spacing_mm
    low, high = shown.window
    return (
        f"{_count(z, 'slice')} cropped to {rows * y_mm:.0f} × {columns * x_mm:.0f} mm, 8 bits "
        f"(values {low:.4g} to {high:.4g}), compressed with loss: to look at, not to measure. "
        "Rows and columns lie as in the file. Slices and frames are counted from 0. "
        f"{SIDES if edges is not None else UNKNOWN_SIDES}"
    )
