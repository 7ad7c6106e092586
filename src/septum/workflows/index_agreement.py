"""Volumes, mass and ejection fraction of predicted masks against those of true masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Segmentation
from septum.indices import clinical_indices
from septum.indices.definitions import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from septum.core import Geometry, Indices, LabelSchema
    from septum.workflows.mask_frames import FramePair

#: The indices that are compared, in the order in which they are shown.
COMPARED = (
    *("lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef_percent", "lv_mass_ed_g", "lv_mass_es_g"),
    *("rv_edv_ml", "rv_esv_ml", "rv_sv_ml", "rv_ef_percent"),
    *("la_volume_ml", "lv_volume_ml", "rv_volume_ml", "lv_mass_g"),
)
TITLES = {definition.key: definition.title for definition in DEFINITIONS}
UNITS = {definition.key: definition.unit for definition in DEFINITIONS}


@dataclass(frozen=True)
class IndexPair:
    """One index of one patient.

    Attributes:
        case: name of the patient's masks.
        key: of the index, such as ``lv_edv_ml``.
        predicted: of the predicted mask, in the unit of the index.
        true: of the true mask.
    """

    case: str
    key: str
    predicted: float
    true: float


@dataclass(frozen=True)
class IndexAgreement:
    """Agreement of one index over patients, after Bland and Altman: predicted minus true.

    Attributes:
        key: of the index.
        title, unit: of it, for people.
        n: number of patients.
        true_mean, predicted_mean: over them.
        bias: mean difference.
        lower, upper: limits of agreement, the bias -+ 1.96 SD of the differences; ``None`` for one patient.
        bias_low, bias_high: 95 % interval of the bias; ``None`` for fewer than three patients.
    """

    key: str
    title: str
    unit: str
    n: int
    true_mean: float
    predicted_mean: float
    bias: float
    lower: float | None
    upper: float | None
    bias_low: float | None
    bias_high: float | None


def index_pairs(
    case: str, frames: Sequence[FramePair], schema: LabelSchema, geometry: Geometry
) -> list[IndexPair]:
    """Compare the indices of one patient, each mask by its own end-diastole and end-systole.

    Frames that are known to be ED and ES are these phases of both masks. An index that either mask has not is
    left out.

    Args:
        case: the patient's name.
        frames: all that were scored of the patient, on one grid.
        schema: what labels mean.
        geometry: of the frames.
    """
    phases = [frame.phase for frame in frames]
    known = {
        name: phases.index(phase)
        for name, phase in (("end_diastole", "ED"), ("end_systole", "ES"))
        if phases.count(phase) == 1 and len(frames) <= 2
    }
    ours, theirs = (
        _values(
            clinical_indices(
                Segmentation(np.stack(labels).astype(np.uint8), geometry, schema),
                end_diastole=known.get("end_diastole"),
                end_systole=known.get("end_systole"),
            )
        )
        for labels in ([frame.prediction for frame in frames], [frame.truth for frame in frames])
    )
    return [IndexPair(case, key, ours[key], theirs[key]) for key in COMPARED if key in ours and key in theirs]


def agreement_of(pairs: Iterable[IndexPair]) -> tuple[IndexAgreement, ...]:
    """Summarise each index over the patients that have it."""
    from septum.metrics.agreement import agreement  # noqa: PLC0415  # loads scipy.stats

    by_key: dict[str, list[IndexPair]] = {key: [] for key in COMPARED}
    for pair in pairs:
        by_key[pair.key].append(pair)
    found = []
    for key, own in by_key.items():
        if not own:
            continue
        ours, theirs = [pair.predicted for pair in own], [pair.true for pair in own]
        limits = agreement(ours, theirs) if len(own) > 1 else None
        interval = limits.bias_ml if limits is not None and len(own) > 2 else None
        found.append(
            IndexAgreement(
                key,
                TITLES[key],
                UNITS[key],
                n=len(own),
                true_mean=float(np.mean(theirs)),
                predicted_mean=float(np.mean(ours)),
                bias=float(np.mean(np.subtract(ours, theirs))),
                lower=None if limits is None else limits.lower_ml.value,
                upper=None if limits is None else limits.upper_ml.value,
                bias_low=None if interval is None else interval.low,
                bias_high=None if interval is None else interval.high,
            )
        )
    return tuple(found)


def _values(indices: Indices) -> dict[str, float]:
    return {item.key: item.value for item in indices.items if item.value is not None}
