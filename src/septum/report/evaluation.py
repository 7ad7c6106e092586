"""The page of an evaluation: means of scores, and a Bland-Altman plot for each index."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.report.markup import markup, node

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

_WIDTH, _HEIGHT = 420.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 84.0, 14.0, 44.0
_MARK = '<meta name="generator" content="Septum evaluate">'
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}figure{display:inline-block;margin:0 1em 1.5em 0}"
    "figcaption{font-weight:600}svg{width:420px;max-width:100%}text{font-size:13px;fill:#222}"
)
_HEADINGS = ("structure", "phase", "n", "Dice", "HD mm", "ASD mm")


@dataclass(frozen=True)
class IndexPoints:
    """One index of several patients.

    Attributes:
        title: of the index.
        unit: of its values.
        pairs: true and predicted value of each patient.
        bias: mean of predicted minus true.
        lower: limit of agreement; ``None`` for one patient.
        upper: the same.
    """

    title: str
    unit: str
    pairs: tuple[tuple[float, float], ...]
    bias: float
    lower: float | None
    upper: float | None


def evaluation_page(
    cases: int, rows: Iterable[Sequence[str]], indices: Sequence[IndexPoints], notes: Iterable[str]
) -> str:
    """Make the page; it needs no other file.

    Args:
        cases: number of masks that were compared.
        rows: cells of the table of scores: structure, phase, n, Dice, Hausdorff and surface distance.
        indices: what is plotted.
        notes: sentences for the reader.
    """
    head = node("tr", *(node("th", heading) for heading in _HEADINGS))
    body = [node("tr", *(node("td", cell) for cell in row)) for row in rows]
    content = [
        node("h1", f"Evaluation of {cases} mask{'s' * (cases != 1)}"),
        node("table", node("thead", head), node("tbody", *body)),
        node("p", "Mean ± standard deviation over n; a missed structure counts as Dice 0."),
    ]
    if indices:
        content.append(node("h2", "Volumes, mass and ejection fraction"))
        content += [node("figure", node("figcaption", one.title), bland_altman_svg(one)) for one in indices]
        content.append(
            node(
                "p",
                "Predicted minus true against their mean, a point a patient. Solid: bias; dashed: limits of "
                "agreement, bias ± 1.96 standard deviations (Bland and Altman 1999).",
            )
        )
    if told := [node("li", note) for note in notes]:
        content += [node("h2", "Notes"), node("ul", *told)]
    content.append(node("p", "For research use only; not a medical device."))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_MARK}\n'
        f"<title>Evaluation</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{markup(content)}\n</body>\n</html>\n"
    )


def is_own_page(path: Path) -> bool:
    """Tell whether a file is a page of :func:`evaluation_page`."""
    try:
        with path.open("rb") as stream:
            return _MARK.encode() in stream.read(400)
    except OSError:
        return False


def bland_altman_svg(points: IndexPoints) -> Element:
    """Draw the differences against the means, with bias and limits of agreement.

    Source: Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res 1999;
    8:135-160.
    """
    means = [(true + predicted) / 2 for true, predicted in points.pairs]
    differences = [predicted - true for true, predicted in points.pairs]
    lines = [("bias", points.bias, None), ("", points.lower, "6 4"), ("", points.upper, "6 4")]
    levels = [value for _, value, _ in lines if value is not None]
    low_x, high_x = _padded(means)
    low_y, high_y = _padded([*differences, *levels, 0.0])

    def x(value: float) -> float:
        return round(_LEFT + (value - low_x) / (high_x - low_x) * (_WIDTH - _LEFT - _RIGHT), 2)

    def y(value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (value - low_y) / (high_y - low_y) * (_HEIGHT - _TOP - _BOTTOM), 2)

    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    drawn = [
        node("rect", x=_LEFT, y=_TOP, width=right - _LEFT, height=bottom - _TOP, fill="none", stroke="#bbb"),
        node("line", x1=_LEFT, x2=right, y1=y(0.0), y2=y(0.0), stroke="#ddd"),
    ]
    for name, value, dashes in lines:
        if value is None:
            continue
        at = y(value)
        drawn.append(node("line", x1=_LEFT, x2=right, y1=at, y2=at, stroke="#222", stroke_dasharray=dashes))
        drawn.append(node("text", f"{name} {value:+.1f}".strip(), x=right + 6, y=at + 4))
    for mean, difference in zip(means, differences, strict=True):
        drawn.append(node("circle", cx=x(mean), cy=y(difference), r=4.0, fill="#0072b2", fill_opacity=0.7))
    across, up = _ticks(low_x, high_x), _ticks(low_y, high_y)
    drawn += [node("text", f"{v:g}", x=x(v), y=bottom + 17, text_anchor="middle") for v in across]
    drawn += [node("text", f"{v:g}", x=_LEFT - 6, y=y(v) + 4, text_anchor="end") for v in up]
    middle = (_LEFT + right) / 2
    drawn.append(node("text", f"mean ({points.unit})", x=middle, y=_HEIGHT - 8, text_anchor="middle"))
    turned = f"translate(14 {(_TOP + bottom) / 2}) rotate(-90)"
    label = f"predicted − true ({points.unit})"
    drawn.append(node("text", label, transform=turned, text_anchor="middle"))
    said = f"{points.title}: predicted minus true of {len(means)}, bias {points.bias:+.1f} {points.unit}"
    box = f"0 0 {_WIDTH:g} {_HEIGHT:g}"
    return node("svg", *drawn, viewBox=box, role="img", aria_label=said, xmlns="http://www.w3.org/2000/svg")


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or max(1.0, abs(high) * 0.1)
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two values, four to eight of them."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]
