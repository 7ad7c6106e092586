"""Figure of the speed benchmark: time and memory against frames, slices, matrix and threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from septum_study.documentation.speed_tables import linear_fit
from septum_study.pictures.agreement_plot import STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    Point = Mapping[str, Any]

_TIME, _MEMORY, _LINE = "#0072B2", "#D55E00", "#777777"
_WIDTH_INCHES, _HEIGHT_INCHES = 7.2, 3.4


def scaling_figure(points: Sequence[Point]) -> Figure:
    """Two rows of panels, seconds and MB, one column for each thing that is varied; lines are linear fits.

    Args:
        points: of the suite's result; all but one of frames, slices, matrix and threads are alike in a panel.
    """
    import matplotlib as mpl  # noqa: PLC0415  # an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    usual = _usual(points)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), layout="constrained")
        axes = figure.subplots(2, 4, sharex="col", sharey="row")
        for column, (title, size) in enumerate(_SIZES.items()):
            own = sorted((size(p), p) for p in points if _alike(p, usual, title))
            sizes = [float(at) for at, _ in own]
            for row, (name, colour) in enumerate((("wall_s", _TIME), ("peak_mb", _MEMORY))):
                values = [float(point[name]) for _, point in own]
                axis = axes[row, column]
                axis.plot(sizes, values, "o", color=colour, markersize=3.5)
                if title != "threads":
                    slope, intercept = linear_fit(sizes, values)
                    axis.plot(sizes, [intercept + slope * at for at in sizes], color=_LINE, linewidth=0.8)
                axis.set_ylim(bottom=0)
            axes[1, column].set_xlabel(title)
        axes[0, 0].set_ylabel("seconds, file to file")
        axes[1, 0].set_ylabel("peak memory (MB)")
    return figure


#: What is varied, and how it is read from a point. Cost is by area of the matrix, not by its side.
_SIZES: dict[str, Any] = {
    "frames": lambda p: p["frames"],
    "slices": lambda p: p["shape"][0],
    "matrix (1000 pixels)": lambda p: p["shape"][1] * p["shape"][2] / 1000,
    "threads": lambda p: p["threads"],
}


def _usual(points: Sequence[Point]) -> dict[str, float]:
    """What most points have of each size."""
    values = {title: [float(size(point)) for point in points] for title, size in _SIZES.items()}
    return {title: max(set(found), key=found.count) for title, found in values.items()}


def _alike(point: Point, usual: Mapping[str, float], varied: str) -> bool:
    """Whether a point differs from the usual one in nothing but what is varied."""
    return all(_SIZES[title](point) == value for title, value in usual.items() if title != varied)
