"""Wall thickness and thickening by AHA segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import WallThickness
from septum.indices.centreline import thickness_mm
from septum.indices.segments import SEGMENTS, anterior_turn, insertions_of, orientation_is_lost, segment_of
from septum.indices.slices import LEVELS, base_is_last, rings_of, thirds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema
    from septum.indices.slices import Ring

Means = tuple[float | None, ...]

APEX_NOTE = "Segment 17, the apex, is not to be seen in short-axis slices and has no thickness."
LOST_NOTE = (
    "The image's axes run along the patient's, as those of short-axis slices never do, so that its "
    "orientation was lost: which end of the septum is anterior is taken from how such slices are displayed."
)
NOTHING: Means = (None,) * SEGMENTS


def wall_thickness(
    diastole: NDArray[np.uint8], systole: NDArray[np.uint8], schema: LabelSchema, geometry: Geometry
) -> tuple[WallThickness | None, tuple[str, ...]]:
    """Mean thickness of each segment in two frames, and notes.

    Only slices in which myocardium surrounds the cavity count. In each frame they are parted into a basal, a
    mid and an apical third. A level's septum is the mean over its slices in which the RV inserts; a level
    without any takes that of its neighbour towards the base, or else towards the apex.

    Args:
        diastole: labels of end-diastole, slices first, (Z, Y, X).
        systole: the same of end-systole.
        schema: with LV, MYO and RV.
        geometry: of both, slices first.

    Returns:
        ``None`` where no thickness can be told in either frame.
    """
    turn = anterior_turn(geometry)
    notes = [LOST_NOTE] if orientation_is_lost(geometry) else []
    ed, es = (_frame_means(labels, schema, geometry, turn) for labels in (diastole, systole))
    lacking = [name for name, means in (("end-diastole", ed), ("end-systole", es)) if means == NOTHING]
    if lacking:
        notes.append(
            f"At {' and '.join(lacking)} there is no wall thickness: it takes three slices with a closed "
            "ring of myocardium, and one in which the right ventricle borders on it."
        )
    if ed == es == NOTHING:
        return None, tuple(notes[-1:])
    thickening = tuple(
        None if a is None or b is None or a <= 0 else 100.0 * (b - a) / a for a, b in zip(ed, es, strict=True)
    )
    return WallThickness(ed, es, thickening), (*notes, APEX_NOTE)


def _frame_means(labels: NDArray[np.uint8], schema: LabelSchema, geometry: Geometry, turn: int) -> Means:
    """Mean thickness of each segment in a frame, in mm."""
    lv, myo, rv = (labels == _value(schema, name) for name in ("LV", "MYO", "RV"))
    rings = rings_of(lv, myo, rv, geometry.spacing_mm[1:])
    if len(rings) < LEVELS:
        return NOTHING
    if base_is_last(lv | myo | rv):
        rings.reverse()
    levels = thirds(len(rings))
    septa = _septa(rings, levels, turn)
    if septa is None:
        return NOTHING
    found: list[list[float]] = [[] for _ in range(SEGMENTS)]
    for ring, level in zip(rings, levels, strict=True):
        angles, thicknesses = thickness_mm(ring)
        for segment, one in zip(segment_of(angles, level, septa[level], turn), thicknesses, strict=True):
            found[segment - 1].append(float(one))
    return tuple(float(np.mean(values)) if values else None for values in found)


def _septa(rings: Sequence[Ring], levels: NDArray[np.int_], turn: int) -> list[float] | None:
    """Direction of the middle of the septum at each level; ``None`` if the RV is nowhere to be seen."""
    found: list[list[complex]] = [[] for _ in range(LEVELS)]
    for ring, level in zip(rings, levels, strict=True):
        insertions = insertions_of(ring, turn)
        if insertions is not None:
            found[level].append(complex(np.exp(1j * insertions.septum)))
    known = [level for level in range(LEVELS) if found[level]]
    if not known:
        return None
    sources = [max((k for k in known if k <= level), default=known[0]) for level in range(LEVELS)]
    return [float(np.angle(sum(found[source]))) for source in sources]


def _value(schema: LabelSchema, name: str) -> int:
    return next(structure.value for structure in schema.structures if structure.name == name)
