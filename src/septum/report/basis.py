"""What the numbers of a report rest on: phases, body size and heart rate, and who told them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Source
from septum.indices.body import NO_SIZE
from septum.indices.notes import PAPILLARY
from septum.indices.wall import APEX

if TYPE_CHECKING:
    from septum.core import Indices, Study

#: Notes that stand with the numbers; the others are about this study and stand with its verdict.
_ROUTINE = frozenset({PAPILLARY.key, APEX.key, NO_SIZE.key})
_SIZE_SOURCES = {
    Source.GIVEN: "given by the user",
    Source.FILE: "in the file's header",
    Source.DERIVED: "computed",
}
_RATE_SOURCES = {
    Source.GIVEN: "given by the user",
    Source.FILE: "from the file's header",
    Source.DERIVED: "taken from the span of the frames, not measured",
}


def particular_notes(study: Study, indices: Indices | None) -> list[str]:
    """What had to be settled of this study, by its reader and for its numbers."""
    of_study = [note.text for note in study.notes]
    of_numbers = () if indices is None else indices.notes
    return [*of_study, *(note.text for note in of_numbers if note.key not in _ROUTINE)]


def routine_notes(indices: Indices) -> list[str]:
    """What holds of every such study."""
    return [note.text for note in indices.notes if note.key in _ROUTINE]


def basis(indices: Indices) -> str:
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
        by = [part for part in (indices.body_surface_area_formula, _size(indices)) if part]
        told.append(f"Body surface area: {area.value:.2f} m²" + (f" ({', '.join(by)})." if by else "."))
    else:
        told.append("Body surface area: not known, so nothing is indexed.")
    if indices.heart_rate_bpm is not None:
        rate = indices.heart_rate_bpm
        told.append(f"Heart rate: {rate.value:.0f} beats/min ({_RATE_SOURCES[rate.source]}).")
    return " ".join(told)


def _size(indices: Indices) -> str:
    """Give height and weight with their sources; nothing where they are not known."""
    if indices.height_m is None or indices.weight_kg is None:
        return ""
    tall, heavy = f"{100.0 * indices.height_m.value:.4g} cm", f"{indices.weight_kg.value:.4g} kg"
    of_height, of_weight = (_SIZE_SOURCES[known.source] for known in (indices.height_m, indices.weight_kg))
    if of_height == of_weight:
        return f"from {tall} and {heavy} {of_height}"
    return f"from {tall} {of_height} and {heavy} {of_weight}"
