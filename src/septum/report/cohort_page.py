"""The page of a cohort: studies, verdicts, distributions of indices, outliers, and failures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from septum.core.clinical import STATEMENT
from septum.core.files import write_text
from septum.report.markup import content_policy, markup, node, number, section
from septum.report.page import template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 420.0, 210.0, 12.0, 12.0, 34.0
#: Fewer studies than these tell no outlier from the others.
FEWEST = 20
_MARK, _HEAD_BYTES = '<meta name="generator" content="Septum cohort">', 400
_STYLE = """
.plots { display: grid; gap: 20px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.plots svg { width: 100%; height: auto; display: block; }
.plots rect { fill: var(--accent); }
.plots line { stroke: var(--soft); }
a { color: var(--accent); }
figcaption { font-weight: 650; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 4px 16px 4px 0; }
th, td { border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; }
th.number, td.number { text-align: right; }
.hint { margin: 8px 0; }
.wide + .wide { margin-top: 16px; }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --ink: #e5eaf0; --soft: #a0acba; --line: #2a323c; --paper: #171c23;
    --wash: #0e1217; --accent: #74b4ff; }
}
"""


@dataclass(frozen=True)
class Distribution:
    """One index of all studies that have it.

    Attributes:
        key: of the index.
        title: for people.
        unit: of its values.
        count: of the studies.
        quantiles: at 5, 25, 50, 75 and 95 %.
        low, high: ends of the drawing; what lies beyond is counted in its outermost bars.
        bars: how many studies, in steps of one size from ``low`` to ``high``.
    """

    key: str
    title: str
    unit: str
    count: int
    quantiles: tuple[float, ...]
    low: float
    high: float
    bars: tuple[int, ...]


@dataclass(frozen=True)
class Outlier:
    """A value far from the others.

    Attributes:
        study: its name.
        title: of the index.
        value: of the index.
        unit: of the value.
        z: its distance from the median, in robust standard deviations.
        verdict: on the mask of the study.
        page: where the report of the study is, from this page; empty if there is none.
    """

    study: str
    title: str
    value: float
    unit: str
    z: float
    verdict: str
    page: str = ""


@dataclass(frozen=True)
class CohortFacts:
    """What the page tells.

    Attributes:
        studies: of the plan.
        states: how many are in which state.
        verdicts: how many masks have which verdict.
        flags: how many studies have which flag, by its key.
        reasons: state, reason and number of studies, and one of them, of those without numbers.
        distributions: of the indices.
        outliers: the farthest first.
        outliers_left: how many there are beyond these.
        made_with: title and text of what the cohort is made with.
        flag_reasons: what a flag says of one of its studies, by its key.
        duplicates: how many studies have the image of an earlier one.
    """

    studies: int
    states: Mapping[str, int]
    verdicts: Mapping[str, int]
    flags: Mapping[str, int]
    reasons: Sequence[tuple[str, str, int, str]]
    distributions: Sequence[Distribution]
    outliers: Sequence[Outlier]
    outliers_left: int = 0
    duplicates: int = 0
    made_with: Sequence[tuple[str, str]] = ()
    flag_reasons: Mapping[str, str] = field(default_factory=dict)


def is_own_page(path: Path) -> bool:
    """Tell whether a file is a page of :func:`write_cohort_page`."""
    try:
        with path.open("rb") as stream:
            return _MARK.encode() in stream.read(_HEAD_BYTES)
    except OSError:
        return False


def write_cohort_page(path: Path, facts: CohortFacts) -> None:
    """Write the page of a cohort as one HTML file that needs no other file and no network.

    Raises:
        OutputError: the file cannot be written.
    """
    style = template("report.css") + _STYLE
    body = node(
        "main",
        node(
            "header",
            node("p", "Report of a cohort", class_="kind"),
            node("h1", f"{facts.studies:,} {'study' if facts.studies == 1 else 'studies'}"),
            node("p", STATEMENT, class_="statement"),
            node("dl", *(node("div", node("dt", name), node("dd", text)) for name, text in facts.made_with)),
        ),
        _states(facts),
        _verdicts(facts),
        _distributions(facts.distributions),
        _outliers(facts),
        _reasons(facts),
        node("footer", node("p", STATEMENT)),
    )
    write_text(
        path,
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_MARK}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{content_policy(style)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>Cohort – Septum</title>\n<style>{style}</style>\n'
        f"</head>\n<body>\n{markup([body])}\n</body>\n</html>\n",
    )


def histogram_svg(one: Distribution) -> Element:
    """Draw how many studies have which value, with the middle half of them marked.

    >>> one = Distribution("x", "X", "ml", 3, (1.0, 1.5, 2.0, 2.5, 3.0), 1.0, 3.0, (1, 2))
    >>> histogram_svg(one).get("aria-label")
    'X: median 2.0 ml of 3 studies, half of them from 1.5 to 2.5'
    """
    most, inner = max(*one.bars, 1), _WIDTH - 2 * _LEFT
    bottom = _HEIGHT - _BOTTOM
    step = inner / len(one.bars)
    span = (one.high - one.low) or 1.0

    def x(value: float) -> float:
        return _LEFT + min(max((value - one.low) / span, 0.0), 1.0) * inner

    drawn = []
    for i, count in enumerate(one.bars):
        tall = (bottom - _TOP) * count / most
        bar = node("rect", node("title", f"{count} studies"), x=_LEFT + i * step + 0.5, y=bottom - tall,
                   width=max(step - 1.0, 0.5), height=tall)  # fmt: skip
        drawn.append(bar)
    _, lower, median, upper, _ = one.quantiles
    drawn.append(node("line", x1=x(lower), x2=x(upper), y1=bottom + 4, y2=bottom + 4, stroke_width=4))
    drawn.append(node("line", x1=x(median), x2=x(median), y1=_TOP, y2=bottom + 8))
    for value, anchor in ((one.low, "start"), (median, "middle"), (one.high, "end")):
        text = number(value, one.unit)
        drawn.append(node("text", text, x=x(value), y=_HEIGHT - 8, text_anchor=anchor))
    low, middle, high = (number(value, one.unit) for value in (lower, median, upper))
    said = (
        f"{one.title}: median {middle} {one.unit} of {one.count} studies, half of them from {low} to {high}"
    )
    box = f"0 0 {_WIDTH:g} {_HEIGHT:g}"
    return node("svg", *drawn, viewBox=box, role="img", aria_label=said, xmlns="http://www.w3.org/2000/svg")


def _table(head: Sequence[str], rows: Sequence[Element], numbers: Sequence[int]) -> Element:
    """Make a table; the columns of these places hold numbers."""
    cells = (
        node("th", name, scope="col", class_="number" if place in numbers else None)
        for place, name in enumerate(head)
    )
    table = node("table", node("thead", node("tr", *cells)), node("tbody", *rows))
    return node("div", table, class_="wide")


def _number(text: str) -> Element:
    return node("td", text, class_="number")


def _counts(counts: Mapping[str, int], total: int, what: str) -> Element:
    rows = [
        node(
            "tr",
            node("th", name, scope="row"),
            _number(f"{count:,}"),
            _number(f"{100.0 * count / total:.1f} %" if total else ""),
        )
        for name, count in counts.items()
    ]
    return _table((what, "studies", "share"), rows, (1, 2))


def _states(facts: CohortFacts) -> Element:
    told = (
        f"{facts.duplicates:,} of them with the image of an earlier study, and counted as others are: see "
        "duplicate_of in the table."
    )
    counts = _counts(facts.states, facts.studies, "state")
    hint = node("p", told, class_="hint") if facts.duplicates else None
    return section("states", "Studies", counts, hint)


def _verdicts(facts: CohortFacts) -> Element | None:
    if not facts.verdicts:
        return None
    total = sum(facts.verdicts.values())
    flags = _flags(facts, total) if facts.flags else None
    return section("verdicts", "Verdicts on the masks", _counts(facts.verdicts, total, "verdict"), flags)


def _flags(facts: CohortFacts, total: int) -> Element:
    rows = [
        node(
            "tr",
            node("th", key, scope="row"),
            node("td", facts.flag_reasons.get(key, key.replace("_", " "))),
            _number(f"{count:,}"),
            _number(f"{100.0 * count / total:.1f} %"),
        )
        for key, count in facts.flags.items()
    ]
    return _table(("flag", "as it says of one of them", "studies", "share"), rows, (2, 3))


def _distributions(distributions: Sequence[Distribution]) -> Element | None:
    if not distributions:
        return None
    told = (
        "Masks that are rejected are left out. The bar below a drawing holds the middle half of the "
        "studies, and its outermost columns all that lies beyond."
    )
    plots = [
        node(
            "figure", node("figcaption", f"{one.title} ({one.unit})"), histogram_svg(one), data_index=one.key
        )
        for one in distributions
    ]
    rows = [
        node(
            "tr",
            node("th", f"{one.title} ({one.unit})", scope="row"),
            _number(f"{one.count:,}"),
            *(_number(number(value, one.unit)) for value in one.quantiles),
        )
        for one in distributions
    ]
    head = ("index", "studies", "5 %", "25 %", "median", "75 %", "95 %")
    return section(
        "distributions",
        "Distributions",
        node("div", *plots, class_="plots"),
        node("p", told, class_="hint"),
        _table(head, rows, range(1, len(head))),
    )


def _outliers(facts: CohortFacts) -> Element | None:
    few = sum(one.count < FEWEST for one in facts.distributions)
    left_out = (
        f"Outliers are looked for among {FEWEST} studies or more: not of {few} indices that fewer have."
    )
    hint = node("p", left_out, class_="hint") if few else None
    if not facts.outliers:
        return section("outliers", "Outliers", hint) if few else None
    rows = [
        node(
            "tr",
            node("th", node("a", one.study, href=one.page) if one.page else one.study, scope="row"),
            node("td", one.title),
            _number(f"{number(one.value, one.unit)} {one.unit}"),
            _number(f"{one.z:+.1f}".replace("-", "−")),
            node("td", one.verdict),
        )
        for one in facts.outliers
    ]
    more = f" {facts.outliers_left} more are not shown." if facts.outliers_left else ""
    told = (
        "Distance from the median in robust standard deviations, 1.4826 times the median absolute deviation "
        f"(Iglewicz and Hoaglin 1993). Look at these masks first.{more}"
    )
    table = _table(("study", "index", "value", "distance", "verdict"), rows, (2, 3))
    return section("outliers", "Outliers", table, node("p", told, class_="hint"), hint)


def _reasons(facts: CohortFacts) -> Element | None:
    if not facts.reasons:
        return None
    rows = [
        node("tr", node("td", state), node("td", reason), _number(f"{count:,}"), node("td", one))
        for state, reason, count, one in facts.reasons
    ]
    table = _table(("state", "reason", "studies", "such as"), rows, (2,))
    return section("failures", "Studies without numbers", table)
