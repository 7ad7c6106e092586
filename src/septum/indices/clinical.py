"""All clinical indices of a segmented study.

Source of conventions: Schulz-Menger J et al. Standardized image interpretation and post-processing in
cardiovascular magnetic resonance - 2020 update. J Cardiovasc Magn Reson 2020; 22:19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import CardiacPhases, Indices, InputError, Orientation, Subject
from septum.core.clinical import myocardial_mass_g
from septum.indices.absences import absences
from septum.indices.body import BodySurfaceArea, surface_area
from septum.indices.curve import LEAST_FRAMES, PeriodicCurve, peak_rates
from septum.indices.definitions import DEFINITIONS
from septum.indices.phases import find_phases
from septum.indices.right_ventricle import own_extremes_note
from septum.indices.time_base import TimeBase, time_base
from septum.indices.volumes import structure_volumes_ml
from septum.indices.wall import wall_thickness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.core import Segmentation, WallThickness

    Volumes = Mapping[str, tuple[float, ...]]

PAPILLARY_NOTE = "Papillary muscles and trabeculae count as cavity, not as myocardium."
ONE_FRAME_NOTE = (
    "There is one frame, whose phase is not known: volumes and mass are of that frame, and there are no "
    "end-diastolic and end-systolic values."
)
GIVEN_FRAME_NOTE = "There is one frame, whose phase was given: there are no values of the other phase."
ATRIUM_NOTE = (
    "The phase of the image is not known: the left atrium is largest at the end of ventricular systole, and "
    "smaller at any other time."
)
FLAT_NOTE = "The volume of the {} is the same in all frames: there is no end-diastole and no end-systole."


def clinical_indices(
    segmentation: Segmentation,
    *,
    times_ms: Sequence[float] | None = None,
    subject: Subject | None = None,
    end_diastole: int | None = None,
    end_systole: int | None = None,
    body_surface_area: BodySurfaceArea = "du-bois",
) -> Indices:
    """Clinical indices of a mask of the ventricles or of the left atrium.

    Items are always the same, in the same order; those that cannot be told have no value.

    Args:
        segmentation: (T, Z, Y, X), in any order of the spatial axes: the slice axis is found as by
            :class:`septum.core.Orientation`.
        times_ms: time of each frame in ms, if known.
        subject: body size and heart rate, as far as known.
        end_diastole: frame from 0, instead of the detected one.
        end_systole: the same.
        body_surface_area: formula, ``du-bois`` or ``mosteller``.

    Raises:
        InputError: a given frame is not there, or there are not as many times as frames.
        SeptumError: there is no such formula.
    """
    subject, frames = subject or Subject(), len(segmentation.labels)
    if times_ms is not None and len(times_ms) != frames:
        raise InputError(f"times_ms: expected {frames} times, one a frame, got {len(times_ms)}.")
    volumes = structure_volumes_ml(segmentation)
    area, formula, area_note = surface_area(subject, body_surface_area)
    area_m2 = None if area is None else area.value
    timed_by = next((name for name in ("LV", "RV") if name in volumes), "")
    timing = volumes.get(timed_by)
    values: dict[str, float] = {}
    notes: list[str] = []
    phases, wall, timed = None, None, TimeBase(None, None, subject.heart_rate_bpm)
    if timing is not None:
        phases = find_phases(timing, end_diastole=end_diastole, end_systole=end_systole)
        told = end_diastole is not None or end_systole is not None
        single = [GIVEN_FRAME_NOTE if told else ONE_FRAME_NOTE, PAPILLARY_NOTE]
        notes += [PAPILLARY_NOTE] if phases else [FLAT_NOTE.format(timed_by)] if frames > 1 else single
    if phases is not None and timing is not None:
        timed = time_base(timing, times_ms, subject.heart_rate_bpm)
        values |= _volumetric(volumes, phases, notes)
        values |= _dynamic(volumes, phases, timed, values)
        wall, wall_notes = _wall(segmentation, phases)
        notes += [*timed.notes, *wall_notes]
    elif frames == 1:
        phase = "ed" if end_diastole is not None else "es" if end_systole is not None else None
        values |= _still(volumes, phase)
    if "LA" in volumes and max(volumes["LA"]) > 0:
        values["la_volume_ml"] = max(volumes["LA"])
        notes += [ATRIUM_NOTE] if frames == 1 else []
    notes += absences(volumes, phases, timed)
    return Indices(
        phases=phases,
        volumes_ml=volumes,
        times_ms=None if times_ms is None else tuple(times_ms),
        items=tuple(one.index(values.get(one.key), area_m2) for one in DEFINITIONS),
        wall=wall,
        body_surface_area_m2=area,
        body_surface_area_formula=None if area is None else formula,
        height_m=subject.height_m,
        weight_kg=subject.weight_kg,
        heart_rate_bpm=timed.heart_rate_bpm,
        notes=tuple(note for note in (*notes, area_note) if note),
    )


def _volumetric(volumes: Volumes, phases: CardiacPhases, notes: list[str]) -> dict[str, float]:
    """Volumes, ejection fractions and masses at end-diastole and end-systole."""
    values: dict[str, float] = {}
    for name in ("LV", "RV"):
        if name not in volumes:
            continue
        full, emptied = volumes[name][phases.end_diastole], volumes[name][phases.end_systole]
        if full <= 0:
            notes.append(f"{name} is empty at end-diastole: it has no volumes and no ejection fraction.")
            continue
        key = name.lower()
        values |= {f"{key}_edv_ml": full, f"{key}_esv_ml": emptied, f"{key}_sv_ml": full - emptied}
        values[f"{key}_ef_percent"] = 100.0 * (full - emptied) / full
        if name == "RV" and "LV" in volumes:
            notes.append(own_extremes_note(volumes["RV"], phases))
    for key, frame in (("lv_mass_ed_g", phases.end_diastole), ("lv_mass_es_g", phases.end_systole)):
        if "MYO" in volumes and volumes["MYO"][frame] > 0:
            values[key] = myocardial_mass_g(volumes["MYO"][frame])
    return values


def _still(volumes: Volumes, phase: str | None) -> dict[str, float]:
    """Volumes and mass of a single frame, named for its phase, ``ed`` or ``es``, where that is given."""
    named = {"ed": "{}_edv_ml", "es": "{}_esv_ml", None: "{}_volume_ml"}[phase]
    values = {
        named.format(n.lower()): volumes[n][0] for n in ("LV", "RV") if n in volumes and volumes[n][0] > 0
    }
    if "MYO" in volumes and volumes["MYO"][0] > 0:
        values["lv_mass_g" if phase is None else f"lv_mass_{phase}_g"] = myocardial_mass_g(volumes["MYO"][0])
    return values


def _dynamic(
    volumes: Volumes, phases: CardiacPhases, timed: TimeBase, values: Mapping[str, float]
) -> dict[str, float]:
    """Cardiac output, and rates of ejection and filling."""
    if "lv_sv_ml" not in values:
        return {}
    found = {}
    if timed.heart_rate_bpm is not None:
        found["cardiac_output_l_min"] = values["lv_sv_ml"] * timed.heart_rate_bpm.value / 1000.0
    times_ms, cycle_ms = timed.times_ms, timed.cycle_ms
    if times_ms is None or cycle_ms is None or len(times_ms) < LEAST_FRAMES:
        return found
    curve = PeriodicCurve.fit(volumes["LV"], times_ms, cycle_ms)
    rates = peak_rates(curve, times_ms[phases.end_diastole], times_ms[phases.end_systole])
    return found | {
        "lv_peak_ejection_rate_ml_s": rates.ejection_ml_s,
        "lv_time_to_peak_ejection_ms": rates.ejection_ms,
        "lv_peak_filling_rate_ml_s": rates.filling_ml_s,
        "lv_time_to_peak_filling_ms": rates.filling_ms,
    }


def _wall(segmentation: Segmentation, phases: CardiacPhases) -> tuple[WallThickness | None, tuple[str, ...]]:
    """Wall thickness by segment, where there are both ventricles."""
    if not {"LV", "MYO", "RV"} <= set(segmentation.schema.names):
        return None, ()
    orientation = Orientation.of(segmentation.geometry)
    diastole, systole = (
        orientation.apply(segmentation.labels[t]) for t in (phases.end_diastole, phases.end_systole)
    )
    return wall_thickness(
        diastole, systole, segmentation.schema, segmentation.geometry.permuted(orientation.axes)
    )
