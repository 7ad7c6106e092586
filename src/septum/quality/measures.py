"""All that is measured of a mask to judge it, as numbers by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Orientation, Region
from septum.quality.function import curve_jump, mass_change, mass_spread, stroke_volume_mismatch
from septum.quality.pieces import apart, hollow
from septum.quality.stack import gaps, left_ventricle, on_edge, slice_shift_mm
from septum.quality.wall import open_wall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from septum.core import CardiacPhases, Indices, LabelSchema, Segmentation

    Frame = NDArray[np.uint8]

VENTRICULAR = frozenset({"LV", "MYO", "RV"})
#: An overlap cannot be expected to be better than so much less than 1.
LEAST_LACK = 0.001


@dataclass(frozen=True)
class NetworkEvidence:
    """What the networks made of each frame, ``None`` where that is not known.

    Attributes:
        agreement, soft_dice, flip_agreement: see
            :class:`septum.inference.out_of_distribution.Evidence`.
    """

    agreement: tuple[float | None, ...] = ()
    soft_dice: tuple[tuple[float | None, ...], ...] = ()
    flip_agreement: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Measure:
    """A number and where it was found.

    Attributes:
        value: without unit, or in the unit of the key.
        where: such as ``slice 3 of frame 0``, in words; empty for the study.
    """

    value: float
    where: str = ""


def measure_quality(
    segmentation: Segmentation, indices: Indices, evidence: NetworkEvidence
) -> dict[str, Measure]:
    """Everything that can be measured; what cannot is left out.

    Shapes are measured at end-diastole and end-systole, or in the only frame, and the worse of both counts.
    The same holds of the expected overlap; agreement is the mean of all frames which have one.

    Args:
        segmentation: (T, Z, Y, X), in any order of the spatial axes.
        indices: of that mask.
        evidence: of its frames, as far as it is known.
    """
    frames = _frames(indices.phases)
    worst: dict[str, Measure] = {}
    for t in frames:
        for key, measure in _of_frame(segmentation, t):
            if key not in worst or _is_worse(key, measure.value, worst[key].value):
                worst[key] = measure
    return {
        **_of_volumes(indices),
        **worst,
        **_of_networks(evidence),
        **_of_expected_overlap(evidence, frames, segmentation.schema.names),
    }


def _frames(phases: CardiacPhases | None) -> tuple[int, ...]:
    return (0,) if phases is None else (phases.end_diastole, phases.end_systole)


def _is_worse(key: str, value: float, other: float) -> bool:
    return value < other if key == "ventricle_length" else value > other


def _of_frame(segmentation: Segmentation, t: int) -> Iterator[tuple[str, Measure]]:
    """Shapes of one frame."""
    orientation = Orientation.of(segmentation.geometry)
    labels = orientation.apply(segmentation.labels[t])
    spacing_mm = segmentation.geometry.permuted(orientation.axes).spacing_mm
    yield "on_edge", Measure(on_edge(labels > 0), f"frame {t}")
    box = Region.bounding(labels > 0)
    if box is None:
        return
    structures = {s.name: labels == s.value for s in segmentation.schema.structures}
    close = {name: box.crop(mask) for name, mask in structures.items()}
    for name, mask in close.items():
        yield "pieces", Measure(apart(mask), f"{name} in frame {t}")
    for name, mask in _filled(close):
        yield "holes", Measure(hollow(mask, box.crop(labels) == 0), f"{name} in frame {t}")
    for name, mask in structures.items():
        empty = gaps(mask)
        where = (
            f"{name} in frame {t}, {'slice' if len(empty) == 1 else 'slices'} {', '.join(map(str, empty))}"
        )
        yield "gaps", Measure(len(empty), where)
    if _is_ventricular(segmentation.schema):
        yield from _of_ventricle(labels, structures, spacing_mm, t)


def _of_ventricle(
    labels: Frame,
    structures: Mapping[str, NDArray[np.bool_]],
    spacing_mm: tuple[float, float, float],
    t: int,
) -> Iterator[tuple[str, Measure]]:
    heart, lv = labels > 0, structures["LV"] | structures["MYO"]
    share, z = open_wall(structures["LV"], structures["MYO"], heart)
    yield "open_wall", Measure(share, "" if z is None else f"slice {z} of frame {t}")
    shift, z = slice_shift_mm(lv, spacing_mm[1:])
    yield "slice_shift_mm", Measure(shift, "" if z is None else f"slice {z} of frame {t}")
    if lv.any():
        reach = left_ventricle(lv, heart, spacing_mm)
        yield "ventricle_length", Measure(reach.length, f"frame {t}")
        yield "apex_cut", Measure(reach.apex_cut, f"frame {t}")
        yield "apex_stopped", Measure(reach.apex_stopped, f"frame {t}")


def _filled(close: Mapping[str, NDArray[np.bool_]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """What should have no holes: each structure, the myocardium with its cavity."""
    for name, mask in close.items():
        yield name, mask | close["LV"] if name == "MYO" and "LV" in close else mask


def _of_volumes(indices: Indices) -> dict[str, Measure]:
    """What volumes and masses say."""
    found: dict[str, Measure] = {}
    values = {item.key: item.value for item in indices.items}
    lv, rv = values.get("lv_sv_ml"), values.get("rv_sv_ml")
    if lv is not None and rv is not None:
        where = f"LV {lv:.0f} ml, RV {rv:.0f} ml"
        found["stroke_volume_mismatch"] = Measure(stroke_volume_mismatch(lv, rv), where)
    full, emptied = values.get("lv_mass_ed_g"), values.get("lv_mass_es_g")
    if full is not None and emptied is not None:
        where = f"{full:.0f} g and {emptied:.0f} g"
        found["mass_change"] = Measure(mass_change(full, emptied), where)
    if indices.phases is not None:
        for name in ("LV", "RV"):
            jump = curve_jump(indices.volumes_ml.get(name, ()))
            if jump is not None and jump[0] > found.get("curve_jump", Measure(0.0)).value:
                found["curve_jump"] = Measure(jump[0], f"{name} in frame {jump[1]}")
        if len(indices.volumes_ml.get("MYO", ())) > 2:
            share, t = mass_spread(indices.volumes_ml["MYO"])
            found["mass_spread"] = Measure(share, f"frame {t}")
    for key in ("lv_esv_ml", "rv_esv_ml"):
        value = values.get(key)
        if value is not None and value > 0:
            found[f"log_{key}"] = Measure(math.log(value))
    return found


def _of_networks(evidence: NetworkEvidence) -> dict[str, Measure]:
    known = {"agreement": evidence.agreement, "flip_agreement": evidence.flip_agreement}
    means = {key: [v for v in values if v is not None] for key, values in known.items()}
    return {key: Measure(float(np.mean(values))) for key, values in means.items() if values}


def _of_expected_overlap(
    evidence: NetworkEvidence, frames: Sequence[int], names: Sequence[str]
) -> dict[str, Measure]:
    """The Dice coefficient that the segmenter expects: mean, least, and least of each ventricle."""
    known = [
        (value, name, t)
        for t in frames
        if t < len(evidence.soft_dice)
        for name, value in zip(names, evidence.soft_dice[t], strict=False)
        if value is not None
    ]
    if not known:
        return {}
    least, name, t = min(known)
    mean = float(np.mean([value for value, _, _ in known]))
    found = {
        "least_soft_dice": Measure(least, f"{name} in frame {t}"),
        "log_soft_dice_lack": Measure(_log_lack(mean)),
        "log_least_soft_dice_lack": Measure(_log_lack(least)),
    }
    for ventricle in ("LV", "RV"):
        of_it = [value for value, name, _ in known if name == ventricle]
        if of_it:
            found[f"{ventricle.lower()}_soft_dice"] = Measure(min(of_it))
    return found


def _log_lack(share: float) -> float:
    """Logarithm of what a share lacks of 1."""
    return math.log(max(1.0 - share, LEAST_LACK))


def _is_ventricular(schema: LabelSchema) -> bool:
    return set(schema.names) >= VENTRICULAR
