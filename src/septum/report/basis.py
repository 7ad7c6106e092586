"""What the numbers of a report rest on: phases, body size and heart rate, and who told them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from septum.indices.body import NO_SIZE_NOTE
from septum.indices.clinical import PAPILLARY_NOTE
from septum.indices.wall import APEX_NOTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import Indices, Study

#: Notes that stand with the numbers; the others are about this study and stand with its verdict.
_ROUTINE = (PAPILLARY_NOTE, APEX_NOTE, NO_SIZE_NOTE)


def particular_notes(study: Study, indices: Indices | None) -> list[str]:
    """What had to be settled of this study, by its reader and for its numbers."""
    of_study = [note.text for note in study.notes]
    return [*of_study, *(n for n in (indices.notes if indices else ()) if n not in _ROUTINE)]


def routine_notes(indices: Indices) -> list[str]:
    """What holds of every such study."""
    return [note for note in indices.notes if note in _ROUTINE]


def basis(indices: Indices, study: Study) -> str:
    """What the numbers rest on, in one line."""
    told = []
    phases = indices.phases
    if phases is not None:
        user = dict.fromkeys(phases.given, ", given by the user")
        curve = "LV" if "LV" in indices.volumes_ml else "RV"
        sure = (
            ""
            if len(user) == 2
            else (
                f"; found on the {curve} volume curve with a confidence of {phases.confidence:.2f}, where 0 "
                "is a toss and 1 is certain"
            )
        )
        told.append(
            f"End-diastole: frame {phases.end_diastole}{user.get('end_diastole', '')}; "
            f"end-systole: frame {phases.end_systole}{user.get('end_systole', '')}{sure}."
        )
    area = indices.body_surface_area_m2
    if area is not None:
        by = [part for part in (indices.body_surface_area_formula, _size(indices, study)) if part]
        told.append(f"Body surface area: {area:.2f} m²" + (f" ({', '.join(by)})." if by else "."))
    else:
        told.append("Body surface area: not known, so nothing is indexed.")
    if indices.heart_rate_bpm is not None:
        rate = f"{indices.heart_rate_bpm:.0f} beats/min"
        told.append(f"Heart rate: {rate} ({_who_told_the_rate(indices, study)}).")
    return " ".join(told)


def _size(indices: Indices, study: Study) -> str:
    """Height and weight with who told them; nothing where they are not known."""
    height_m, weight_kg, header = indices.height_m, indices.weight_kg, study.subject
    if height_m is None or weight_kg is None:
        return ""
    tall, heavy = f"{100.0 * height_m:.4g} cm", f"{weight_kg:.4g} kg"
    by = [
        "in the file's header" if same else "given by the user"
        for same in (height_m == header.height_m, weight_kg == header.weight_kg)
    ]
    if by[0] == by[1]:
        return f"from {tall} and {heavy} {by[0]}"
    return f"from {tall} {by[0]} and {heavy} {by[1]}"


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
