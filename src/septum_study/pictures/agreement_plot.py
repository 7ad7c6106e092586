"""Bland-Altman plots: difference of two measured volumes against their mean, panels on common axes."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from septum.core import MissingExtraError
from septum.core.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from septum.metrics.agreement import Agreement, Estimate

FORMATS = (".png", ".svg")
DOTS_PER_INCH = 200
#: Colours that also colour-blind people tell apart (Okabe and Ito).
_POINTS = ("#0072B2", "#D55E00", "#009E73")
_BIAS, _LIMIT, _TEXT = "#222222", "#777777", "#222222"
_SHADE = 0.15
_PANEL_INCHES = (3.5, 2.6)
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "svg.hashsalt": "septum",  # the same file from the same results
}


@dataclass(frozen=True)
class AgreementPanel:
    """One panel.

    Attributes:
        title: method, and structure where the figure shows several.
        subtitle: how many volumes, patients and models it stands for.
        agreement: of manual and automatic volumes, in ml.
        phases: phase of each point of ``agreement``, by which it is coloured; empty text for none.
    """

    title: str
    subtitle: str
    agreement: Agreement
    phases: tuple[str, ...]


def agreement_figure(
    title: str, panels: Sequence[Sequence[AgreementPanel]], *, share_volumes: Literal["all", "col"]
) -> Figure:
    """Draw panels in rows and columns, all on the same axis of differences.

    Args:
        title: of the whole figure.
        panels: by row, from the top; the last row may be shorter.
        share_volumes: whether all panels or those of a column have the same axis of volumes.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError('figures need matplotlib; install it with: pip install "septum[study]".')
    from matplotlib import rc_context  # noqa: PLC0415 - only who draws needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows, columns = len(panels), max(map(len, panels))
    width, height = _PANEL_INCHES
    with rc_context(STYLE):
        figure = Figure(figsize=(max(columns, 2) * width, rows * height + 0.7), layout="constrained")
        figure.suptitle(title, fontsize=11)
        grid = figure.subplots(rows, columns, sharex=share_volumes, sharey=True, squeeze=False).tolist()
        for i, row in enumerate(panels):
            for j, axes in enumerate(grid[i]):
                if j < len(row):
                    _draw(axes, row[j])
                else:
                    axes.set_axis_off()
        _label_edges(grid, panels)
        _legend(figure, grid[0][0])
    return figure


def save_figure(figure: Figure, stem: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write a figure as PNG and as SVG, each whole or not at all; the same figure gives the same bytes.

    Args:
        figure: to write.
        stem: path without ending.
        formats: endings of what is written, of :data:`FORMATS`.

    Raises:
        OutputError: a file cannot be written.
    """
    from matplotlib import rc_context  # noqa: PLC0415 - only who draws needs it

    paths = [stem.with_name(stem.name + ending) for ending in formats]
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        with atomic_path(path) as temporary, rc_context(STYLE):
            figure.savefig(temporary, format=path.suffix[1:], dpi=DOTS_PER_INCH, metadata=metadata)
    return paths


def _draw(axes: Axes, panel: AgreementPanel) -> None:
    """Points, bias and limits with their intervals, and their values in words."""
    found = panel.agreement
    axes.axhline(0, color="#cccccc", linewidth=0.6, zorder=0)
    for estimate, colour, dashes in (
        (found.bias_ml, _BIAS, "-"),
        (found.lower_ml, _LIMIT, "--"),
        (found.upper_ml, _LIMIT, "--"),
    ):
        axes.axhspan(estimate.low, estimate.high, color=colour, alpha=_SHADE, linewidth=0, zorder=1)
        axes.axhline(estimate.value, color=colour, linestyle=dashes, linewidth=1, zorder=2)
    for phase, colour in zip(dict.fromkeys(panel.phases), _POINTS, strict=False):
        chosen = [i for i, own in enumerate(panel.phases) if own == phase]
        axes.scatter(
            [found.mean_ml[i] for i in chosen], [found.difference_ml[i] for i in chosen],
            s=14, color=colour, alpha=0.8, linewidths=0, label=phase, zorder=3,
        )  # fmt: skip
    axes.set_title(panel.title, loc="left", fontweight="bold", pad=34)
    bias, lower, upper = map(_in_words, (found.bias_ml, found.lower_ml, found.upper_ml))
    words = f"{panel.subtitle}\nbias {bias} ml\nlimits {lower} and {upper} ml"
    axes.text(0, 1.03, words, transform=axes.transAxes, fontsize=6.5, color=_TEXT, linespacing=1.3)


def _in_words(estimate: Estimate) -> str:
    value, low, high = (f"{round(v, 1) + 0.0:+.1f}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]".replace("-", "−")


def _label_edges(grid: Sequence[Sequence[Axes]], panels: Sequence[Sequence[AgreementPanel]]) -> None:
    """Name the axes once: volumes below the lowest panel of each column, differences at the left."""
    for i, row in enumerate(panels):
        grid[i][0].set_ylabel("manual − automatic (ml)")
        for j in range(len(row)):
            if i + 1 == len(panels) or j >= len(panels[i + 1]):
                grid[i][j].set_xlabel("mean of manual and automatic (ml)")
                grid[i][j].tick_params(labelbottom=True)


def _legend(figure: Figure, axes: Axes) -> None:
    """What colours, lines and shades are, once for the whole figure."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - only who draws needs it
    from matplotlib.patches import Patch  # noqa: PLC0415

    points, phases = axes.get_legend_handles_labels()
    named = [(handle, phase) for handle, phase in zip(points, phases, strict=True) if phase]
    named += [
        (Line2D([], [], color=_BIAS, linewidth=1), "bias"),
        (Line2D([], [], color=_LIMIT, linewidth=1, linestyle="--"), "limits of agreement, bias ± 1.96 SD"),
        (Patch(color=_LIMIT, alpha=2 * _SHADE, linewidth=0), "95 % intervals"),
    ]
    handles, labels = zip(*named, strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
