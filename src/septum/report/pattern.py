"""A study beside the groups of ACDC: the criteria, and which group it is most like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core.pattern import GROUP_TITLES, Met
from septum.report.markup import NOTHING, node, number, section

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from septum.core.pattern import Criterion, Group, Pattern

_MET = {Met.MET: "met", Met.NOT_MET: "not met", Met.CANNOT_TELL: "cannot tell"}
NONE_OF_THESE = "None of these: the numbers are unlike every group of ACDC."
LIMITS = (
    "ACDC defines its groups by these very numbers, so that agreement with a group says little beyond them. "
    "Each group is one fifth of that data set, which is no clinic's share."
)


def pattern_section(pattern: Pattern | None) -> Element | None:
    """Show criteria, and the set of groups; ``None`` where that was not asked for.

    Args:
        pattern: with its notes, which say why something is missing.
    """
    if pattern is None:
        return None
    notes = [note.text for note in pattern.notes]
    if pattern.probabilities:
        notes += [LIMITS, f"The probabilities come from the indices of {pattern.masks} masks of ACDC."]
    return section(
        "pattern",
        "ACDC group most like (no diagnosis)",
        _likely(pattern),
        node("div", _table(pattern), class_="wide") if pattern.criteria else None,
        node("ul", *(node("li", note) for note in notes), class_="limits"),
    )


def _likely(pattern: Pattern) -> Element | None:
    """Name the set, and the probabilities of all groups."""
    if not pattern.probabilities:
        return None
    named = NONE_OF_THESE
    if pattern.likely:
        groups = " or ".join(f"{name} ({GROUP_TITLES[name]})" for name in pattern.likely)
        named = f"Most like: {groups}."
    if pattern.coverage is not None:
        share = number(100.0 * pattern.coverage, "%")
        named += f" Such sets are made to hold the group of {share} % of patients like those of ACDC."
    shares = ", ".join(f"{name} {share:.2f}" for name, share in pattern.probabilities.items())
    return node("p", node("strong", named), f" Probabilities: {shares}.", class_="basis")


def _table(pattern: Pattern) -> Element:
    """List every criterion with its value."""
    heads = ("Group", "Criterion", "Value", "Is")
    head = node("tr", *(node("th", name, scope="col") for name in heads))
    rows = [_row(one) for one in pattern.criteria]
    rows += [_whole(name, met) for name, met in pattern.groups.items()]
    return node("table", node("thead", head), node("tbody", *rows), class_="segments")


def _row(criterion: Criterion) -> Element:
    value = NOTHING
    if criterion.value is not None:
        digits = "ms" if criterion.unit == "segments" else criterion.unit  # segments are whole, as ms are
        value = f"{number(criterion.value, digits)} {criterion.unit}"
    return node(
        "tr",
        node("td", criterion.group),
        node("th", criterion.text, scope="row"),
        node("td", value, class_="number"),
        node("td", _MET[criterion.met]),
        data_met=criterion.met.value,
    )


def _whole(name: Group, met: Met) -> Element:
    return node(
        "tr",
        node("td", name),
        node("th", f"{GROUP_TITLES[name]}, as a whole", scope="row"),
        node("td"),
        node("td", _MET[met]),
        data_group=name,
    )
