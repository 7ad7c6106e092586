"""What the numbers of a report rest on: phases, body size and heart rate, and who told them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.indices.body import FORMULAS, NO_SIZE_NOTE
from septum.indices.clinical import PAPILLARY_NOTE
from septum.indices.wall import APEX_NOTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import Indices, Study

#: Notes that stand with the numbers; the others are about this study and stand with its verdict.
_ROUTINE = (PAPILLARY_NOTE, APEX_NOTE, NO_SIZE_NOTE)


def particular_notes(study: Study, indices: Indices | None) -> list[str]:
    """What had to be settled of this study, by its reader and for its numbers."""
    return [*study.notes, *(n for n in (indices.notes if indices else ()) if n not in _ROUTINE)]


def routine_notes(indices: Indices) -> list[str]:
    """What holds of every such study."""
    return [note for note in indices.notes if note in _ROUTINE]


def basis(indices: Indices, study: Study) -> str:
    """What the numbers rest on, in one line."""
    told = []
    phases = indices.phases
    if phases is not None:
        given = {name.replace("_", "-") for name in phases.given}
        sure = f", confidence {phases.confidence:.2f}" if len(given) < 2 else ""
        by = f"; {' and '.join(sorted(given))} given by the user" if given else ""
        told.append(
            f"End-diastole: frame {phases.end_diastole}; end-systole: frame {phases.end_systole}{sure}{by}."
        )
    area = indices.body_surface_area_m2
    if area is not None:
        formula = indices.body_surface_area_formula
        by = f"{formula}; " if formula else ""
        told.append(f"Body surface area: {area:.2f} m² ({by}{_who_told_the_size(indices, study)}).")
    else:
        told.append("Body surface area: not known, so nothing is indexed.")
    if indices.heart_rate_bpm is not None:
        rate = f"{indices.heart_rate_bpm:.0f} beats/min"
        told.append(f"Heart rate: {rate} ({_who_told_the_rate(indices, study)}).")
    return " ".join(told)


def _who_told_the_size(indices: Indices, study: Study) -> str:
    height_m, weight_kg = study.subject.height_m, study.subject.weight_kg
    if height_m is None and weight_kg is None:
        return "height and weight given by the user"
    area_m2 = indices.body_surface_area_m2
    functions = dict(FORMULAS.values())
    function = functions.get(indices.body_surface_area_formula or "")
    if (
        height_m
        and weight_kg
        and function
        and area_m2 is not None
        and math.isclose(area_m2, function(height_m, weight_kg), rel_tol=1e-6)
    ):
        return "height and weight from the file's header"
    return "height or weight given by the user"


def _who_told_the_rate(indices: Indices, study: Study) -> str:
    rate_bpm = indices.heart_rate_bpm
    if rate_bpm is None or rate_bpm == study.subject.heart_rate_bpm:
        return "from the file's header"
    if study.subject.heart_rate_bpm is None and math.isclose(
        rate_bpm, _rate_of_span(indices.times_ms), rel_tol=1e-6
    ):
        return "taken from the span of the frames, not measured"
    return "given by the user"


def _rate_of_span(times_ms: Sequence[float] | None) -> float:
    """Beats a minute, if the frames cover a beat; 0 where there are no times."""
    if times_ms is None or len(times_ms) < 2 or times_ms[-1] <= times_ms[0]:
        return 0.0
    return 60_000.0 * (len(times_ms) - 1) / ((times_ms[-1] - times_ms[0]) * len(times_ms))
