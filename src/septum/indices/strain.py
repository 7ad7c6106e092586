"""Strain of the LV wall from its borders, over the beat.

Circumferential strain is the change of the length of a line around the cavity, radial strain that of the
thickness of the wall, both relative to end-diastole (Lagrangian, engineering strain). The lines are the two
borders of the wall and the one midway between them, in slices that stay where they are: what moves through a
slice is not followed, and neither is any point of the wall.

Sources: for the definitions Voigt JU et al. Definitions for a common standard for 2D speckle tracking
echocardiography. Eur Heart J Cardiovasc Imaging 2015; 16:1-11, doi 10.1093/ehjci/jeu184; for strain from
borders in short-axis cines Schuster A et al. Cardiovascular magnetic resonance myocardial feature tracking.
Circ Cardiovasc Imaging 2016; 9:e004077, which this is not, as no feature is tracked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Note, Region, Role
from septum.core.remembering import Remembered
from septum.core.strain import ENDOCARDIAL, EPICARDIAL, MIDWALL, RADIAL, SegmentStrain, Strain, StrainCurve
from septum.indices.borders import ANGLES, DIRECTIONS, borders_mm
from septum.indices.segments import SEGMENTS, anterior_turn, segment_of
from septum.indices.slices import LEVELS, Ring, base_is_last, thirds
from septum.indices.wall import septa_of, value_of_role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from septum.core import CardiacPhases, Geometry, LabelSchema
    from septum.indices.time_base import TimeBase

    Floats = NDArray[np.float64]

#: A slice counts if so many of its frames show a whole ring, end-diastole and end-systole among them.
LEAST_SHARE = 0.9
#: Voxels around the heart that are kept when its borders are sought.
_MARGIN = 2
NO_STRAIN = Note(
    "no_strain",
    "There is no strain: it takes a slice with a closed ring of myocardium in nine of ten frames, among them "
    "end-diastole and end-systole.",
)


@dataclass(frozen=True)
class Walls:
    """The borders of the wall in the slices that count, base first.

    Attributes:
        slices: their numbers in the mask.
        rings: of each slice at end-diastole.
        endo_mm, epi_mm: distance of both borders from the centre of the cavity, (T, slices, directions).
    """

    slices: tuple[int, ...]
    rings: tuple[Ring, ...]
    endo_mm: Floats
    epi_mm: Floats

    @property
    def lengths_mm(self) -> Mapping[str, Floats]:
        """Lengths of the three lines in each direction, and the thickness of the wall, by name of strain."""
        middle = (self.endo_mm + self.epi_mm) / 2.0
        slope = _slope(middle)
        straight = middle / np.hypot(middle, slope)  # cosine of the angle of ray and normal
        return {
            ENDOCARDIAL: _arcs_mm(self.endo_mm),
            MIDWALL: np.hypot(middle, slope) * (2.0 * np.pi / DIRECTIONS),
            EPICARDIAL: _arcs_mm(self.epi_mm),
            RADIAL: (self.epi_mm - self.endo_mm) * straight,
        }


def wall_strain(
    labels: NDArray[np.uint8],
    schema: LabelSchema,
    geometry: Geometry,
    phases: CardiacPhases,
    time: TimeBase,
) -> tuple[Strain | None, tuple[Note, ...]]:
    """Measure strain over a beat, with notes.

    A slice counts if myocardium surrounds its whole cavity in nine of ten frames, end-diastole and
    end-systole among them. What is missing in between is interpolated in time. The strain of several slices
    is that of the sum of their lines, and of the mean of their thickness. Segments are those of
    end-diastole, about the centre of the cavity in each frame.

    Args:
        labels: of all frames, slices first, (T, Z, Y, X).
        schema: with LV, MYO and RV.
        geometry: of each frame, slices first.
        phases: of the beat.
        time: the frames in time.

    Returns:
        ``None`` where no slice counts.
    """
    walls = _walls(labels, schema, geometry, phases)
    if walls is None:
        return None, (NO_STRAIN,)
    lengths, count = walls.lengths_mm, len(walls.slices)
    levels = thirds(count) if count >= LEVELS else np.full(count, -1)

    def curves(chosen: NDArray[np.bool_]) -> dict[str, StrainCurve]:
        if not chosen.any():
            return {}
        return {
            name: _curve(of[:, chosen].sum(axis=(1, 2)), name, phases, time) for name, of in lengths.items()
        }

    turn = anterior_turn(geometry)
    septa = septa_of(walls.rings, levels, turn) if count >= LEVELS else None
    by_segment = [
        _segments(lengths[name], levels, septa, turn, partial(_curve, name=name, phases=phases, time=time))
        for name in (MIDWALL, RADIAL)
    ]
    basal, mid, apical = (curves(levels == level) for level in range(LEVELS))
    whole = curves(np.ones(count, bool))
    return Strain(walls.slices, whole, basal, mid, apical, by_segment[0], by_segment[1]), ()


def _walls(
    labels: NDArray[np.uint8], schema: LabelSchema, geometry: Geometry, phases: CardiacPhases
) -> Walls | None:
    """Find the borders in all slices that count; ``None`` if none does."""
    lv, myo, rv = (value_of_role(schema, role) for role in (Role.LV, Role.MYO, Role.RV))
    near = _cropped(labels, labels != 0)
    near = _cropped(near, (near == lv) | (near == myo))
    if not near.size:
        return None
    spacing_mm, first = (geometry.spacing_mm[1], geometry.spacing_mm[2]), phases.end_diastole
    counts: list[int] = []
    found: list[_Slice] = []
    for z in np.flatnonzero((near == lv).any(axis=(0, 2, 3))):
        voxels = np.ascontiguousarray(near[:, z])
        one = _SLICES.of(
            voxels, (lv, myo, spacing_mm), partial(_slice_of, voxels == lv, voxels == myo, spacing_mm)
        )
        if one.whole[first] and one.whole[phases.end_systole] and one.whole.mean() >= LEAST_SHARE:
            counts.append(int(z))
            found.append(one)
    if not found:
        return None
    if base_is_last(labels[first] > 0):
        counts.reverse()
        found.reverse()
    rings = tuple(
        Ring(near[first, z] == lv, one.outer[first], near[first, z] == rv, spacing_mm)
        for z, one in zip(counts, found, strict=True)
    )
    borders = np.stack([one.borders_mm for one in found], axis=2)  # (T, 2, slices, directions)
    return Walls(tuple(counts), rings, borders[:, 0], borders[:, 1])


@dataclass(frozen=True)
class _Slice:
    """A slice over the beat.

    Attributes:
        whole: in which frames myocardium surrounds the cavity, (T).
        outer: what the epicardium encloses, (T, Y, X).
        borders_mm: distances of both borders from the centre of the cavity, (T, 2, directions); where there
            is no ring, they lie between those of other frames.
    """

    whole: NDArray[np.bool_]
    outer: NDArray[np.bool_]
    borders_mm: Floats


#: Slices of the mask that was measured last: while it is being corrected, most of them stay.
_SLICES: Remembered[_Slice] = Remembered(most=48)


def _slice_of(cavity: NDArray[np.bool_], myo: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> _Slice:
    """Find the borders of a slice, cavity and myocardium (T, Y, X), in all frames."""
    outer = _filled_holes(myo)
    closed = cavity.any(axis=(1, 2)) & outer.any(axis=(1, 2)) & ~(cavity & ~outer).any(axis=(1, 2))
    whole: NDArray[np.bool_] = np.asarray(closed)
    borders = np.zeros((len(whole), 2, DIRECTIONS))
    if not whole.any():
        return _Slice(whole, outer, borders)
    inside = cavity[whole]
    size = inside.sum(axis=(1, 2))
    y = (inside.sum(axis=2) * np.arange(inside.shape[1])).sum(axis=1) / size
    x = (inside.sum(axis=1) * np.arange(inside.shape[2])).sum(axis=1) / size
    centres = np.stack([y, x], axis=1)
    endo, epi = (borders_mm(masks, centres, spacing_mm) for masks in (inside, outer[whole]))
    borders[whole] = np.stack([endo, np.maximum(epi, endo)], axis=1)
    if not whole.all():
        known, frames = np.flatnonzero(whole), np.arange(len(whole))
        columns = borders[known].reshape(len(known), -1).T
        filled = [np.interp(frames, known, one, period=float(len(whole))) for one in columns]
        borders = np.stack(filled, axis=1).reshape(len(whole), 2, DIRECTIONS)
    return _Slice(whole, outer, borders)


def _cropped(labels: NDArray[np.uint8], heart: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Crop labels (T, Z, Y, X) in plane to the heart, a mask of the same shape; a margin stays."""
    found = Region.bounding(np.asarray(heart.any(axis=0)))
    if found is None:
        return labels[..., :0, :0]
    grid = labels.shape[1:]
    return found.through(grid[0]).widened((0, _MARGIN, _MARGIN)).clipped(grid).crop(labels)


