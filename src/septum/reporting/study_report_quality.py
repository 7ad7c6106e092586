"""How far a mask is to be trusted, and where it comes from, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Verdict
from septum.reporting.study_report_markup import node, section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Flag, Quality
    from septum.reporting.study_report_pictures import Shown

_NAMES = {Verdict.FINE: "Fine", Verdict.REVIEW: "Review", Verdict.REJECT: "Reject"}
_ADVICE = {
    Verdict.FINE: "No check found a fault. Checks miss things: look at the mask all the same.",
    Verdict.REVIEW: "Look at what is listed here before you use the numbers.",
    Verdict.REJECT: "Do not use the numbers.",
}
#: A tick, an exclamation mark in a triangle, a cross: told by their shape, too.
_SIGNS = {
    Verdict.FINE: "M4 13 l5 5 L20 6",
    Verdict.REVIEW: "M12 3 L22 20 H2 Z M12 9 v5 M12 17 v.5",
    Verdict.REJECT: "M5 5 L19 19 M19 5 L5 19",
}


def verdict_section(quality: Quality | None) -> Element:
    """The verdict with its reasons; that there is none, where quality was not assessed."""
    if quality is None:
        words = node("p", "Not assessed: look at the mask before you use the numbers.", class_="advice")
        return section("verdict", "Quality", words, class_="verdict unknown")
    verdict = quality.verdict
    sign = node(
        "svg", node("path", d=_SIGNS[verdict]), viewBox="0 0 24 24", class_="sign", aria_hidden="true"
    )
    told = node("p", sign, node("strong", _NAMES[verdict]), node("span", _ADVICE[verdict]), class_="advice")
    flags = node("ul", *(_flag(flag) for flag in quality.flags), class_="flags") if quality.flags else None
    expected = _expected(quality)
    more = node("p", expected, class_="expected") if expected else None
    return section("verdict", "Quality", told, flags, more, class_=f"verdict {verdict.value}")


def provenance_section(
    shown: Shown, sha256: str, provenance: Mapping[str, str], notes: Sequence[str]
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
        "Pictures": _how_pictured(shown),
    }
    listed = node("dl", *(node("div", node("dt", k), node("dd", v)) for k, v in facts.items()))
    told = node("ul", *(node("li", note) for note in notes)) if notes else None
    return section("provenance", "Provenance", listed, told)


def _flag(flag: Flag) -> Element:
    return node("li", node("b", _NAMES[flag.verdict]), " ", flag.reason, class_=flag.verdict.value)


def _expected(quality: Quality) -> str:
    """What was estimated of the mask and of the ejection fractions."""
    told = []
    if quality.estimated_dice is not None:
        told.append(f"Mean Dice expected of such a mask: {quality.estimated_dice:.2f}.")
    for name, interval in quality.ejection_fractions.items():
        share = interval.coverage
        held = f" (it held the true value in {100.0 * share:.0f} % of studies)" if share is not None else ""
        ends = f"between {interval.low_percent:.0f} and {interval.high_percent:.0f} %"
        told.append(f"{name} ejection fraction {ends}{held}.")
    return " ".join(told)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _how_pictured(shown: Shown) -> str:
    z, rows, columns = shown.region.size
    _, y_mm, x_mm = shown.geometry.spacing_mm
    low, high = shown.window
    return (
        f"{_count(z, 'slice')} cropped to {rows * y_mm:.0f} × {columns * x_mm:.0f} mm, 8 bits "
        f"(values {low:.4g} to {high:.4g}), compressed with loss: to look at, not to measure. "
        "Rows and columns lie as in the file. Slices and frames are counted from 0."
    )
