"""A score against the levels of what was changed: small panels on a common axis, one a change."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from septum.core import MissingExtraError
from septum_study.pictures.agreement_plot import STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from septum.metrics.agreement import Estimate

COLUMNS = 4
#: Colours that also colour-blind people tell apart (Okabe and Ito), and marks for those who print in grey.
_LINES = (("#D55E00", "o"), ("#009E73", "s"), ("#0072B2", "^"), ("#CC79A7", "D"))
_SHADE = 0.15
_PANEL_INCHES = (2.6, 2.0)
_DASHES = (0, (4, 3))
#: Markers of one level are set apart by this share of the distance of levels.
_APART = 0.09


Pair = tuple["Estimate | None", "Estimate | None"]


@dataclass(frozen=True)
class CurvePanel:
    """One panel.

    Attributes:
        title: what was changed, with its unit.
        levels: labels of the levels, set at equal distances.
        curves: by name, for each level the score and what it is to be compared with; ``None`` for none.
        joined: whether the levels are numbers, so that a line between them means something.
    """

    title: str
    levels: tuple[str, ...]
    curves: Mapping[str, tuple[Pair, ...]]
    joined: bool = True


def curve_figure(title: str, axis: str, reference: str, panels: Sequence[CurvePanel]) -> Figure:
    """Draw panels in rows of four on one axis of scores.

    Args:
        title: of the whole figure.
        axis: what the scores are.
        reference: what the dashed lines are, with which the scores are to be compared.
        panels: at least one, all of the same curves.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError('figures need matplotlib; install it with: pip install "septum[study]".')
    from matplotlib import rc_context  # noqa: PLC0415 - only who draws needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = math.ceil(len(panels) / COLUMNS)
    width, height = _PANEL_INCHES
    with rc_context(STYLE):
        figure = Figure(figsize=(COLUMNS * width, rows * height + 0.8), layout="constrained")
        figure.suptitle(title, fontsize=11)
        grid = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False)
        styles = dict(zip(panels[0].curves, _LINES, strict=False))
        for i, axes in enumerate(grid.flat):
            if i < len(panels):
                _draw(axes, panels[i], styles)
            else:
                axes.set_axis_off()
        grid[0][0].set_ylim(*_limits(panels))
        for row in grid:
            row[0].set_ylabel(axis)
        _legend(figure, styles, reference)
    return figure


def _limits(panels: Sequence[CurvePanel]) -> tuple[float, float]:
    """From the tenth below everything that is drawn, at most 0.9, to 1."""
    pairs = [pair for panel in panels for curve in panel.curves.values() for pair in curve]
    lows = [score.low for score, _ in pairs if score] + [before.value for _, before in pairs if before]
    return min(0.9, math.floor(10 * min(lows, default=0.0)) / 10), 1.0


def _draw(axes: Axes, panel: CurvePanel, styles: Mapping[str, tuple[str, str]]) -> None:
    """Curves with their bands, and what they are to be compared with."""
    for number, (name, (colour, marker)) in enumerate(styles.items()):
        curve = [score for score, _ in panel.curves[name]]
        before = [reference.value if reference else math.nan for _, reference in panel.curves[name]]
        shift = 0.0 if panel.joined else _APART * (number - (len(styles) - 1) / 2)
        places = [i + shift for i in range(len(curve))]
        value, low, high = (
            [getattr(e, part) if e else math.nan for e in curve] for part in ("value", "low", "high")
        )
        dashed: dict[str, Any] = {"color": colour, "linewidth": 0.8, "linestyle": _DASHES, "zorder": 1}
        look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 3, "linewidth": 1}
        if panel.joined:
            axes.plot(places, before, **dashed)
            axes.plot(places, value, **look, zorder=3)
            axes.fill_between(places, low, high, color=colour, alpha=_SHADE, linewidth=0, zorder=2)
        else:
            axes.hlines(
                before, [i - 0.3 for i in range(len(curve))], [i + 0.3 for i in range(len(curve))], **dashed
            )
            reach = [[v - a for v, a in zip(value, low, strict=True)]]
            reach += [[b - v for v, b in zip(value, high, strict=True)]]
            axes.errorbar(places, value, yerr=reach, linestyle="none", **look, zorder=3)
    axes.set_title(panel.title, loc="left", fontsize=8)
    axes.set_xticks(range(len(panel.levels)), panel.levels)
    axes.set_xlim(-0.4, len(panel.levels) - 0.6)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.5)
    axes.set_axisbelow(True)


def _legend(figure: Figure, styles: Mapping[str, tuple[str, str]], reference: str) -> None:
    """What colours, dashes and shades are, once for the whole figure."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - only who draws needs it
    from matplotlib.patches import Patch  # noqa: PLC0415

    named: list[tuple[Any, str]] = [
        (Line2D([], [], color=colour, marker=marker, markersize=3, linewidth=1), name)
        for name, (colour, marker) in styles.items()
    ]
    named += [
        (Line2D([], [], color="#777777", linewidth=0.8, linestyle=_DASHES), reference),
        (Patch(color="#777777", alpha=2 * _SHADE, linewidth=0), "95 % intervals over patients"),
    ]
    handles, labels = zip(*named, strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