def _filled_holes(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes of each frame of masks (T, Y, X)."""
    from scipy.ndimage import binary_fill_holes  # noqa: PLC0415  # slow to load

    in_plane = np.zeros((1, 3, 3), bool)
    in_plane[0, 1] = in_plane[0, :, 1] = True
    return np.asarray(binary_fill_holes(masks, in_plane))


def _slope(border_mm: Floats) -> Floats:
    """Derivative of the distance from the centre by the direction, of a periodic border of few harmonics."""
    spectrum = np.fft.rfft(border_mm, axis=-1)
    orders = np.arange(spectrum.shape[-1])
    slope: Floats = np.fft.irfft(1j * orders * spectrum, border_mm.shape[-1], axis=-1)
    return slope


def _arcs_mm(border_mm: Floats) -> Floats:
    """Length of a border in each direction: sqrt(r^2 + r'^2) times the step of the direction."""
    arcs: Floats = np.hypot(border_mm, _slope(border_mm)) * (2.0 * np.pi / DIRECTIONS)
    return arcs


def _curve(lengths_mm: Floats, name: str, phases: CardiacPhases, time: TimeBase) -> StrainCurve:
    """Make a curve of a length in each frame, (T)."""
    percent = 100.0 * (lengths_mm / lengths_mm[phases.end_diastole] - 1.0)
    peak = int(percent.argmax() if name == RADIAL else percent.argmin())
    return StrainCurve(
        tuple(float(value) for value in percent), float(percent[peak]), peak, _time_ms(peak, phases, time)
    )


def _time_ms(frame: int, phases: CardiacPhases, time: TimeBase) -> float | None:
    """Time from end-diastole to a frame."""
    if time.times_ms is None or time.cycle_ms is None:
        return None
    return float((time.times_ms[frame] - time.times_ms[phases.end_diastole]) % time.cycle_ms)


def _segments(
    lengths_mm: Floats,
    levels: NDArray[np.int_],
    septa: Sequence[float] | None,
    turn: int,
    curve_of: Callable[[Floats], StrainCurve],
) -> SegmentStrain:
    """Take the peak of each segment."""
    peaks: list[float | None] = [None] * SEGMENTS
    times: list[float | None] = [None] * SEGMENTS
    if septa is None:
        return SegmentStrain(tuple(peaks), tuple(times))
    for level in range(LEVELS):
        of_level = lengths_mm[:, levels == level].sum(axis=1)  # (T, directions)
        segments = segment_of(ANGLES, level, septa[level], turn)
        for segment in sorted(set(segments.tolist())):
            curve = curve_of(of_level[:, segments == segment].sum(axis=1))
            peaks[segment - 1], times[segment - 1] = curve.peak_percent, curve.time_to_peak_ms
    return SegmentStrain(tuple(peaks), tuple(times))
