"""All that is measured of a mask to judge it, as numbers by key."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Orientation, Region, Role
from septum.core.remembering import Remembered
from septum.quality.evidence import network_measures
from septum.quality.shapes import (
    apart,
    gaps,
    hollow,
    left_ventricle,
    on_edge,
    open_wall,
    slice_growth,
    slice_shift_mm,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from septum.core import CardiacPhases, Indices, LabelSchema, Segmentation
    from septum.inference.out_of_distribution import Evidence

    Mask = NDArray[np.bool_]
    #: A key and what was measured.
    Found = tuple[str, "Measure"]

VENTRICULAR = frozenset({Role.LV, Role.MYO, Role.RV})
#: Below this, differences of stroke volumes are shares of it, so that a weak heart is no fault.
LEAST_STROKE_ML = 30.0
#: A cine with fewer frames has true jumps between them.
LEAST_FRAMES_OF_JUMPS = 10


@dataclass(frozen=True)
class Measure:
    """A number and where it was found.

    Attributes:
        value: without unit, or in the unit of the key.
        where: such as ``slice 3 of frame 0``, in words; empty for the study.
        structures: the value of each structure by its tag, where each has one; ``value`` is the worst.
    """

    value: float
    where: str = ""
    structures: Mapping[str, float] = field(default_factory=dict)


#: Shapes of the frames that were measured last.
_SHAPES = Remembered[tuple["Found", ...]](most=8)


def measure_quality(
    segmentation: Segmentation, indices: Indices, evidence: Sequence[Evidence] = ()
) -> dict[str, Measure]:
    """Measure everything that can be measured; what cannot is left out.

    Shapes are measured at end-diastole and end-systole, or in the only frame, and the worse of both counts.
    The same holds of the expected overlap; agreement is the mean of all frames which have one.

    Args:
        segmentation: (T, Z, Y, X), in any order of the spatial axes.
        indices: of that mask.
        evidence: of its frames, as far as it is known.
    """
    frames = frames_of(indices.phases)
    tags = [structure.tag for structure in segmentation.schema.structures]
    expected = {
        key: Measure(value, where, structures)
        for key, value, where, structures in network_measures(evidence, frames, tags)
    }
    shapes = _worst(one for t in frames for one in _of_frame(segmentation, t))
    beat = dict(_of_beat(segmentation, indices.phases))
    ends = _of_ends(segmentation, evidence, frames)
    return {**_of_volumes(indices, segmentation.schema), **shapes, **beat, **ends, **expected}


def frames_of(phases: CardiacPhases | None) -> tuple[int, ...]:
    """List the frames whose shape is measured: end-diastole and end-systole, or the first."""
    return (0,) if phases is None else (phases.end_diastole, phases.end_systole)


def stroke_volume_mismatch(lv_ml: float, rv_ml: float) -> float:
    """Compare the ventricles' stroke volumes: their difference as a share of the larger one.

    Without a shunt and without regurgitation both ventricles pump the same blood.

    >>> stroke_volume_mismatch(80.0, 60.0)
    0.25
    """
    return abs(lv_ml - rv_ml) / max(abs(lv_ml), abs(rv_ml), LEAST_STROKE_ML)


def mass_change(diastole_g: float, systole_g: float) -> float:
    """Compare the myocardial masses of two phases: their difference as a share of their mean.

    Muscle hardly shrinks.

    >>> round(mass_change(90.0, 110.0), 3)
    0.2
    """
    return abs(systole_g - diastole_g) / ((systole_g + diastole_g) / 2.0)


def mass_spread(masses_g: Sequence[float]) -> tuple[float, int]:
    """Find the frame whose mass is farthest from the median of all: the distance as a share of that, and it.

    >>> share, frame = mass_spread([100.0, 90.0, 100.0, 130.0])
    >>> round(share, 3), frame
    (0.3, 3)
    """
    masses = np.asarray(masses_g, float)
    middle = float(np.median(masses))
    away = np.abs(masses - middle) / middle if middle > 0 else np.zeros_like(masses)
    return float(away.max()), int(away.argmax())


def curve_jump(volumes_ml: Sequence[float]) -> tuple[float, int] | None:
    """Find how far a frame's volume is from the mean of its neighbours', as a share of the stroke volume.

    Args:
        volumes_ml: one a frame; the first and the last frame have one neighbour and are not looked at.

    Returns:
        The largest share and its frame; ``None`` with too few frames, or without any stroke.
    """
    volumes = np.asarray(volumes_ml, float)
    stroke = float(np.ptp(volumes))
    if len(volumes) < LEAST_FRAMES_OF_JUMPS or stroke == 0:
        return None
    away = np.abs(volumes[1:-1] - (volumes[:-2] + volumes[2:]) / 2.0) / stroke
    return float(away.max()), int(away.argmax()) + 1


def _worst(found: Iterable[Found]) -> dict[str, Measure]:
    """The worst of each key, with the worst of each structure."""
    worst: dict[str, Measure] = {}
    for key, one in found:
        other = worst.get(key, one)
        of_each = {tag: max(value, other.structures.get(tag, value)) for tag, value in one.structures.items()}
        shorter_is_worse = key == "ventricle_length"
        worse = one.value < other.value if shorter_is_worse else one.value > other.value
        kept = one if worse else other
        worst[key] = Measure(kept.value, kept.where, {**other.structures, **of_each})
    return worst


def _of_frame(segmentation: Segmentation, t: int) -> Iterator[Found]:
    """Shapes of one frame."""
    orientation, schema = Orientation.of(segmentation.geometry), segmentation.schema
    labels = orientation.apply(segmentation.labels[t])
    spacing_mm = segmentation.geometry.permuted(orientation.axes).spacing_mm
    yield from _SHAPES.of(
        labels, (schema, spacing_mm, t), lambda: tuple(_shapes_of(labels, schema, spacing_mm, t))
    )


def _shapes_of(
    labels: NDArray[np.uint8], schema: LabelSchema, spacing_mm: tuple[float, float, float], t: int
) -> Iterator[Found]:
    """The same of its labels, slices first."""
    yield "on_edge", Measure(on_edge(labels > 0), f"frame {t}")
    box = Region.bounding(labels > 0)
    if box is None:
        return
    plane = box.through(len(labels)).crop(labels)
    structures = {s.tag: plane == s.value for s in schema.structures}
    close = {tag: mask[box.start[0] : box.stop[0]] for tag, mask in structures.items()}
    for tag, mask in close.items():
        yield "pieces", _of_structure(apart(mask), tag, f"{tag} in frame {t}")
    for tag, mask in _filled(close):
        yield "holes", _of_structure(hollow(mask, box.crop(labels) == 0), tag, f"{tag} in frame {t}")
    for tag, mask in structures.items():
        empty = gaps(mask)
        slices = f"{'slice' if len(empty) == 1 else 'slices'} {', '.join(map(str, empty))}"
        yield "gaps", _of_structure(len(empty), tag, f"{tag} in frame {t}, {slices}")
    if schema.roles >= VENTRICULAR:
        yield from _of_ventricle(plane > 0, structures, spacing_mm, t)


def _of_beat(segmentation: Segmentation, phases: CardiacPhases | None) -> Iterator[Found]:
    """What end-diastole and end-systole say together."""
    value = next((s.value for s in segmentation.schema.structures if s.role is Role.LV), None)
    if phases is None or value is None:
        return
    orientation = Orientation.of(segmentation.geometry)
    _, row_mm, column_mm = segmentation.geometry.permuted(orientation.axes).spacing_mm
    full, emptied = (
        orientation.apply(segmentation.labels[t]) == value for t in (phases.end_diastole, phases.end_systole)
    )
    voxels, z = slice_growth(full, emptied)
    where = f"slice {z} of frame {phases.end_systole}"
    yield "slice_growth_cm2", Measure(voxels * row_mm * column_mm / 100.0, where)


def _of_ends(
    segmentation: Segmentation, evidence: Sequence[Evidence], frames: Sequence[int]
) -> dict[str, Measure]:
    """The least probability of an end slice that is drawn, as far as the model knows any."""
    orientation = Orientation.of(segmentation.geometry)
    least: dict[str, float] = {}
    found: list[tuple[float, str, str]] = []
    for t in frames:
        labels = orientation.apply(segmentation.labels[t])
        presence = evidence[t].presence if t < len(evidence) else ()
        for structure, known in zip(segmentation.schema.structures, presence, strict=False):
            drawn = np.flatnonzero((labels == structure.value).any(axis=(1, 2)))
            for z in {int(drawn[0]), int(drawn[-1])} if len(drawn) else set():
                probability = known[z]
                if probability is not None:
                    found.append((probability, structure.tag, f"{structure.tag} in slice {z} of frame {t}"))
                    least[structure.tag] = min(probability, least.get(structure.tag, 1.0))
    if not found:
        return {}
    value, _, where = min(found)
    return {"end_probability": Measure(value, where, least)}


def _of_structure(value: float, tag: str, where: str) -> Measure:
    return Measure(value, where, {tag: value})


def _of_ventricle(
    heart: Mask, structures: Mapping[str, Mask], spacing_mm: tuple[float, float, float], t: int
) -> Iterator[Found]:
    lv = structures[Role.LV] | structures[Role.MYO]
    share, z = open_wall(structures[Role.LV], structures[Role.MYO], heart)
    yield "open_wall", Measure(share, "" if z is None else f"slice {z} of frame {t}")
    shift, z = slice_shift_mm(lv, spacing_mm[1:])
    yield "slice_shift_mm", Measure(shift, "" if z is None else f"slice {z} of frame {t}")
    if lv.any():
        reach = left_ventricle(lv, heart, spacing_mm)
        yield "ventricle_length", Measure(reach.length, f"frame {t}")
        yield "apex_cut", Measure(reach.apex_cut, f"frame {t}")
        yield "apex_stopped", Measure(reach.apex_stopped, f"frame {t}")


def _filled(close: Mapping[str, Mask]) -> Iterator[tuple[str, Mask]]:
    """What should have no holes: each structure, the myocardium with its cavity."""
    for tag, mask in close.items():
        yield tag, mask | close[Role.LV] if tag == Role.MYO and Role.LV in close else mask


def _of_volumes(indices: Indices, schema: LabelSchema) -> dict[str, Measure]:
    """What volumes and masses say."""
    found: dict[str, Measure] = {}
    lv, rv = indices.value("lv_sv_ml"), indices.value("rv_sv_ml")
    if lv is not None and rv is not None:
        where = f"LV {lv:.0f} ml, RV {rv:.0f} ml"
        found["stroke_volume_mismatch"] = Measure(stroke_volume_mismatch(lv, rv), where)
    full, emptied = indices.value("lv_mass_ed_g"), indices.value("lv_mass_es_g")
    if full is not None and emptied is not None:
        where = f"{full:.0f} g and {emptied:.0f} g"
        found["mass_change"] = Measure(mass_change(full, emptied), where)
    if indices.phases is not None:
        found |= _worst(_jumps(indices, schema))
        muscle = indices.volumes_ml.get(schema.name_of(Role.MYO) or "", ())
        if len(muscle) > 2:
            share, t = mass_spread(muscle)
            found["mass_spread"] = Measure(share, f"frame {t}")
    for key in ("lv_esv_ml", "rv_esv_ml"):
        value = indices.value(key)
        if value is not None and value > 0:
            found[f"log_{key}"] = Measure(math.log(value))
    return found


def _jumps(indices: Indices, schema: LabelSchema) -> Iterator[Found]:
    for role in (Role.LV, Role.RV):
        jump = curve_jump(indices.volumes_ml.get(schema.name_of(role) or "", ()))
        if jump is not None and jump[0] > 0:
            yield "curve_jump", _of_structure(jump[0], role.value, f"{role} in frame {jump[1]}")
