"""Wall thickness and thickening by AHA segment.

A line is drawn midway between the two borders of the wall. The thickness at a place of it is the sum of the
shortest ways from there to the one border and to the other: a chord of the centreline method whose halves may
meet at an angle, so that it cannot miss a cavity that is small or out of round.

Sources: Sheehan FH et al. Advantages and applications of the centerline method for characterizing regional
ventricular function. Circulation 1986; for wall thickness in cine images: van Rugge FP et al. Circulation
1994.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import Level, Note, Region, Role, WallThickness
from septum.core.remembering import Remembered
from septum.indices.borders import ANGLES, borders_mm
from septum.indices.segments import SEGMENTS, anterior_turn, insertions_of, orientation_is_lost, segment_of
from septum.indices.slices import LEVELS, base_is_last, rings_of, thirds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema
    from septum.indices.slices import Ring

    Floats = NDArray[np.float64]

Means = tuple[float | None, ...]

APEX = Note(
    "apex_not_seen", "Segment 17, the apex, is not to be seen in short-axis slices and has no thickness."
)
ORIENTATION_LOST = Note(
    "orientation_lost",
    "The file has lost its orientation; anterior and inferior may be swapped. They are named as in slices "
    "that are displayed in the usual way.",
    Level.WARNING,
)
NOTHING: Means = (None,) * SEGMENTS
#: Of the frames that were measured last.
_MEANS = Remembered[Means](most=8)


def wall_thickness(
    diastole: NDArray[np.uint8], systole: NDArray[np.uint8], schema: LabelSchema, geometry: Geometry
) -> tuple[WallThickness | None, tuple[Note, ...]]:
    """Measure the mean thickness of each segment in two frames, with notes.

    Only slices in which myocardium surrounds the cavity count. In each frame they are parted into a basal, a
    mid and an apical third. A level's septum is the mean over its slices in which the RV inserts; a level
    without any takes that of its neighbour towards the base, or else towards the apex.

    Args:
        diastole: labels of end-diastole, slices first, (Z, Y, X).
        systole: the same of end-systole.
        schema: with LV, MYO and RV.
        geometry: of both, slices first.

    Returns:
        ``None`` where no thickness can be measured in either frame.
    """
    turn = anterior_turn(geometry)
    notes = [ORIENTATION_LOST] if orientation_is_lost(geometry) else []
    ed, es = (_frame_means(labels, schema, geometry, turn) for labels in (diastole, systole))
    lacking = [name for name, means in (("end-diastole", ed), ("end-systole", es)) if means == NOTHING]
    if lacking:
        text = (
            f"At {' and '.join(lacking)} there is no wall thickness: it takes three slices with a closed "
            "ring of myocardium, and one in which the right ventricle borders on it."
        )
        notes.append(Note("no_wall_thickness", text))
    if ed == es == NOTHING:
        return None, tuple(notes[-1:])
    thickening = tuple(
        None if a is None or b is None or a <= 0 else 100.0 * (b - a) / a for a, b in zip(ed, es, strict=True)
    )
    return WallThickness(ed, es, thickening), (*notes, APEX)


def thickness_mm(ring: Ring) -> tuple[Floats, Floats]:
    """Measure the thickness of the wall in mm in each direction from the cavity's centre, in radians.

    Borders are taken as seen from the centre of the cavity, at half a voxel's accuracy or better.

    Args:
        ring: a slice with a whole ring of myocardium.
    """
    endo, epi = (border_mm(mask, ring) for mask in (ring.cavity, ring.outer))
    epi = np.maximum(epi, endo)
    centreline, inner, outer = (_points_mm(border) for border in ((endo + epi) / 2.0, endo, epi))
    return ANGLES, _ways_mm(centreline, inner) + _ways_mm(centreline, outer)


def _frame_means(labels: NDArray[np.uint8], schema: LabelSchema, geometry: Geometry, turn: int) -> Means:
    """Take the mean thickness of each segment in a frame, in mm.

    Args:
        labels: (Z, Y, X), slices first.
        schema: which value means which structure.
        geometry: grid of ``labels``.
        turn: way from the septum to the anterior wall, 1 or -1.
    """
    box = Region.bounding(labels > 0)
    if box is None:
        return NOTHING
    # A slice's own border counts for nothing here: a row and a column more than the heart takes are enough.
    heart = box.through(len(labels)).widened((0, 2, 2)).clipped(labels.shape).crop(labels)
    spacing_mm = (geometry.spacing_mm[1], geometry.spacing_mm[2])
    return _MEANS.of(heart, (schema, spacing_mm, turn), lambda: _means_of(heart, schema, spacing_mm, turn))


def _means_of(
    labels: NDArray[np.uint8], schema: LabelSchema, spacing_mm: tuple[float, float], turn: int
) -> Means:
    """The same of what is about the heart, with its spacing along (Y, X)."""
    lv, myo, rv = (labels == value_of_role(schema, role) for role in (Role.LV, Role.MYO, Role.RV))
    rings = rings_of(lv, myo, rv, spacing_mm)
    if len(rings) < LEVELS:
        return NOTHING
    if base_is_last(lv | myo | rv):
        rings.reverse()
    levels = thirds(len(rings))
    septa = septa_of(rings, levels, turn)
    if septa is None:
        return NOTHING
    found: list[list[float]] = [[] for _ in range(SEGMENTS)]
    for ring, level in zip(rings, levels, strict=True):
        angles, thicknesses = thickness_mm(ring)
        for segment, one in zip(segment_of(angles, level, septa[level], turn), thicknesses, strict=True):
            found[segment - 1].append(float(one))
    return tuple(float(np.mean(values)) if values else None for values in found)


def septa_of(rings: Sequence[Ring], levels: NDArray[np.int_], turn: int) -> list[float] | None:
    """Find the direction of the middle of the septum at each level; ``None`` if the RV is nowhere to be seen.

    Args:
        rings: slices in which myocardium surrounds the cavity.
        levels: of each ring, from 0 at the base.
        turn: way from the septum to the anterior wall, 1 or -1.
    """
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


def value_of_role(schema: LabelSchema, role: Role) -> int:
    """Give the label of the structure with a role, which the schema has.

    Args:
        schema: of a mask.
        role: of one of its structures.
    """
    return next(structure.value for structure in schema.structures if structure.role is role)


def border_mm(mask: NDArray[np.bool_], ring: Ring) -> Floats:
    """Measure the distance of a mask's border from the cavity's centre in each direction, smoothed, in mm.

    Args:
        mask: (Y, X), not empty.
        ring: the slice it is of.
    """
    return borders_mm(mask[None], np.asarray(ring.centre)[None], ring.spacing_mm)[0]


def _points_mm(border_mm: Floats) -> Floats:
    """Places (directions, 2) in plane from the distances of a border from the centre."""
    return border_mm[:, None] * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def _ways_mm(points: Floats, border: Floats) -> Floats:
    """Shortest way from each point to a border, a closed polygon of points (directions, 2)."""
    sides = np.roll(border, -1, axis=0) - border
    lengths = np.maximum((sides**2).sum(axis=1), 1e-12)
    along = points @ sides.T - (border * sides).sum(axis=1)  # of the way to a side's start, times its length
    share = np.clip(along / lengths, 0.0, 1.0)
    to_start = (points**2).sum(axis=1)[:, None] + (border**2).sum(axis=1) - 2.0 * (points @ border.T)
    squares = to_start - share * (2.0 * along - share * lengths)
    return np.sqrt(np.maximum(squares.min(axis=1), 0.0))
