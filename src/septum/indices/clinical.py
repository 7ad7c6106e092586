"""All clinical indices of a segmented study.

Source of conventions: Schulz-Menger J et al. Standardized image interpretation and post-processing in
cardiovascular magnetic resonance - 2020 update. J Cardiovasc Magn Reson 2020; 22:19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from septum.core import Indices, InputError, Orientation, Role, Subject, value_of
from septum.indices.body import BodySurfaceArea, surface_area
from septum.indices.definitions import DEFINITIONS
from septum.indices.measured import Measured, by_role, structure_volumes_ml
from septum.indices.notes import absence_notes, atrium_notes, convention_notes, ventricle_notes
from septum.indices.phases import find_phases
from septum.indices.strain import wall_strain
from septum.indices.time_base import TimeBase, time_base
from septum.indices.wall import wall_thickness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.core import CardiacPhases, Known, Note, Segmentation, Strain, WallThickness
    from septum.indices.definitions import Definition

#: The ventricles whose volume tells end-diastole from end-systole, the first that a mask has.
_TIMING = (Role.LV, Role.RV)
_WALLED = frozenset({Role.LV, Role.MYO, Role.RV})


def clinical_indices(
    segmentation: Segmentation,
    *,
    times_ms: Sequence[float] | None = None,
    subject: Subject | None = None,
    end_diastole: int | None = None,
    end_systole: int | None = None,
    body_surface_area: BodySurfaceArea = "du-bois",
    definitions: Sequence[Definition] = DEFINITIONS,
    volumes_ml: Mapping[str, tuple[float, ...]] | None = None,
) -> Indices:
    """Compute the clinical indices of a mask of the ventricles or of the left atrium.

    Items are always the same, in the same order; those that are not known have no value.

    Args:
        segmentation: (T, Z, Y, X), in any order of the spatial axes (:class:`septum.core.Orientation`).
        times_ms: time of each frame in ms, if known.
        subject: body size and heart rate, as far as known.
        end_diastole: frame from 0, instead of the detected one.
        end_systole: the same.
        body_surface_area: formula, ``du-bois`` or ``mosteller``.
        definitions: the indices, each with its computation.
        volumes_ml: of each structure, one a frame, where they are counted already.

    Raises:
        InputError: a given frame is not there, or there are not as many times as frames.
        SeptumError: there is no such formula.

    >>> import numpy as np
    >>> from septum.core import VENTRICLES, Geometry, Segmentation
    >>> labels = np.zeros((2, 1, 20, 20), np.uint8)
    >>> labels[0, 0, :10], labels[1, 0, :5] = 3, 3
    >>> mask = Segmentation(labels, Geometry((1, 20, 20), (10.0, 2.0, 2.0)), VENTRICLES)
    >>> clinical_indices(mask)["LV"].ejection_fraction_percent
    50.0
    """
    subject, frames, given = subject or Subject(), len(segmentation.labels), (end_diastole, end_systole)
    _check_times(times_ms, frames)
    named = dict(volumes_ml or structure_volumes_ml(segmentation))
    volumes = by_role(named, segmentation.schema)
    area, formula, area_notes = surface_area(subject, body_surface_area)
    timed_by, curve_ml = _timing(volumes)
    phases, timed = _phases_in_time(curve_ml, given, times_ms, subject.heart_rate_bpm)
    wall, strain, wall_notes = _wall(segmentation, phases, timed)
    measured = Measured(volumes, phases, timed, _still(frames, *given), strain)
    return Indices(
        phases=phases,
        volumes_ml=named,
        times_ms=None if times_ms is None else tuple(times_ms),
        items=tuple(one.index(one.compute(measured), value_of(area)) for one in definitions),
        wall=wall,
        body_surface_area_m2=area,
        body_surface_area_formula=None if area is None else formula,
        height_m=subject.height_m,
        weight_kg=subject.weight_kg,
        heart_rate_bpm=timed.heart_rate_bpm,
        notes=(*_notes(measured, timed_by, wall_notes), *area_notes),
        strain=strain,
    )


def _timing(
    volumes: Mapping[Role, tuple[float, ...]],
) -> tuple[Role | None, tuple[float, ...] | None]:
    """The ventricle whose volumes tell the phases, and these; ``None`` without one."""
    found = next((role for role in _TIMING if role in volumes), None)
    return found, None if found is None else volumes[found]


def _check_times(times_ms: Sequence[float] | None, frames: int) -> None:
    """Refuse times that are not one a frame. Raises :class:`InputError`."""
    if times_ms is not None and len(times_ms) != frames:
        raise InputError(f"times_ms: expected {frames} times, one a frame, got {len(times_ms)}.")


def _phases_in_time(
    curve_ml: Sequence[float] | None,
    given: tuple[int | None, int | None],
    times_ms: Sequence[float] | None,
    heart_rate_bpm: Known[float] | None,
) -> tuple[CardiacPhases | None, TimeBase]:
    """Find end-diastole and end-systole in the volumes of a ventricle, and its frames in time.

    Args:
        curve_ml: one volume a frame; ``None`` where the mask has no ventricle.
        given: end-diastolic and end-systolic frame, from 0, where the user gave them.
        times_ms: of each frame, if known.
        heart_rate_bpm: with its source, if known.
    """
    if curve_ml is not None:
        phases = find_phases(curve_ml, end_diastole=given[0], end_systole=given[1])
        if phases is not None:
            return phases, time_base(curve_ml, times_ms, heart_rate_bpm)
    return None, TimeBase(None, None, heart_rate_bpm)


def _notes(measured: Measured, timed_by: Role | None, wall_notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Gather what had to be settled, in the order in which it is shown."""
    return (
        *convention_notes(measured, timed_by), *ventricle_notes(measured), *measured.time.notes, *wall_notes,
        *atrium_notes(measured), *absence_notes(measured),
    )  # fmt: skip


def _still(
    frames: int, end_diastole: int | None, end_systole: int | None
) -> Literal["end-diastole", "end-systole", "unknown"] | None:
    """The phase of a single frame, as far as the user gave it."""
    if frames > 1:
        return None
    if end_diastole is not None:
        return "end-diastole"
    return "unknown" if end_systole is None else "end-systole"


def _wall(
    segmentation: Segmentation, phases: CardiacPhases | None, time: TimeBase
) -> tuple[WallThickness | None, Strain | None, tuple[Note, ...]]:
    """Wall thickness by segment and strain, where there are both ventricles."""
    if phases is None or not segmentation.schema.roles >= _WALLED:
        return None, None, ()
    orientation = Orientation.of(segmentation.geometry)
    labels = np.stack([orientation.apply(frame) for frame in segmentation.labels])
    schema, geometry = segmentation.schema, segmentation.geometry.permuted(orientation.axes)
    wall, notes = wall_thickness(labels[phases.end_diastole], labels[phases.end_systole], schema, geometry)
    strain, strain_notes = wall_strain(labels, schema, geometry, phases, time)
    return wall, strain, (*notes, *strain_notes)
