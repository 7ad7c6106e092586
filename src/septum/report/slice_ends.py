"""The ends of each structure: in which slices it begins and ends, and how sure the model is of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.report.markup import NOTHING, named_swatch, node, section
from septum.report.viewer import ends_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from septum.core.labels import Structure
    from septum.report.pictures import ReportView

_EXPLAINED = (
    "Probability that the structure is in the last slice in which it is drawn, and in the next one, in which "
    "it is not, as the model has it. Look at values near 50 %. Slices are counted from 1."
)


def ends_section(
    view: ReportView,
    phases: Sequence[tuple[str, int]],
    presence: Mapping[str, Sequence[Sequence[float | None]]],
) -> Element | None:
    """Show at which slices each structure ends, with the probabilities there; ``None`` where none is known.

    Args:
        view: mask, slices first.
        phases: names and frames that are shown.
        presence: of a structure, one list a frame, one value a slice.
    """
    rows = [
        _row(view, phase, frame, structure, presence[structure.name][frame])
        for phase, frame in phases
        for structure in view.schema.structures
        if _is_known(presence.get(structure.name), frame, view.slices)
    ]
    if not rows:
        return None
    heads = ("Phase", "Structure", *_sides(view, phases[0][1]))
    head = node("tr", *(node("th", words, scope="col") for words in heads))
    table = node("table", node("thead", head), node("tbody", *rows), id="ends")
    return section(
        "slice-ends", "Where each structure ends", node("div", table, class_="wide"), node("p", _EXPLAINED)
    )


def _is_known(frames: Sequence[Sequence[float | None]] | None, frame: int, slices: int) -> bool:
    if frames is None or frame >= len(frames) or len(frames[frame]) != slices:
        return False
    return any(one is not None for one in frames[frame])


def _sides(view: ReportView, frame: int) -> tuple[str, str]:
    """Heads of the columns: first and last slice, by their anatomy where it is known."""
    ends = ends_of(view, frame)
    if ends is None:
        return "First slice", "Last slice"
    return ("Base", "Apex") if ends.base < ends.apex else ("Apex", "Base")


def _row(
    view: ReportView, phase: str, frame: int, structure: Structure, known: Sequence[float | None]
) -> Element:
    drawn = np.flatnonzero((view.labels[frame] == structure.value).any(axis=(1, 2)))
    cells = [NOTHING, NOTHING]
    if len(drawn):
        first, last = int(drawn[0]), int(drawn[-1])
        cells = [_end(known, first, first - 1), _end(known, last, last + 1)]
    return node(
        "tr",
        node("td", phase or NOTHING),
        node("th", named_swatch(structure, structure.name), scope="row"),
        *(node("td", cell) for cell in cells),
        data_structure=structure.name,
        data_phase=phase,
    )


def _end(known: Sequence[float | None], drawn: int, beyond: int) -> str:
    words = f"slice {drawn + 1}: {_percent(known[drawn])}"
    if 0 <= beyond < len(known):
        words += f"; slice {beyond + 1}, not drawn: {_percent(known[beyond])}"
    return words


def _percent(probability: float | None) -> str:
    return NOTHING if probability is None else f"{100 * probability:.0f} %"
